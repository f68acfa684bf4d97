from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import OnBad, Point
from core.quality import Status
from core.time import now
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues
from server.pubsub.sampling import EverySample, LatestValues

POINTS = [
    Point("n0", DataType.DOUBLE, deadband=0.5),
    Point("n1", DataType.INT32, on_bad=OnBad.NULL),
    Point("n2", DataType.STRING),
    Point("n3", DataType.DOUBLE),
]
FIELDS = [DataSetField(f"f{slot}", slot, POINTS[slot].datatype, POINTS[slot].node) for slot in (3, 0, 1, 2)]


def _apply(image: ProcessImage, slot: int, value: object, *, status: int = 0, moment: int = 0) -> None:
    values = np.empty(1, object if isinstance(value, str | None) else type(value))
    values[0] = value
    image.apply(Batch(np.array([slot], np.int32), values, status, moment or now(), now()))


NAMES = [field.name for field in FIELDS]


def _taken(parts: tuple[FieldValues, ...]) -> dict[str, object]:
    return {
        NAMES[index]: value
        for part in parts
        for index, value in zip(part.index.tolist(), part.values.tolist(), strict=True)
    }


def test_all_fields_come_when_asked_for_and_changed_ones_otherwise() -> None:
    image = ProcessImage(POINTS, now())
    latest = LatestValues(image, FIELDS)
    for slot, value in enumerate([1.0, 2, "three", 4.0]):
        _apply(image, slot, value)
    assert _taken(latest.take(whole=True)) == {"f0": 1.0, "f1": 2, "f2": "three", "f3": 4.0}
    assert latest.take(whole=False) == ()
    _apply(image, 1, 3)
    _apply(image, 2, "drei")
    _apply(image, 3, 4.0)
    assert _taken(latest.take(whole=False)) == {"f1": 3, "f2": "drei"}


def test_a_change_within_the_deadband_is_none_but_a_key_frame_shows_the_value() -> None:
    image = ProcessImage(POINTS, now())
    latest = LatestValues(image, FIELDS)
    _apply(image, 0, 1.0)
    latest.take(whole=True)
    _apply(image, 0, 1.4)
    assert latest.take(whole=False) == ()
    assert _taken(latest.take(whole=True))["f0"] == 1.4


def test_a_changed_status_is_a_change_and_nan_is_not() -> None:
    image = ProcessImage(POINTS, now())
    latest = LatestValues(image, FIELDS)
    _apply(image, 3, math.nan)
    latest.take(whole=True)
    _apply(image, 3, math.nan)
    assert latest.take(whole=False) == ()
    image.mark(np.array([3], np.int32), Status.BAD_NO_COMMUNICATION, now())
    (part,) = latest.take(whole=False)
    assert part.status.tolist() == [Status.BAD_NO_COMMUNICATION]


def test_what_was_never_read_or_is_null_when_bad_is_empty() -> None:
    image = ProcessImage(POINTS, now())
    latest = LatestValues(image, FIELDS)
    _apply(image, 0, 1.0)
    _apply(image, 1, 2)
    for slot in (0, 1):
        image.mark(np.array([slot], np.int32), Status.BAD_NO_COMMUNICATION, now())
    empty: dict[str, bool] = {}
    for part in latest.take(whole=True):
        assert part.empty is not None
        empty |= {NAMES[int(index)]: bool(none) for index, none in zip(part.index, part.empty, strict=True)}
    assert empty == {"f0": False, "f1": True, "f2": True, "f3": True}


def test_samples_of_one_time_share_a_message_across_types() -> None:
    image = ProcessImage(POINTS, now())
    every = EverySample(image, FIELDS, "d", 100)
    image.add_tap(every)
    for moment in (1_000, 2_000):
        _apply(image, 0, float(moment), moment=moment)
        _apply(image, 1, moment, moment=moment)
    assert [_taken(parts) for parts in every.take()] == [{"f0": 1_000.0, "f1": 1_000}, {"f0": 2_000.0, "f1": 2_000}]
    assert every.take() == []


def test_a_batch_with_many_times_is_sorted_into_them() -> None:
    image = ProcessImage(POINTS, now())
    every = EverySample(image, FIELDS, "d", 100)
    image.add_tap(every)
    times = np.array([7, 5], np.int64)
    image.apply(Batch(np.array([0, 3], np.int32), np.array([1.0, 2.0]), 0, times, now()))
    assert [_taken(parts) for parts in every.take()] == [{"f3": 2.0}, {"f0": 1.0}]


def test_only_the_points_of_the_dataset_take_room_and_the_oldest_go_first() -> None:
    image = ProcessImage([*POINTS, Point("n4", DataType.DOUBLE)], now())
    every = EverySample(image, FIELDS, "d", 3)
    image.add_tap(every)
    for number in range(5):
        _apply(image, 4, float(number))
        _apply(image, 3, float(number), moment=number + 1)
    assert (every.counters.offered, every.counters.dropped) == (5, 2)
    assert [_taken(parts)["f3"] for parts in every.take()] == [2.0, 3.0, 4.0]


@given(st.lists(st.tuples(st.sampled_from([0, 1, 3]), st.integers(1, 4)), max_size=40))
def test_no_sample_is_lost_and_a_points_samples_keep_their_order(arrivals: list[tuple[int, int]]) -> None:
    image = ProcessImage(POINTS, now())
    every = EverySample(image, FIELDS, "d", 1_000)
    image.add_tap(every)
    sent: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, (slot, moment) in enumerate(arrivals):
        _apply(image, slot, number if slot == 1 else float(number), moment=moment)
        sent[f"f{slot}"].append((moment, number))
    got: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for parts in every.take():
        moments = {int(moment) for part in parts for moment in part.source_time}
        assert len(moments) == 1
        names = [NAMES[int(index)] for part in parts for index in part.index.tolist()]
        assert len(set(names)) == len(names)
        for name, value in _taken(parts).items():
            got[name].append((next(iter(moments)), int(str(value).split(".", maxsplit=1)[0])))
    assert got == sent


def test_what_comes_late_is_not_published_as_news() -> None:
    image = ProcessImage(POINTS, now())
    every, latest = EverySample(image, FIELDS, "data", 100), LatestValues(image, FIELDS)
    image.add_tap(every)
    _apply(image, 0, 1.0)
    latest.take(whole=False)
    image.apply(Batch(np.zeros(1, np.int32), np.array([2.0]), 0, now() - 10_000, now(), backfill=True))
    assert every.counters.offered == 1
    assert [_taken(frame) for frame in every.take()] == [{"f0": 1.0}]
    assert latest.take(whole=False) == ()
