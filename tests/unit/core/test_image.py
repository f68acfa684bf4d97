from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.batch import Batch, Samples
from core.datatypes import DataType
from core.image import BatchError, ProcessImage
from core.point import OnBad, Point
from core.quality import BACKFILLED, NO_VALUE, Status, is_bad

NUMBERS = [member for member in DataType if member.is_number]
WHOLE = [member for member in NUMBERS if member.is_integer]
RAW_TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


@dataclass
class Recorded:
    """A tap that keeps all it is offered."""

    samples: list[Samples] = field(default_factory=list[Samples])

    def offer(self, samples: Samples) -> None:
        self.samples.append(samples)


@dataclass
class ModelPoint:
    """One point taken by itself, in plain Python numbers: what the columns are held against."""

    point: Point
    value: Any
    status: int = int(Status.BAD_WAITING_FOR_INITIAL_DATA)
    handed_on: Any = 0
    absent: bool = True

    def take(self, raw: float, status: int) -> bool:
        """Take a sample in; tell whether it is a change."""
        point = self.point
        before = self.status, self.absent
        value: Any = None
        if not is_bad(status):
            value, status = self._engineering(raw, status)
        if value is None:
            value = 0 if point.on_bad is OnBad.NULL else self.value
            self.absent |= point.on_bad is OnBad.NULL
        else:
            self.absent = False
        distance = _distance(value, self.handed_on)
        changed = not _same(value, self.handed_on) and not distance <= point.deadband
        if point.deadband == 0:
            changed = not _same(value, self.handed_on)
        changed = changed or (status, self.absent) != before
        self.value, self.status = value, status
        if changed:
            self.handed_on = value
        return changed

    def _engineering(self, raw: float, status: int) -> tuple[Any, int]:
        point, datatype = self.point, self.point.datatype
        exact = isinstance(raw, int) and datatype.is_integer and not point.is_scaled
        value: Any = raw if exact else float(raw)
        if point.is_scaled:
            value = value * point.scale + point.offset
        if value < point.minimum or value > point.maximum:
            if point.clamp:
                value = min(max(float(value), point.minimum), point.maximum)
                status = int(Status.GOOD_CLAMPED) if status == 0 else status
            else:
                status = int(Status.BAD_OUT_OF_RANGE)
        fitting = _fit(datatype, value)
        if fitting is None:
            return None, int(Status.BAD_OUT_OF_RANGE)
        return fitting, status


def _fit(datatype: DataType, value: Any) -> Any:
    if datatype.is_integer:
        if isinstance(value, float):
            if not math.isfinite(value):
                return None
            value = round(value)
        limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # an integer type, as checked
        return value if limits.min <= value <= limits.max else None
    if datatype is DataType.DOUBLE:
        return value
    with np.errstate(over="ignore"):
        narrowed = float(np.float32(value))
    return None if math.isinf(narrowed) and math.isfinite(value) else narrowed


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    return one == other


def _distance(one: Any, other: Any) -> Any:
    if isinstance(one, int) and isinstance(other, int):
        return abs(one - other)
    return abs(float(one) - float(other))


limits = st.sampled_from([(-math.inf, math.inf), (-100.0, 100.0), (0.0, 50.5), (-1e6, 1e6)])


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    """One to six points of one number type."""
    datatype = draw(st.sampled_from(NUMBERS))
    made: list[Point] = []
    for number in range(draw(st.integers(1, 6))):
        low, high = draw(limits)
        scaled = draw(st.booleans())
        made.append(
            Point(
                f"nsu=urn:test;s=p{number}",
                datatype,
                draw(st.sampled_from([0.1, -2.0, 1e300, 1000.0])) if scaled else 1.0,
                draw(st.sampled_from([0.0, 5.5, -40.0])) if scaled else 0.0,
                low,
                high,
                draw(st.sampled_from([0.0, 0.0, 0.5, 10.0])),
                clamp=draw(st.booleans()),
                on_bad=draw(st.sampled_from(OnBad)),
            )
        )
    return made


def raws(raw_type: str) -> st.SearchStrategy[Any]:
    if raw_type == "f4":
        return st.floats(width=32) | st.integers(-200, 200).map(float)
    if raw_type == "f8":
        return st.floats() | st.integers(-200, 200).map(float)
    held = np.iinfo(raw_type)
    return st.integers(int(held.min), int(held.max)) | st.integers(max(int(held.min), -120), 120)


@given(st.data())
def test_columns_do_what_each_point_by_itself_would(data: st.DataObject) -> None:
    described = data.draw(points())
    image = ProcessImage(described, 7)
    tap = Recorded()
    image.add_tap(tap)
    model = [ModelPoint(point, 0) for point in described]
    statuses = st.sampled_from([0, 0, 0, 0x40900000, 0x80310000, 0x00960000])
    for step in range(data.draw(st.integers(1, 8), label="batches")):
        raw_type = data.draw(st.sampled_from(RAW_TYPES), label="raw type")
        slots = data.draw(st.permutations(range(len(described))), label="slots")
        slots = slots[: data.draw(st.integers(1, len(slots)))]
        raw = [data.draw(raws(raw_type)) for _ in slots]
        status = [data.draw(statuses) for _ in slots]
        changes = [model[slot].take(one, code) for slot, one, code in zip(slots, raw, status, strict=True)]
        times = np.arange(len(slots), dtype=np.int64) + 1000 * step
        image.apply(
            Batch(np.array(slots, np.int32), np.array(raw, raw_type), np.array(status, np.uint32), times, 50 + step)
        )
        handed = tap.samples[-1]
        assert handed.changed.tolist() == changes
        for position, slot in enumerate(slots):
            reading = image.read(slot)
            expected = model[slot]
            assert _same(reading.value, None if expected.absent else expected.value), described[slot]
            assert _same(handed.values[position].item(), expected.value)
            assert reading.status == expected.status
            assert handed.status[position] == expected.status | (NO_VALUE if expected.absent else 0)
            assert reading.source_time == times[position] == handed.source_time[position]
            assert reading.server_time == 50 + step == handed.server_time


def one(datatype: DataType, **more: Any) -> tuple[ProcessImage, Any]:
    image = ProcessImage([Point("nsu=urn:test;s=p", datatype, **more)], 7)
    slots = np.array([0], np.int32)

    def apply(value: Any, status: int = 0, raw_type: Any = None) -> Samples:
        return image.apply(Batch(slots, np.array([value], raw_type or datatype.dtype), status, 10, 20))

    return image, apply


def test_a_point_that_never_had_a_value_says_so() -> None:
    image, _ = one(DataType.DOUBLE)
    reading = image.read(0)
    assert (reading.status, reading.source_time, reading.server_time) == (Status.BAD_WAITING_FOR_INITIAL_DATA, 7, 7)
    assert reading.value is None


@pytest.mark.parametrize("datatype", [DataType.DOUBLE, DataType.BOOLEAN, DataType.STRING])
def test_a_point_that_was_never_heard_has_no_value_however_its_device_is_given_up(datatype: DataType) -> None:
    image, apply = one(datatype)
    image.mark(np.array([0], np.int32), int(Status.BAD_NO_COMMUNICATION), 9)
    reading = image.read(0)
    assert (reading.value, reading.status) == (None, Status.BAD_NO_COMMUNICATION)
    apply(datatype.dtype.type(1), int(Status.BAD_DEVICE_FAILURE))
    assert (image.read(0).value, image.read(0).status) == (None, Status.BAD_DEVICE_FAILURE)


def test_the_reserved_bits_of_a_devices_status_are_not_taken_for_the_images_own_mark() -> None:
    image, apply = one(DataType.DOUBLE)
    apply(5.0, NO_VALUE | 0x20000000)
    assert (image.read(0).value, image.read(0).status) == (5.0, Status.GOOD)


def test_the_first_value_is_a_change_even_when_it_is_zero() -> None:
    _, apply = one(DataType.DOUBLE)
    assert apply(0.0).changed.tolist() == [True]
    assert apply(0.0).changed.tolist() == [False]


def test_nan_after_nan_is_no_change_and_a_number_after_nan_is_one() -> None:
    _, apply = one(DataType.FLOAT, deadband=10.0)
    assert [bool(apply(value).changed[0]) for value in (math.nan, math.nan, 1.0, math.nan, math.inf, math.inf)] == [
        True,
        False,
        True,
        True,
        True,
        False,
    ]


def test_deadband_is_measured_from_the_value_handed_on_last_so_that_a_slow_drift_is_not_lost() -> None:
    image, apply = one(DataType.DOUBLE, deadband=1.0)
    changes = [bool(apply(value).changed[0]) for value in (0.0, 0.6, 1.0, 1.2, 1.9, 2.3)]
    assert changes == [True, False, False, True, False, True]
    apply(2.5)
    assert image.read(0).value == 2.5, "a Read gives the newest value, whatever the deadband"


def test_a_change_of_status_alone_is_a_change() -> None:
    _, apply = one(DataType.INT32)
    apply(5)
    assert apply(5, int(Status.UNCERTAIN_LAST_USABLE_VALUE)).changed.tolist() == [True]


@pytest.mark.parametrize(("on_bad", "shown"), [(OnBad.HOLD, 5), (OnBad.NULL, None)])
def test_a_bad_sample_never_shows_what_the_device_sent(on_bad: OnBad, shown: int | None) -> None:
    image, apply = one(DataType.INT32, on_bad=on_bad)
    apply(5)
    apply(99, int(Status.BAD_DEVICE_FAILURE))
    assert (image.read(0).value, image.read(0).status) == (shown, Status.BAD_DEVICE_FAILURE)


@pytest.mark.parametrize("value", [70_000, -1, math.nan, math.inf])
def test_what_the_type_cannot_hold_is_bad_and_never_wraps_round(value: float) -> None:
    image, apply = one(DataType.UINT16)
    apply(5)
    apply(value, raw_type=np.float64)
    assert (image.read(0).value, image.read(0).status) == (5, Status.BAD_OUT_OF_RANGE)


def test_a_double_beyond_float32_is_bad_and_not_infinite() -> None:
    image, apply = one(DataType.FLOAT)
    apply(1e300, raw_type=np.float64)
    assert image.read(0).status == Status.BAD_OUT_OF_RANGE


def test_clamping_one_point_leaves_the_exact_integers_beside_it() -> None:
    image = ProcessImage(
        [
            Point("nsu=urn:test;s=a", DataType.INT64, maximum=10.0, clamp=True),
            Point("nsu=urn:test;s=b", DataType.INT64),
        ],
        0,
    )
    image.apply(Batch(np.array([0, 1], np.int32), np.array([11, 2**53 + 1], np.int64), 0, 0, 0))
    assert [image.read(slot).value for slot in (0, 1)] == [10, 2**53 + 1]
    assert image.read(0).status == Status.GOOD_CLAMPED


def test_an_uncertain_value_that_is_clamped_stays_uncertain() -> None:
    image, apply = one(DataType.DOUBLE, maximum=10.0, clamp=True)
    apply(11.0, int(Status.UNCERTAIN_SENSOR_NOT_ACCURATE))
    assert (image.read(0).value, image.read(0).status) == (10.0, Status.UNCERTAIN_SENSOR_NOT_ACCURATE)


def test_objects_travel_as_they_are() -> None:
    image = ProcessImage([Point("nsu=urn:test;s=a", DataType.STRING), Point("nsu=urn:test;s=b", DataType.VARIANT)], 0)
    text, array = np.empty(1, object), np.empty(1, object)
    text[0], array[0] = "on", np.array([1, 2])
    changes = [
        bool(image.apply(Batch(np.array([slot], np.int32), values, 0, 0, 0)).changed[0])
        for slot, values in ((0, text), (0, text.copy()), (1, array), (1, array.copy()))
    ]
    assert changes == [True, False, True, False]
    assert image.read(0).value == "on"


def test_mark_keeps_values_of_all_types_and_tells_the_taps() -> None:
    image = ProcessImage(
        [
            Point("nsu=urn:test;s=a", DataType.DOUBLE),
            Point("nsu=urn:test;s=b", DataType.BOOLEAN),
            Point("nsu=urn:test;s=c", DataType.DOUBLE, on_bad=OnBad.NULL),
        ],
        0,
    )
    image.apply(Batch(np.array([0, 2], np.int32), np.array([1.5, 2.5]), 0, 0, 0))
    image.apply(Batch(np.array([1], np.int32), np.array([True]), 0, 0, 0))
    tap = Recorded()
    image.add_tap(tap)
    image.mark(np.array([0, 1, 2], np.int32), int(Status.BAD_NO_COMMUNICATION), 99)
    assert [image.read(slot).value for slot in range(3)] == [1.5, True, None]
    assert {image.read(slot).status for slot in range(3)} == {Status.BAD_NO_COMMUNICATION}
    assert sum(len(samples) for samples in tap.samples) == 3
    image.mark(np.array([0], np.int32), int(Status.BAD_NO_COMMUNICATION), 100)
    assert tap.samples[-1].changed.tolist() == [False]


@pytest.mark.parametrize(
    ("slots", "values", "error"),
    [
        ([0, 1], [1.0, 2.0], BatchError),
        ([0, 0], [1.0, 2.0], BatchError),
        ([0], [1.0, 2.0], ValueError),
        ([9], [1.0], IndexError),
    ],
)
def test_a_wrong_batch_changes_nothing(slots: list[int], values: list[float], error: type[Exception]) -> None:
    image = ProcessImage([Point("nsu=urn:test;s=a", DataType.DOUBLE), Point("nsu=urn:test;s=b", DataType.INT16)], 0)
    tap = Recorded()
    image.add_tap(tap)
    with pytest.raises(error):
        image.apply(Batch(np.array(slots, np.int32), np.array(values), 0, 0, 0))
    assert not tap.samples
    assert image.counters.samples == 0
    assert image.read(0).status == Status.BAD_WAITING_FOR_INITIAL_DATA


def test_a_node_named_twice_is_told() -> None:
    with pytest.raises(ValueError, match="nsu=urn:test;s=a is named by two points"):
        ProcessImage([Point("nsu=urn:test;s=a", DataType.DOUBLE)] * 2, 0)


def test_a_tap_that_left_is_offered_nothing_more() -> None:
    image, apply = one(DataType.DOUBLE)
    tap = Recorded()
    image.add_tap(tap)
    image.remove_tap(tap)
    image.remove_tap(tap)
    apply(1.0)
    assert not tap.samples


def test_what_taps_were_given_is_not_changed_by_what_comes_later() -> None:
    image, apply = one(DataType.DOUBLE)
    first = apply(1.0)
    apply(2.0)
    image.mark(np.array([0], np.int32), int(Status.BAD), 5)
    assert first.values.tolist() == [1.0]
    assert first.status.tolist() == [0]


def test_slots_are_sorted_by_type() -> None:
    image = ProcessImage(
        [
            Point(f"nsu=urn:test;s={n}", kind)
            for n, kind in enumerate([DataType.DOUBLE, DataType.BYTE, DataType.DOUBLE])
        ],
        0,
    )
    groups = {kind: slots.tolist() for kind, slots in image.slots_by_type([2, 1, 0]).items()}
    assert groups == {DataType.DOUBLE: [2, 0], DataType.BYTE: [1]}


@pytest.mark.parametrize("datatype", WHOLE)
def test_integer_deadbands_are_exact_over_the_whole_range(datatype: DataType) -> None:
    held = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # an integer type
    _, apply = one(datatype, deadband=1.0)
    apply(int(held.max))
    assert not apply(int(held.max) - 1).changed[0]
    assert apply(int(held.max) - 2).changed[0]
    assert apply(int(held.min)).changed[0]


def test_points_come_while_the_image_is_in_use_and_nobody_has_to_follow() -> None:
    """Arrays over slots and rows that somebody made before are large enough; what was there stays where it was."""
    image, tap = ProcessImage([Point("a", DataType.DOUBLE), Point("s", DataType.STRING)], 0), Recorded()
    image.add_tap(tap)
    slots, rows = len(image), len(image.columns[DataType.DOUBLE].slots)
    known = np.array([0], np.int32)
    image.apply(Batch(known, np.array([1.5]), Status.GOOD, 1, 1))
    come = [Point("b", DataType.DOUBLE, scale=2.0), Point("c", DataType.INT32), Point("d", DataType.DOUBLE)]
    assert image.room_for(come) == [2, 3, 4]
    assert image.admit(come, 7) == [2, 3, 4]
    assert (len(image), len(image.columns[DataType.DOUBLE].slots)) == (slots, rows)
    assert [image.slot_of[one.node] for one in come] == [2, 3, 4]
    assert image.read(2).value is None
    assert image.read(2).status == Status.BAD_WAITING_FOR_INITIAL_DATA
    assert image.read(2).source_time == 7
    image.apply(Batch(np.array([2, 4], np.int32), np.array([1.0, 4.0]), Status.GOOD, 8, 8))
    image.apply(Batch(known, np.array([2.5]), Status.GOOD, 8, 8))
    assert [image.read(slot).value for slot in (0, 2, 4)] == [2.5, 2.0, 4.0]
    assert max(int(samples.rows.max()) for samples in tap.samples) < rows


def test_a_point_that_comes_again_has_its_slot_and_no_value() -> None:
    image = ProcessImage([Point("a", DataType.DOUBLE)], 0)
    image.apply(Batch(np.array([0], np.int32), np.array([1.5]), Status.GOOD, 1, 1))
    assert image.admit([Point("a", DataType.INT32)], 2) == [1]
    assert image.slot_of["a"] == 1
    assert image.admit([Point("a", DataType.DOUBLE)], 3) == [0]
    assert image.slot_of["a"] == 0
    assert image.read(0).value is None
    assert len(image.points) == 2


def test_more_points_than_there_is_room_for_change_nothing() -> None:
    image = ProcessImage([Point("a", DataType.DOUBLE)], 0)
    many = [Point(f"p{number}", DataType.DOUBLE) for number in range(len(image))]
    assert len(image.room_for(many)) == len(image) - 1
    with pytest.raises(ValueError, match="no room"):
        image.admit(many, 1)
    assert len(image.points) == 1
    assert image.admit(many[:-1], 1)[-1] == len(image) - 1
    with pytest.raises(IndexError, match="no point has"):
        ProcessImage([], 0).apply(Batch(np.array([0], np.int32), np.array([1.0]), Status.GOOD, 1, 1))


def test_what_comes_late_is_scaled_and_handed_on_and_changes_nothing_that_is_shown() -> None:
    points = [Point("a", DataType.INT16, scale=2.0), Point("b", DataType.INT16, minimum=0.0, maximum=50.0)]
    image = ProcessImage(points, 0)
    tap = Recorded()
    image.add_tap(tap)
    slots = np.arange(2, dtype=np.int32)
    image.apply(Batch(slots, np.array([10, 20]), 0, 100, 101))
    before = [image.read(slot) for slot in range(2)]
    status = np.array([0, 0], np.uint32)
    late = image.apply(Batch(slots, np.array([7, 99]), status, np.array([50, 51], np.int64), 200, backfill=True))
    assert [image.read(slot) for slot in range(2)] == before
    assert tap.samples[-1] is late
    assert late.backfill
    assert late.take(np.array([True, False])).backfill
    assert late.values.tolist() == [14, 99]
    assert late.status.tolist() == [BACKFILLED, Status.BAD_OUT_OF_RANGE | BACKFILLED]
    assert (late.source_time.tolist(), late.server_time) == ([50, 51], 200)
    assert not late.changed.any()
    again = image.apply(Batch(slots, np.array([10, 20]), 0, 102, 103))
    assert not again.changed.any(), "against the present value, not the late one"
    assert not again.backfill


def test_what_comes_late_and_does_not_fit_changes_nothing() -> None:
    image = ProcessImage([Point("a", DataType.INT16)], 0)
    with pytest.raises(ValueError, match="slots came with"):
        image.apply(Batch(np.zeros(1, np.int32), np.zeros(2), 0, 0, 0, backfill=True))
    assert image.counters.samples == 0


def test_a_driver_cannot_mark_its_values_as_late_by_their_status() -> None:
    image = ProcessImage([Point("a", DataType.INT16)], 0)
    handed_on = image.apply(Batch(np.zeros(1, np.int32), np.ones(1), BACKFILLED, 0, 0))
    assert handed_on.status.tolist() == [0]


def test_a_large_whole_number_stays_exact_beside_a_scaled_point() -> None:
    image = ProcessImage([Point("a", DataType.INT64), Point("b", DataType.INT64, scale=2.0)], 0)
    image.apply(Batch(np.arange(2, dtype=np.int32), np.array([2**53 + 1, 21], np.int64), 0, 0, 0))
    assert [image.read(slot).value for slot in range(2)] == [2**53 + 1, 42]
