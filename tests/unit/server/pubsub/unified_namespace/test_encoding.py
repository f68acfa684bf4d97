from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.datatypes import DataType
from core.quality import Status
from core.time import now, to_iso
from server.pubsub.contract import BrokerSession
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType
from server.pubsub.unified_namespace.encoding import NamespaceEncoding
from server.pubsub.unified_namespace.session import NamespaceSession
from server.pubsub.unified_namespace.settings import NamespaceSettings
from server.pubsub.unified_namespace.topics import Place, topics

MOMENT = now()
PLACE = Place("plant", "line-1", "default", "meters")
FIELDS = [
    DataSetField("T", 0, DataType.DOUBLE, "nsu=urn:p;s=T", "CEL", "warm", (0, 10), path=("Line1", "Filler", "T")),
    DataSetField("S", 1, DataType.STRING, "nsu=urn:p;s=S", path=("Line1", "S#1")),
    DataSetField("N", 2, DataType.INT64, "nsu=urn:p;s=N", "widgets", path=("N",)),
    DataSetField("A", 3, DataType.VARIANT, "nsu=urn:p;s=A", built_in=DataType.DOUBLE, value_rank=1, path=("A",)),
    DataSetField("C", 4, DataType.STATUSCODE, "nsu=urn:p;s=C", path=("C",)),
]


def encoding_of(**settings: Any) -> NamespaceEncoding:
    chosen = NamespaceSettings.model_validate(settings)
    return NamespaceEncoding(chosen, FIELDS, topics(chosen, PLACE, FIELDS))


def part(slot: int, value: Any, status: int = 0, *, empty: bool = False) -> FieldValues:
    kind = FIELDS[slot].datatype
    column = np.empty(1, kind.dtype)
    column[0] = value
    times = np.array([MOMENT], np.int64)
    none = np.array([True]) if empty else None
    return FieldValues(
        kind, np.array([slot], np.int32), column, np.array([status], np.uint32), times, times + 10_000_000, none
    )


def frame(*parts: FieldValues) -> Frame:
    return Frame(MessageType.DELTA_FRAME, 7, MOMENT + 20_000_000, parts)


def test_each_value_is_a_message_that_needs_no_other() -> None:
    made = encoding_of().data([frame(part(0, 21.5), part(2, 1 << 60))], 0)
    one, other = (json.loads(each.message.payload) for each in made)
    assert one.pop("id") != other.pop("id")
    assert one == {
        "value": 21.5,
        "unit": "°C",
        "quality": "Good",
        "status": 0,
        "sourceTime": to_iso(MOMENT),
        "gatewayTime": to_iso(MOMENT + 10_000_000),
        "serverTime": to_iso(MOMENT + 20_000_000),
    }
    assert (other["value"], other["unit"]) == (1 << 60, "widgets")
    message = made[0].message
    assert (message.topic, message.qos, message.retain) == ("plant/Line1/Filler/T", 1, True)
    assert made[1].message.topic == "plant/N"
    assert all(each.values == 1 for each in made)


@pytest.mark.parametrize(
    ("given", "value", "quality"),
    [
        (part(0, 1.0, Status.BAD_NO_COMMUNICATION), 1.0, "BadNoCommunication"),
        (part(0, 0.0, Status.BAD_WAITING_FOR_INITIAL_DATA, empty=True), None, "BadWaitingForInitialData"),
        (part(0, float("nan")), "NaN", "Good"),
        (part(1, 'ä"', Status.UNCERTAIN), 'ä"', "Uncertain"),
        (part(1, None), None, "Good"),
        (part(3, [1.0, 2.5]), [1.0, 2.5], "Good"),
        (part(4, 0x80000000), 0x80000000, "Good"),
    ],
)
def test_values_and_quality(given: FieldValues, value: object, quality: str) -> None:
    (made,) = encoding_of(retain=False, qos=0).data([frame(given)], 0)
    shown = json.loads(made.message.payload)
    assert (shown["value"], shown["quality"]) == (value, quality)
    assert (made.message.qos, made.message.retain) == (0, False)


def test_several_values_with_times_of_their_own() -> None:
    times = np.array([MOMENT, MOMENT + 1], np.int64)
    both = FieldValues(
        DataType.DOUBLE, np.array([0, 0], np.int32), np.array([1.0, 2.0]), np.zeros(2, np.uint32), times, times
    )
    made = [json.loads(one.message.payload) for one in encoding_of().data([frame(both)], 0)]
    assert [one["sourceTime"] for one in made] == [to_iso(MOMENT), to_iso(MOMENT + 1)]
    assert len({one["id"] for one in made}) == 2


def test_keep_alives_are_no_messages() -> None:
    assert not encoding_of().data([Frame(MessageType.KEEP_ALIVE, 1, MOMENT, ())], 0)


def test_points_are_described_beside_their_values() -> None:
    described = encoding_of().metadata()
    assert described[0].topic == "plant/Line1/Filler/T/_meta"
    assert described[0].retain
    assert json.loads(described[0].payload) == {
        "name": "T",
        "nodeId": "nsu=urn:p;s=T",
        "type": "Double",
        "path": ["Line1", "Filler", "T"],
        "unit": "°C",
        "unitCode": "CEL",
        "low": 0,
        "high": 10,
        "description": "warm",
    }
    assert json.loads(described[3].payload)["array"] is True
    assert encoding_of(metadata=False).metadata() == []


def test_what_is_replayed_says_so() -> None:
    session: BrokerSession = NamespaceSession("plant", "line-1")
    (made,) = encoding_of().data([frame(part(0, 21.5))], 0)
    live = session.finish(made.message, replayed=False)
    late = session.finish(made.message, replayed=True)
    assert live is made.message
    assert json.loads(late.payload) == {**json.loads(live.payload), "backfill": True}
    assert (late.topic, late.qos, late.retain) == (live.topic, live.qos, live.retain)
    description = encoding_of().metadata()[0]
    assert session.finish(description, replayed=True) is description


def test_the_gateway_says_whether_it_is_there() -> None:
    session = NamespaceSession("plant", "line-1")
    will = session.will()
    (here,), (gone,) = session.greeting(), session.farewell()
    assert {will.topic, here.topic, gone.topic} == {"plant/_status/line-1"}
    assert all(one.retain and one.qos == 1 for one in (will, here, gone))
    assert [json.loads(one.payload)["status"] for one in (will, here, gone)] == ["lost", "online", "offline"]
    assert "time" not in json.loads(will.payload)
