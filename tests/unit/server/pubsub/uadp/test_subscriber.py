from __future__ import annotations

import pytest

from core.datatypes import DataType
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.errors import InsecureMessage
from server.pubsub.uadp.publisher import UadpPublisher
from server.pubsub.uadp.security import is_newer
from server.pubsub.uadp.settings import UadpSettings
from server.pubsub.uadp.subscriber import UadpSubscriber
from tests.unit.server.pubsub.uadp.plain import IDENTITY, PlainField, fields_of, frame_of, publisher
from tests.unit.server.pubsub.uadp.test_security import Keys, SecuredPublisher

FIELDS = fields_of([DataType.DOUBLE, DataType.STRING])


def _encoding(secured: UadpPublisher | None = None) -> UadpEncoding:
    return UadpEncoding(secured or publisher(), IDENTITY, FIELDS, ("RawData",), UadpSettings())


def _payloads(encoding: UadpEncoding, largest: int = 100_000) -> list[bytes]:
    frame = frame_of([PlainField(0, DataType.DOUBLE, 1.5), PlainField(1, DataType.STRING, "x" * 300)])
    return [one.message.payload for one in encoding.data([frame], largest)]


def test_raw_data_are_read_once_their_metadata_are_there() -> None:
    subscriber, encoding = UadpSubscriber(), _encoding()
    (data,) = _payloads(encoding)
    before = subscriber.receive(data, 0.0)
    assert before is not None
    assert isinstance(before.payload, tuple)
    assert before.payload[0].raw is not None
    subscriber.receive(encoding.metadata()[0].payload, 0.0)
    after = subscriber.receive(data, 0.0)
    assert after is not None
    assert isinstance(after.payload, tuple)
    assert len(after.payload[0].fields) == 2
    assert after.publisher is not None
    assert subscriber.metadata(after.publisher, 7) is not None


def test_chunks_are_one_message() -> None:
    subscriber, encoding = UadpSubscriber(), _encoding()
    subscriber.receive(encoding.metadata()[0].payload, 0.0)
    *first, last = _payloads(encoding, 150)
    assert first
    assert all(subscriber.receive(chunk, 0.0) is None for chunk in first)
    whole = subscriber.receive(last, 0.0)
    assert whole is not None
    assert isinstance(whole.payload, tuple)
    assert len(whole.payload[0].fields) == 2
    assert subscriber.counters.chunks.whole == 1


def test_a_secured_message_counts_once() -> None:
    keys = Keys()
    subscriber, encoding = UadpSubscriber(keys=keys, required="Sign"), _encoding(SecuredPublisher(keys, "Sign"))
    (one,), (two,) = _payloads(encoding), _payloads(encoding)
    assert subscriber.receive(two, 0.0) is not None
    assert subscriber.receive(two, 0.0) is None  # sent again
    assert subscriber.receive(one, 0.0) is None  # kept back by somebody
    assert subscriber.counters.old == 2
    assert subscriber.receive(_payloads(encoding)[0], 0.0) is not None
    with pytest.raises(InsecureMessage):
        subscriber.receive(_payloads(_encoding())[0], 0.0)


@pytest.mark.parametrize(
    ("sequence", "last", "newer"),
    [(2, 1, True), (1, 1, False), (1, 2, False), (0, 2**32 - 1, True), (2**32 - 1, 0, False), (2**31, 1, False)],
)
def test_numbers_go_round(sequence: int, last: int, newer: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_newer(sequence, last) is newer
