"""JSON NetworkMessages of others."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.time import from_iso
from server.pubsub.commands.subscribed.json_messages import read_messages, read_metadata
from server.pubsub.commands.subscribed.messages import MessageUnreadable, ReceivedField
from tests.thorough import examples

TIME = "2026-01-01T00:00:00Z"
LIMIT = 100_000


def message(**payload: Any) -> dict[str, Any]:
    return {
        "DataSetWriterId": 7,
        "SequenceNumber": 5,
        "MetaDataVersion": {"MajorVersion": 3, "MinorVersion": 4},
        "Timestamp": TIME,
        "MessageType": "ua-deltaframe",
        "Payload": payload,
    }


def encoded(given: object) -> bytes:
    return json.dumps(given).encode()


def test_a_network_message_with_all_headers() -> None:
    network = {
        "MessageId": "1",
        "MessageType": "ua-data",
        "PublisherId": "p",
        "Messages": [message(a=1.5), message(b=2)],
    }
    first, second = read_messages(encoded(network), LIMIT)
    assert (first.publisher, first.writer, first.sequence, first.version) == ("p", 7, 5, 3)
    assert (first.kind, first.time) == ("ua-deltaframe", from_iso(TIME))
    assert first.fields == {"a": ReceivedField(1.5)}
    assert second.fields == {"b": ReceivedField(2)}
    assert read_messages(encoded(message(a=1)), LIMIT)[0].fields == {"a": ReceivedField(1)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"Value": 1, "SourceTimestamp": TIME}, ReceivedField(1, None, from_iso(TIME))),
        ({"UaType": 6, "Value": 1, "Status": {"Code": 5}}, ReceivedField({"UaType": 6, "Value": 1}, 5)),
        ({"Type": 6, "Body": 1}, ReceivedField({"UaType": 6, "Value": 1})),
        ({"Value": {"Type": 6, "Body": [1]}, "StatusCode": 7}, ReceivedField({"UaType": 6, "Value": [1]}, 7)),
        ({"Status": {"Code": 0x80310000}}, ReceivedField(None, 0x80310000)),
        ({"Low": 1, "High": 2}, ReceivedField({"Low": 1, "High": 2})),
    ],
)
def test_fields_in_their_forms(given: object, expected: ReceivedField) -> None:
    (read,) = read_messages(encoded(message(a=given)), LIMIT)
    assert read.fields["a"] == expected


def test_without_headers_the_fields_are_all_there_is() -> None:
    (read,) = read_messages(encoded({"a": 1, "b": {"Value": 2}}), LIMIT)
    assert (read.fields, read.sequence) == ({"a": ReceivedField(1), "b": ReceivedField(2)}, None)
    assert [one.sequence for one in read_messages(encoded([message(a=1), {"a": 1}]), LIMIT)] == [5, None]


def test_metadata() -> None:
    described = {"Fields": [{"Name": "a"}, {"Name": "b"}], "ConfigurationVersion": {"MajorVersion": 9}}
    found = read_metadata(encoded({"PublisherId": "p", "DataSetWriterId": 7, "MetaData": described}), LIMIT)
    assert (found.publisher, found.writer, found.version, found.names) == ("p", 7, 9, ("a", "b"))


@pytest.mark.parametrize(
    "given",
    [
        *([], 5, {}, [{}], {"Messages": [3]}, {"Messages": [{"a": 1}] * 1001}, {"Messages": []}),
        {"MessageType": "ua-metadata", "Messages": []},
        {"Messages": [{**message(), "SequenceNumber": -1}]},
        {"Messages": [{**message(), "Timestamp": 5}]},
    ],
)
def test_what_is_none(given: object) -> None:
    with pytest.raises(MessageUnreadable):
        read_messages(encoded(given), LIMIT)


KEYS = st.sampled_from(
    ["Messages", "Payload", "Value", "Status", "Type", "Body", "SequenceNumber", "MetaData", "Fields", "a"]
)
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@settings(max_examples=examples(50, 2000), deadline=None)
@given(st.dictionaries(KEYS, JSON))
def test_whatever_comes_is_read_or_refused(given: object) -> None:
    for read in (read_messages, read_metadata):
        with contextlib.suppress(MessageUnreadable):
            read(encoded(given), LIMIT)
