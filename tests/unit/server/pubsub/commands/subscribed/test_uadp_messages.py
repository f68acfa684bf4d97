"""UADP messages as a reader sees them, made by the gateway's own encoder."""

from __future__ import annotations

import contextlib

import pytest

from core.datatypes import DataType
from server.pubsub.commands.port import EncodedVariant
from server.pubsub.commands.subscribed.messages import KEY_FRAME, MessageUnreadable
from server.pubsub.commands.subscribed.uadp_messages import Security, UadpSource
from server.pubsub.uadp.encoding import UadpEncoding
from server.pubsub.uadp.settings import UadpSettings
from tests.unit.server.pubsub.uadp.plain import IDENTITY, MOMENT, PlainField, fields_of, frame_of, publisher
from tests.unit.server.pubsub.uadp.test_security import Keys, SecuredPublisher

TYPES = [DataType.DOUBLE, DataType.INT32, DataType.STRING]
MOST = 1_000_000


def encoding(*content: str) -> UadpEncoding:
    return UadpEncoding(publisher(), IDENTITY, fields_of(TYPES), content, UadpSettings())


def given(text: str = "a") -> list[PlainField]:
    return [
        PlainField(0, DataType.DOUBLE, 1.5),
        PlainField(1, DataType.INT32, 7, 0x40900000),
        PlainField(2, DataType.STRING, text),
    ]


def test_fields_have_the_names_of_the_metadata() -> None:
    made, source = encoding("StatusCode", "SourceTimestamp"), UadpSource(MOST)
    (message,) = made.data([frame_of(given())], MOST)
    (unnamed,) = source.messages(message.message.payload)
    assert unnamed.fields == {}
    (known,) = source.metadata(made.metadata()[0].payload)
    assert (known.publisher, known.writer, known.version, known.names) == ("line-1", 7, 10, ("f0", "f1", "f2"))
    (read,) = source.messages(message.message.payload)
    assert (read.publisher, read.writer, read.kind, read.minor) == ("line-1", 7, KEY_FRAME, 11)
    assert read.sequence == 1
    assert read.fields["f1"].status == 0x40900000
    assert read.fields["f1"].source_time == MOMENT
    assert read.fields["f0"].value == EncodedVariant(b"\x0b" + b"\0\0\0\0\0\0\xf8\x3f")
    assert source.metadata(message.message.payload) == []
    assert source.messages(made.metadata()[0].payload) == []


def test_raw_data_needs_metadata_and_chunks_their_last() -> None:
    made, source = encoding("RawData"), UadpSource(MOST)
    source.metadata(made.metadata()[0].payload)
    pieces = made.data([frame_of(given("x" * 5000))], 1500)
    assert len(pieces) > 3
    read = [one for piece in pieces for one in source.messages(piece.message.payload)]
    assert len(read) == 1
    assert set(read[0].fields) == {"f0", "f1", "f2"}


def test_secured_messages_are_read_once_and_others_not_at_all() -> None:
    keys = Keys()
    secured = UadpEncoding(
        SecuredPublisher(keys, "SignAndEncrypt"), IDENTITY, fields_of(TYPES), ("StatusCode",), UadpSettings()
    )
    source = UadpSource(MOST, Security(keys, "SignAndEncrypt"))
    source.metadata(secured.metadata()[0].payload)
    payload = secured.data([frame_of(given("geheim"))], MOST)[0].message.payload
    assert b"geheim" not in payload
    (read,) = source.messages(payload)
    assert set(read.fields) == {"f0", "f1", "f2"}
    assert source.messages(payload) == []
    plain = encoding("StatusCode")
    for refused in (plain.data([frame_of(given())], MOST)[0].message.payload, plain.metadata()[0].payload):
        with pytest.raises(MessageUnreadable, match="SignAndEncrypt is required"):
            source.messages(refused)
        with pytest.raises(MessageUnreadable, match="SignAndEncrypt is required"):
            source.metadata(refused)
    with pytest.raises(MessageUnreadable):
        UadpSource(MOST, Security(Keys(seed=2), "Sign")).messages(payload)


@pytest.mark.parametrize("payload", [b"", b"\0", b"\xff" * 40, b"{}", b"\xf1" + b"\0" * 30])
def test_what_is_none(payload: bytes) -> None:
    for read in (UadpSource(MOST).messages, UadpSource(MOST).metadata):
        with contextlib.suppress(MessageUnreadable):
            assert read(payload) == []
