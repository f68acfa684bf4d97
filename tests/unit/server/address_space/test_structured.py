"""Structured variables of points: composed when read, taken apart when written."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.quality import Status
from nodesets.built_in_types import Structure
from nodesets.datatypes.composing import FieldTree
from nodesets.datatypes.field_paths import resolve_field
from nodesets.datatypes.registry import TypeRegistry
from server.address_space.attributes import Attributes
from server.address_space.batch_read import BatchRead
from server.address_space.decoding import GivenValue
from server.address_space.points import Points
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.structured import BoundField, StructureCodec, StructuredVariable
from server.address_space.writing import WriteItem, Writing
from server.users.well_known import WELL_KNOWN
from tests.unit.nodesets.datatypes.described import (
    NAMESPACES,
    STRUCTURE,
    data_type,
    encodings,
    field,
    named,
    standard_types,
)
from tests.unit.server.address_space.plant import NOW, item, key, read_body, variable

POSE, VECTOR = named(10), named(11)
TYPES = TypeRegistry.of(
    [
        *standard_types(),
        data_type(VECTOR, "Vector", STRUCTURE, (field("X", 11), field("Y", 10))),
        data_type(
            POSE,
            "Pose",
            STRUCTURE,
            (field("Name", 12), field("Origin", VECTOR), field("Count", 5), field("Limit", 11, is_optional=True)),
        ),
        *encodings(POSE, named(110)),
    ]
)
CODEC = StructureCodec(TYPES, NAMESPACES)
FIELDS = {"Origin.X": DataType.DOUBLE, "Count": DataType.UINT16, "Limit": DataType.DOUBLE}
MEMORY = len(FIELDS)
WAITING = int(Status.BAD_WAITING_FOR_INITIAL_DATA)


def pose(name: str | None = None, x: float = 0.0, y: float = 0.0, count: int = 0, **limit: float) -> Structure:
    origin = Structure(VECTOR, {"X": x, "Y": y})
    return Structure(POSE, {"Name": name, "Origin": origin, "Count": count, **limit})


class Robot:
    """One variable of three bound fields; Name and Origin.Y are memory."""

    def __init__(self, *, writable: tuple[bool, bool, bool] = (True, True, True)) -> None:
        points = [Point(f"p#{name}", kind) for name, kind in FIELDS.items()]
        self.image = ProcessImage([*points, Point("p", DataType.VARIANT)], NOW)
        paths = [resolve_field(text, POSE, TYPES) for text in FIELDS]
        tree = FieldTree(POSE, [one.path for one in paths], TYPES)
        fields = [BoundField(slot, one.is_optional, writable[slot]) for slot, one in enumerate(paths)]
        initial = tree.complete(pose("begin", y=7.0))
        self.structured = StructuredVariable(CODEC, tree, fields, MEMORY, initial)
        self.points = Points(self.image, {}, {key("p"): self.structured})
        self.put(MEMORY, self.structured.initial, moment=NOW + 999)
        self.written: list[tuple[int, Any]] = []
        self.answers: dict[int, int] = {}

    def put(self, slot: int, value: Any, status: int = 0, moment: int = NOW) -> None:
        column = np.empty(1, self.image.points[slot].datatype.dtype)
        column[0] = value
        self.image.apply(Batch(np.array([slot], np.int32), column, status, moment, moment + 5))

    def all_good(self) -> None:
        self.put(0, 1.5, moment=NOW + 10)
        self.put(1, 9, moment=NOW + 30)
        self.put(2, 2.5, moment=NOW + 20)

    def read(self) -> tuple[Structure | None, int | None]:
        given = self.structured.read(self.points)
        return None if given.variant is None else CODEC.decode(given.variant), given.status

    async def take(self, slot: int, value: Any) -> int:
        answer = self.answers.get(slot, 0)
        if slot == MEMORY:
            self.put(slot, value)
        else:
            self.written.append((slot, value))
        return answer

    async def write(self, value: Structure) -> int:
        return await self.structured.write(self.points, CODEC.encode(value), self.take)


def test_the_value_is_composed_of_memory_and_fields() -> None:
    robot = Robot()
    assert robot.read() == (None, WAITING)
    robot.all_good()
    assert robot.read() == (pose("begin", 1.5, 7.0, 9, Limit=2.5), 0)
    given = robot.structured.read(robot.points)
    assert (given.source_time, given.server_time) == (NOW + 30, NOW + 35)


def test_the_bytes_are_those_of_the_binary_encoding() -> None:
    robot = Robot()
    robot.all_good()
    body = (
        bytes.fromhex("01000000 05000000") + b"begin" + bytes.fromhex("000000000000f83f 0000e040 0900 0000000000000440")
    )
    whole = b"\x16" + bytes.fromhex("01016e00 01") + len(body).to_bytes(4, "little") + body
    assert robot.structured.read(robot.points).variant == whole


def test_status_is_the_worst_of_the_fields() -> None:
    robot = Robot()
    robot.all_good()
    robot.put(0, 3.0, Status.UNCERTAIN_LAST_USABLE_VALUE)
    assert robot.read()[1] == Status.UNCERTAIN_LAST_USABLE_VALUE
    robot.put(1, 4, Status.BAD_NO_COMMUNICATION)
    value, status = robot.read()
    assert status == Status.BAD_NO_COMMUNICATION
    assert value == pose("begin", 3.0, 7.0, 9, Limit=2.5)  # held, as a point of its own would be


def test_a_field_without_a_value_leaves_the_whole_without_one_but_an_optional_field_is_left_out() -> None:
    robot = Robot()
    robot.put(0, 1.5)
    robot.put(1, 9)
    assert robot.read() == (pose("begin", 1.5, 7.0, 9), WAITING)
    again = Robot()
    again.put(0, 1.5)
    again.put(2, 1.5)
    assert again.read() == (None, WAITING)


def test_what_a_driver_gave_wrongly_is_told() -> None:
    strange = TypeRegistry.of([*standard_types(), data_type(VECTOR, "V", STRUCTURE, (field("S", 12),))])
    codec = StructureCodec(strange, NAMESPACES)
    tree = FieldTree(VECTOR, [("S",)], strange)
    variable_ = StructuredVariable(codec, tree, [BoundField(0, False, False)], 1, tree.complete(None))  # noqa: FBT003 - a record's fields
    image = ProcessImage([Point("p#S", DataType.STRING), Point("p", DataType.VARIANT)], NOW)
    column = np.empty(1, object)
    column[0] = 17
    image.apply(Batch(np.array([0], np.int32), column, 0, NOW, NOW))
    assert variable_.read(Points(image, {})).status == StatusCodes.BadEncodingError


async def test_only_fields_that_differ_are_written() -> None:
    robot = Robot()
    robot.all_good()
    assert await robot.write(pose("begin", 1.5, 7.0, 9, Limit=2.5)) == 0
    assert robot.written == []
    assert await robot.write(pose("begin", 1.5, 7.0, 10, Limit=2.5)) == 0
    assert robot.written == [(1, 10)]
    assert await robot.write(pose("other", -0.5, 8.0, 9, Limit=2.5)) == 0
    assert robot.written == [(1, 10), (0, -0.5)]
    # What the devices show has not changed yet; what no device gives has.
    assert robot.read()[0] == pose("other", 1.5, 8.0, 9, Limit=2.5)
    assert robot.structured.read(robot.points).source_time == NOW + 30


async def test_an_optional_field_that_is_left_out_is_not_written() -> None:
    robot = Robot()
    robot.all_good()
    assert await robot.write(pose("begin", 1.5, 7.0, 9)) == 0
    assert robot.written == []
    assert robot.read()[0] == pose("begin", 1.5, 7.0, 9, Limit=2.5)


async def test_the_worst_answer_counts_and_memory_stays_where_it_is_bad() -> None:
    robot = Robot()
    robot.all_good()
    robot.answers = {0: Status.BAD_OUT_OF_RANGE}
    assert await robot.write(pose("other", 2.0, 7.0, 10, Limit=2.5)) == Status.BAD_OUT_OF_RANGE
    assert robot.written == [(0, 2.0), (1, 10)]
    assert robot.read()[0] == pose("begin", 1.5, 7.0, 9, Limit=2.5)
    robot.answers = {MEMORY: Status.BAD_TYPE_MISMATCH}
    assert await robot.write(pose("other", 1.5, 7.0, 9, Limit=2.5)) == Status.BAD_TYPE_MISMATCH


async def test_fields_that_no_device_takes() -> None:
    robot = Robot(writable=(False, True, True))
    robot.all_good()
    assert await robot.write(pose("begin", 4.0, 7.0, 9, Limit=2.5)) == StatusCodes.BadNotWritable
    assert await robot.write(pose("begin", 4.0, 7.0, 11, Limit=2.5)) == 0
    assert await robot.write(pose("other", 4.0, 7.0, 9, Limit=2.5)) == 0
    assert robot.written == [(1, 11)]


async def test_what_is_shown_as_bad_is_written_even_where_it_is_equal() -> None:
    robot = Robot()
    robot.all_good()
    robot.put(1, 9, Status.BAD_NO_COMMUNICATION)
    robot.answers = {1: Status.BAD_NO_COMMUNICATION}
    assert await robot.write(pose("begin", 1.5, 7.0, 9, Limit=2.5)) == Status.BAD_NO_COMMUNICATION
    assert robot.written == [(1, 9)]


async def test_no_number_equals_itself() -> None:
    robot = Robot()
    robot.all_good()
    robot.put(0, math.nan)
    assert await robot.write(pose("begin", math.nan, 7.0, 9, Limit=2.5)) == 0
    assert robot.written == []


async def test_another_structure_is_a_type_mismatch() -> None:
    robot = Robot()
    robot.all_good()
    assert await robot.write(Structure(VECTOR, {"X": 1.0, "Y": 2.0})) == StatusCodes.BadTypeMismatch
    for variant in (b"\x00", b"\x0b" + bytes(8), b"\x16\x00\x00\x00", CODEC.encode(pose())[:-3]):
        assert await robot.structured.write(robot.points, variant, robot.take) == StatusCodes.BadTypeMismatch
    assert robot.written == []


@pytest.mark.parametrize(
    "kept", [None, ua.Variant(5, ua.VariantType.Int32), CODEC.kept(Structure(VECTOR, {"X": 0.0, "Y": 0.0}))]
)
def test_memory_of_another_type_is_passed_over(kept: Any) -> None:
    robot = Robot()
    robot.all_good()
    robot.put(MEMORY, kept)
    assert robot.read()[0] == pose("begin", 1.5, 7.0, 9, Limit=2.5)


def in_space(robot: Robot) -> Attributes:
    space = AddressSpace()
    space.add(variable("p", 22, access_level=3, user_access_level=3))
    attributes = Attributes(space, lambda: NOW)
    attributes.bind(robot.points)
    return attributes


def test_one_read_and_a_batch_of_many_answer_the_same() -> None:
    robot = Robot()
    robot.all_good()
    attributes = in_space(robot)
    batch = BatchRead(attributes, 100)
    context = SessionContext()
    single = batch.answer(read_body(item("p")), context)
    many = batch.answer(read_body(*[item("p")] * 40), context)
    record = single[4:-4]
    assert many == (40).to_bytes(4, "little") + record * 40 + single[-4:]
    assert (robot.structured.read(robot.points).variant or b"?") in record
    robot.put(1, 77)
    assert batch.answer(read_body(item("p")), context) != single  # a plan remembers places, not values


async def test_clients_write_it_through_the_write_service() -> None:
    robot = Robot()
    robot.all_good()
    writing = Writing(in_space(robot), 10)
    given = GivenValue(CODEC.encode(pose("begin", 1.5, 7.0, 12, Limit=2.5)))
    assert await writing.write_one(WriteItem(key("p"), 13, given), SessionContext()) == StatusCodes.BadNotWritable
    writing.bind(robot.take)
    observer = SessionContext(roles=frozenset((WELL_KNOWN["Observer"],)))
    assert await writing.write_one(WriteItem(key("p"), 13, given), observer) == StatusCodes.BadUserAccessDenied
    uncertain = given._replace(status=0x40000000)
    assert await writing.write_one(WriteItem(key("p"), 13, uncertain), SessionContext()) == (
        StatusCodes.BadWriteNotSupported
    )


def _one_nan(number: float) -> float:
    """Give every NaN the same bits: which they are, nothing promises to keep."""
    return math.nan if math.isnan(number) else number


ANY_FLOAT = st.floats(width=32).map(_one_nan)


values = st.builds(
    pose,
    st.none() | st.text(max_size=4),
    ANY_FLOAT,
    ANY_FLOAT,
    st.integers(0, 65535),
    Limit=st.floats().map(_one_nan),
)


@given(st.lists(values, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
async def test_what_is_written_is_what_is_read_once_the_devices_show_it(written: list[Structure]) -> None:
    robot = Robot()
    robot.all_good()
    for value in written:
        assert await robot.write(value) == 0
        for slot, part in robot.written:
            robot.put(slot, part)
        robot.written.clear()
        found, status = robot.read()
        assert status == 0
        assert found is not None
        assert CODEC.encode(found) == CODEC.encode(value)
