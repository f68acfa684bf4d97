from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import Status
from core.time import from_iso
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType, WriterIdentity
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.messages import MessageEncoder

MOMENT = from_iso("2024-01-02T03:04:05Z")
IDENTITY = WriterIdentity("line-1", "default", "meters", 7, (10, 11))
FIELDS = [
    DataSetField("Speed", 0, DataType.INT64, "nsu=urn:x;s=speed"),
    DataSetField("Temperature", 1, DataType.DOUBLE, "nsu=urn:x;s=t"),
    DataSetField('Na"me', 2, DataType.STRING, "nsu=urn:x;s=n"),
]
DEFAULT = ("StatusCode", "SourceTimestamp", "RawData")


def _part(datatype: DataType, index: list[int], values: list[object], **other: Any) -> FieldValues:
    column: Any = np.empty(len(values), datatype.dtype)
    column[:] = values
    size = len(values)
    status = np.array(other.get("status", [0] * size), np.uint32)
    source = np.array(other.get("times", [MOMENT] * size), np.int64)
    empty = np.array(other["empty"], np.bool_) if "empty" in other else None
    return FieldValues(datatype, np.array(index, np.int32), column, status, source, source + 10_000, empty)


PARTS = (
    _part(DataType.DOUBLE, [1], [21.5]),
    _part(DataType.INT64, [0], [3]),
    _part(DataType.STRING, [2], ["a\nb"]),
)


def _payload(content: tuple[str, ...], parts: tuple[FieldValues, ...]) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(FieldEncoder(FIELDS, content).payload(parts))
    return payload


def _frame(kind: MessageType, parts: tuple[FieldValues, ...], sequence: int = 1) -> Frame:
    return Frame(kind, sequence, MOMENT, parts)


def test_a_network_message_is_that_of_part_14() -> None:
    encoder = MessageEncoder(IDENTITY, FieldEncoder(FIELDS, DEFAULT))
    ((payload, values),) = encoder.network_messages([_frame(MessageType.KEY_FRAME, PARTS, 5)], 100_000)
    message = json.loads(payload)
    assert values == 3
    assert len(message.pop("MessageId")) == 36
    assert message == {
        "MessageType": "ua-data",
        "PublisherId": "line-1",
        "WriterGroupName": "default",
        "Messages": [
            {
                "DataSetWriterId": 7,
                "DataSetWriterName": "meters",
                "SequenceNumber": 5,
                "MetaDataVersion": {"MajorVersion": 10, "MinorVersion": 11},
                "Timestamp": "2024-01-02T03:04:05Z",
                "MessageType": "ua-keyframe",
                "Payload": {
                    "Speed": {"Value": "3", "SourceTimestamp": "2024-01-02T03:04:05Z"},
                    "Temperature": {"Value": 21.5, "SourceTimestamp": "2024-01-02T03:04:05Z"},
                    'Na"me': {"Value": "a\nb", "SourceTimestamp": "2024-01-02T03:04:05Z"},
                },
            }
        ],
    }


def test_fields_stand_in_the_order_of_the_dataset_whatever_their_columns() -> None:
    assert list(_payload(DEFAULT, PARTS)) == ["Speed", "Temperature", 'Na"me']


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (("RawData",), 21.5),
        ((), 21.5),
        (("StatusCode",), {"Value": 21.5}),
        (("StatusCode", "RawData"), {"Value": 21.5}),
        (
            ("SourceTimestamp", "ServerTimestamp"),
            {
                "Value": 21.5,
                "SourceTimestamp": "2024-01-02T03:04:05Z",
                "ServerTimestamp": "2024-01-02T03:04:05.001Z",
            },
        ),
    ],
)
def test_the_content_mask_decides_the_form_of_a_field(content: tuple[str, ...], expected: object) -> None:
    assert _payload(content, PARTS)["Temperature"] == expected


def test_each_field_has_its_own_status_and_time() -> None:
    part = _part(
        DataType.INT64,
        [0, 1],
        [1, 2],
        status=[0, Status.UNCERTAIN_LAST_USABLE_VALUE],
        times=[MOMENT, MOMENT + 10_000_000],
    )
    payload = _payload(DEFAULT, (part,))
    assert payload["Speed"] == {"Value": "1", "SourceTimestamp": "2024-01-02T03:04:05Z"}
    assert payload["Temperature"] == {
        "Value": "2",
        "Status": {"Code": 0x40900000, "Symbol": "UncertainLastUsableValue"},
        "SourceTimestamp": "2024-01-02T03:04:06Z",
    }


@pytest.mark.parametrize("content", [DEFAULT, ("StatusCode",), ("SourceTimestamp",)])
def test_what_has_no_value_goes_without_one_and_is_never_a_zero(content: tuple[str, ...]) -> None:
    waiting = Status.BAD_WAITING_FOR_INITIAL_DATA
    part = _part(DataType.INT64, [0, 1], [0, 0], status=[waiting, 0], empty=[True, False])
    payload = _payload(content, (part,))
    shown: dict[str, Any] = {}
    if "StatusCode" in content:
        shown["Status"] = {"Code": 0x80320000, "Symbol": "BadWaitingForInitialData"}
    if "SourceTimestamp" in content:
        shown["SourceTimestamp"] = "2024-01-02T03:04:05Z"
    assert payload["Speed"] == shown
    assert payload["Temperature"]["Value"] == "0"


def test_a_variant_that_has_no_value_is_its_status() -> None:
    part = _part(DataType.INT64, [0], [0], status=[Status.BAD_WAITING_FOR_INITIAL_DATA], empty=[True])
    assert _payload(("RawData",), (part,))["Speed"]["Symbol"] == "BadWaitingForInitialData"


def test_a_bad_variant_is_its_status_and_an_uncertain_one_a_data_value() -> None:
    part = _part(
        DataType.INT64, [0, 1], [4, 5], status=[Status.BAD_NO_COMMUNICATION, Status.UNCERTAIN_LAST_USABLE_VALUE]
    )
    payload = _payload(("RawData",), (part,))
    assert payload["Speed"] == {"Code": 0x80310000, "Symbol": "BadNoCommunication"}
    assert payload["Temperature"]["Value"] == "5"
    assert payload["Temperature"]["Status"]["Code"] == 0x40900000


@pytest.mark.parametrize(
    ("status", "overall"),
    [
        ([0, 0], None),
        ([0, Status.BAD_NO_COMMUNICATION], 0x40000000),
        ([Status.BAD_NO_COMMUNICATION, Status.BAD_TIMEOUT], 0x80000000),
        ([0, Status.UNCERTAIN_LAST_USABLE_VALUE], 0x40000000),
    ],
)
def test_the_status_of_a_message_stands_for_all_its_fields(status: list[int], overall: int | None) -> None:
    encoder = MessageEncoder(IDENTITY, FieldEncoder(FIELDS, DEFAULT))
    part = _part(DataType.INT64, [0, 1], [1, 2], status=status)
    message = json.loads(encoder.message(_frame(MessageType.DELTA_FRAME, (part,))))
    assert message["MessageType"] == "ua-deltaframe"
    assert message.get("Status", {}).get("Code") == overall


def test_a_keep_alive_has_no_payload() -> None:
    message = json.loads(
        MessageEncoder(IDENTITY, FieldEncoder(FIELDS, DEFAULT)).message(_frame(MessageType.KEEP_ALIVE, ()))
    )
    assert message["MessageType"] == "ua-keepalive"
    assert "Payload" not in message


def test_messages_are_put_together_up_to_the_size_and_never_cut() -> None:
    encoder = MessageEncoder(IDENTITY, FieldEncoder(FIELDS, DEFAULT))
    frames = [_frame(MessageType.KEY_FRAME, PARTS, number) for number in range(10)]
    made = encoder.network_messages(frames, 2_000)
    sequences = [message["SequenceNumber"] for payload, _ in made for message in json.loads(payload)["Messages"]]
    assert sequences == list(range(10))
    assert all(len(payload) <= 2_000 for payload, _ in made)
    assert sum(values for _, values in made) == 30
    assert len({json.loads(payload)["MessageId"] for payload, _ in made}) == len(made) > 1
    alone = encoder.network_messages(frames, 10)
    assert len(alone) == 10
