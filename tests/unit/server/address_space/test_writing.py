"""The Write service (Part 4 v1.05 5.11.4)."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import struct_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.quality import Status
from core.time import to_datetime
from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import decode_variant, encode_variant
from server.address_space.attribute_writing import WRITE_MASK_BITS
from server.address_space.attributes import Attributes
from server.address_space.decoding import GivenValue
from server.address_space.keys import numeric_key
from server.address_space.node import AccessAttributes, HeldValue, VariableAttributes
from server.address_space.session_context import GATEWAY, SessionContext
from server.address_space.space import AddressSpace
from server.address_space.writing import WriteItem, Writing
from server.ua_stack.values import encode_variant as encode_point
from server.users.well_known import WELL_KNOWN
from tests.unit.server.address_space.plant import NOW, bind, key, node, put, variable

Ids, V, Codes = ua.AttributeIds, ua.VariantType, ua.StatusCodes
OBSERVER = SessionContext(roles=frozenset((WELL_KNOWN["Observer"],)))
OPERATOR = SessionContext()


@pytest.fixture
async def loop_turns() -> AsyncIterator[list[int]]:
    """How often another task had its turn."""
    turns: list[int] = []

    async def count() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task = asyncio.create_task(count())
    yield turns
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Plant:
    def __init__(self, *types: DataType) -> None:
        self.space = AddressSpace()
        self.attributes = Attributes(self.space, lambda: NOW + 99)
        self.image = bind(self.attributes, list(types)) if types else None
        self.writing = Writing(self.attributes, 10)
        self.writing.bind(self.take)
        self.taken: list[tuple[int, Any]] = []
        self.device_says = 0

    async def take(self, slot: int, value: Any) -> int:
        self.taken.append((slot, value))
        return self.device_says

    async def write(
        self,
        name: str,
        value: Any,
        attribute: int = Ids.Value,
        index_range: str | None = None,
        context: SessionContext = OPERATOR,
    ) -> int:
        wanted = ua.WriteValue()
        wanted.NodeId = ua.NodeId(name, 2)
        wanted.AttributeId = attribute
        wanted.IndexRange = index_range
        wanted.Value = value if isinstance(value, ua.DataValue) else ua.DataValue(value)
        return (await self.request([wanted], context))[0]

    async def request(self, items: list[ua.WriteValue], context: SessionContext = OPERATOR) -> list[int]:
        parameters = ua.WriteParameters()
        parameters.NodesToWrite = items
        answer = await self.writing.answer(struct_to_binary(parameters), context)
        assert answer[-4:] == b"\xff\xff\xff\xff"
        count = int.from_bytes(answer[:4], "little")
        assert len(answer) == 8 + 4 * count
        return [int.from_bytes(answer[4 + 4 * at : 8 + 4 * at], "little") for at in range(count)]

    def held(self, name: str) -> Any:
        value = self.space[key(name)].value
        assert isinstance(value, HeldValue)
        return decode_variant(value.variant).Value


async def test_a_write_is_refused_as_a_whole_as_the_service_says() -> None:
    plant = Plant()
    for items, code in (([], Codes.BadNothingToDo), ([ua.WriteValue()] * 11, Codes.BadTooManyOperations)):
        with pytest.raises(ServiceError) as raised:
            await plant.request(items)
        assert raised.value.code == code
    with pytest.raises(ServiceError) as raised:
        await plant.writing.answer(b"\x01\x00\x00\x00\x09", OPERATOR)
    assert raised.value.code == Codes.BadDecodingError


async def test_a_point_is_written_through_to_its_device() -> None:
    plant = Plant(DataType.DOUBLE, DataType.STRING, DataType.DATETIME, DataType.VARIANT, DataType.GUID)
    assert await plant.write("p0", ua.Variant(2.5, V.Double)) == 0
    assert await plant.write("p1", ua.Variant("x", V.String)) == 0
    assert await plant.write("p2", ua.Variant(to_datetime(NOW), V.DateTime)) == 0
    assert await plant.write("p3", ua.Variant([5], V.Int16)) == Codes.BadTypeMismatch  # a scalar, by its ValueRank
    assert plant.taken == [(0, 2.5), (1, "x"), (2, NOW)]
    plant.device_says = int(Status.BAD_NO_COMMUNICATION)
    assert await plant.write("p0", ua.Variant(2.5, V.Double)) == Status.BAD_NO_COMMUNICATION


async def test_what_a_point_does_not_take() -> None:
    plant = Plant(DataType.DOUBLE, DataType.STRING)
    assert await plant.write("p0", ua.Variant(1, V.Int32)) == Codes.BadTypeMismatch
    assert await plant.write("p0", ua.Variant([1.0], V.Double)) == Codes.BadTypeMismatch
    assert await plant.write("p0", ua.Variant(None, V.Null)) == Codes.BadTypeMismatch
    assert await plant.write("p1", ua.Variant(None, V.Null)) == Codes.BadTypeMismatch
    assert await plant.write("p0", ua.Variant(1.0, V.Double), index_range="0") == Codes.BadIndexRangeNoData
    uncertain = ua.DataValue(ua.Variant(1.0, V.Double), ua.StatusCode(0x40000000))
    assert await plant.write("p0", uncertain) == Codes.BadWriteNotSupported
    assert await plant.write("p0", ua.Variant(1.0, V.Double), context=OBSERVER) == Codes.BadUserAccessDenied
    one = plant.space[key("p0")]
    one.variable = one.variable._replace(access_level=1) if one.variable else None
    assert await plant.write("p0", ua.Variant(1.0, V.Double)) == Codes.BadNotWritable
    assert not plant.taken


async def test_a_null_text_is_an_empty_one() -> None:
    """Part 6 v1.05 5.1.11: null and empty are the same; a point without a value is something else."""
    plant = Plant(DataType.STRING, DataType.BYTESTRING)
    assert await plant.write("p0", ua.Variant(None, V.String)) == 0
    assert await plant.write("p1", ua.Variant(None, V.ByteString)) == 0
    assert plant.taken == [(0, ""), (1, b"")]


async def test_times_without_a_value_are_not_supported() -> None:
    """Part 4 v1.05 5.11.4.4 Bad_WriteNotSupported: also for a single quantity such as a timestamp."""
    plant = Plant(DataType.DOUBLE)
    for alone in (GivenValue(source_time=5), GivenValue(server_time=5), GivenValue(status=0x40000000)):
        assert await plant.writing.write_one(WriteItem(key("p0"), Ids.Value, alone), OPERATOR) == (
            Codes.BadWriteNotSupported
        )
    assert not plant.taken


async def test_values_of_any_type_stay_the_bytes_that_they_came_as() -> None:
    """Part 6 v1.05 5.2.2.5: a DateTime has 100 ns, of which asyncua's own times know none."""
    plant = Plant(DataType.VARIANT)
    times = b"\x8d" + struct.pack("<iqq", 2, 133_000_000_000_000_007, 2**63 - 1)
    plant.space[key("p0")].variable = VariableAttributes(numeric_key(0, 13), 1, access_level=3, user_access_level=3)
    assert await plant.writing.write_one(WriteItem(key("p0"), Ids.Value, GivenValue(times)), OPERATOR) == 0
    ((_, kept),) = plant.taken
    assert encode_variant(kept) == encode_point(DataType.VARIANT, kept) == times
    assert kept == decode_variant(times)


async def test_others_have_their_turn_during_a_long_write(loop_turns: list[int]) -> None:
    """A part of a large value costs as much as all of it, and a request may name a thousand parts."""
    plant = Plant()
    plant.space.add(variable("large", 11, ua.Variant([0.0] * 200_000, V.Double), value_rank=1, access_level=3,
                             user_access_level=3))  # fmt: skip
    before = len(loop_turns)
    part = GivenValue(encode_variant(ua.Variant([1.0], V.Double)))
    results = await plant.writing.write([WriteItem(key("large"), Ids.Value, part, "7")] * 10, OPERATOR)
    assert results == [0] * 10
    assert len(loop_turns) > before


async def test_times_sent_with_a_points_value_are_passed_over() -> None:
    plant = Plant(DataType.DOUBLE)
    timed = ua.DataValue(ua.Variant(1.0, V.Double), ua.StatusCode(0), to_datetime(5), to_datetime(6))
    assert await plant.write("p0", timed) == 0
    assert plant.taken == [(0, 1.0)]


async def test_a_part_of_a_points_value_makes_a_whole_one() -> None:
    plant = Plant(DataType.VARIANT, DataType.STRING)
    one = plant.space[key("p0")]
    one.variable = one.variable._replace(value_rank=1) if one.variable else None
    assert await plant.write("p0", ua.Variant([8, 9], V.Int16), index_range="1:2") == 0
    assert plant.taken[0][1].Value == [1, 8, 9]
    assert await plant.write("p1", ua.Variant("Ü", V.String), index_range="2") == 0
    assert plant.taken[1] == (1, "grÜn")
    assert await plant.write("p1", ua.Variant("ab", V.String), index_range="2") == Codes.BadIndexRangeDataMismatch
    assert await plant.write("p1", ua.Variant("ab", V.String), index_range="4:5") == Codes.BadIndexRangeNoData
    assert await plant.write("p1", ua.Variant("ab", V.String), index_range="5:4") == Codes.BadIndexRangeInvalid
    assert plant.image is not None
    put(plant.image, 1, None)
    assert await plant.write("p1", ua.Variant("a", V.String), index_range="0") == Codes.BadIndexRangeNoData


async def test_other_variables_are_written_in_place() -> None:
    plant = Plant()
    plant.space.add(variable("v", 6, ua.Variant([1, 2, 3], V.Int32), value_rank=1, access_level=3, user_access_level=3))
    assert await plant.write("v", ua.Variant([7], V.Int32), index_range="1") == 0
    assert plant.held("v") == [1, 7, 3]
    timed = ua.DataValue(ua.Variant([1], V.Int32), ua.StatusCode(0), to_datetime(NOW))
    assert await plant.write("v", timed) == 0
    value = plant.space[key("v")].value
    assert isinstance(value, HeldValue)
    assert (value.status, value.source_time, value.server_time) == (0, NOW, NOW + 99)
    assert await plant.write("v", ua.Variant(1, V.Int32)) == Codes.BadTypeMismatch
    assert await plant.write("v", ua.Variant([1], V.Int32), context=OBSERVER) == Codes.BadUserAccessDenied
    assert plant.held("v") == [1]


async def test_what_is_not_writable() -> None:
    plant = Plant()
    plant.space.add(variable("constant", 6, ua.Variant(1, V.Int32)))
    told = variable("told", 6, lambda: ua.DataValue(ua.Variant(1, V.Int32)), access_level=3, user_access_level=3)
    plant.space.add(told)
    plant.space.add(node("object"))
    one = ua.Variant(2, V.Int32)
    assert await plant.write("constant", one) == Codes.BadNotWritable
    assert await plant.write("told", one) == Codes.BadNotWritable
    assert await plant.write("object", one) == Codes.BadAttributeIdInvalid
    assert await plant.write("object", one, Ids.Executable) == Codes.BadAttributeIdInvalid
    assert await plant.write("nothing", one) == Codes.BadNodeIdUnknown
    assert await plant.write("", one) == Codes.BadNodeIdInvalid


async def test_the_gateway_writes_what_it_likes() -> None:
    plant = Plant()
    plant.space.add(variable("v", 6, ua.Variant(1, V.Int32)))
    stale = ua.DataValue(ua.Variant(5, V.Int32), ua.StatusCode(0x40000000), to_datetime(NOW))
    assert await plant.write("v", stale, context=GATEWAY) == 0
    assert plant.space[key("v")].value == HeldValue(b"\x06\x05\x00\x00\x00", 0x40000000, NOW, NOW + 99)


VALUES: dict[int, tuple[NodeClass, ua.Variant]] = {
    Ids.DisplayName: (NodeClass.OBJECT, ua.Variant(ua.LocalizedText("new", "en"))),
    Ids.Description: (NodeClass.OBJECT, ua.Variant(ua.LocalizedText("new", "en"))),
    Ids.BrowseName: (NodeClass.OBJECT, ua.Variant(ua.QualifiedName("new", 1))),
    Ids.EventNotifier: (NodeClass.OBJECT, ua.Variant(5, V.Byte)),
    Ids.WriteMask: (NodeClass.OBJECT, ua.Variant(0xFFFFFFF, V.UInt32)),
    Ids.AccessRestrictions: (NodeClass.OBJECT, ua.Variant(3, V.UInt16)),
    Ids.Executable: (NodeClass.METHOD, ua.Variant(True)),  # noqa: FBT003 - the value that is written
    Ids.IsAbstract: (NodeClass.OBJECT_TYPE, ua.Variant(True)),  # noqa: FBT003 - as above
    Ids.Symmetric: (NodeClass.REFERENCE_TYPE, ua.Variant(True)),  # noqa: FBT003 - as above
    Ids.InverseName: (NodeClass.REFERENCE_TYPE, ua.Variant(ua.LocalizedText("new", "en"))),
    Ids.ContainsNoLoops: (NodeClass.VIEW, ua.Variant(True)),  # noqa: FBT003 - as above
    Ids.DataType: (NodeClass.VARIABLE, ua.Variant(ua.NodeId(12))),
    Ids.ValueRank: (NodeClass.VARIABLE, ua.Variant(1, V.Int32)),
    Ids.ArrayDimensions: (NodeClass.VARIABLE, ua.Variant([4], V.UInt32)),
    Ids.AccessLevel: (NodeClass.VARIABLE, ua.Variant(1, V.Byte)),
    Ids.UserAccessLevel: (NodeClass.VARIABLE, ua.Variant(1, V.Byte)),
    Ids.AccessLevelEx: (NodeClass.VARIABLE, ua.Variant(0x101, V.UInt32)),
    Ids.MinimumSamplingInterval: (NodeClass.VARIABLE, ua.Variant(2.5, V.Double)),
    Ids.Historizing: (NodeClass.VARIABLE, ua.Variant(True)),  # noqa: FBT003 - as above
    Ids.DataTypeDefinition: (NodeClass.DATA_TYPE, ua.Variant(ua.EnumDefinition(), V.ExtensionObject)),
}


@pytest.mark.parametrize("attribute", VALUES)
async def test_other_attributes_where_the_write_mask_lets_clients(attribute: int) -> None:
    """Part 3 v1.05 5.2.7 and 8.60."""
    plant = Plant()
    node_class, value = VALUES[attribute]
    one = variable("n", 11) if node_class is NodeClass.VARIABLE else node("n", node_class)
    plant.space.add(one)
    assert await plant.write("n", value, attribute) == Codes.BadNotWritable
    one.access = AccessAttributes(1 << WRITE_MASK_BITS[attribute])
    assert await plant.write("n", value, attribute, context=OBSERVER) == Codes.BadUserAccessDenied
    assert await plant.write("n", ua.Variant(5, V.Int64), attribute) == Codes.BadTypeMismatch
    assert await plant.write("n", ua.Variant(None, V.Null), attribute) == Codes.BadTypeMismatch
    assert await plant.write("n", value, attribute, "0") == Codes.BadWriteNotSupported
    version = plant.space.version
    assert await plant.write("n", value, attribute) == 0
    assert plant.space.version > version
    variant = plant.attributes.read(one, attribute, SessionContext(("en",))).variant
    assert variant is not None
    assert decode_variant(variant).Value == value.Value


@pytest.mark.parametrize("attribute", [Ids.NodeId, Ids.NodeClass, Ids.UserWriteMask, Ids.UserRolePermissions])
async def test_what_a_node_is_cannot_be_written_at_all(attribute: int) -> None:
    plant = Plant()
    plant.space.add(node("n", access=AccessAttributes(0xFFFFFFFF)))
    assert await plant.write("n", ua.Variant(1, V.Int32), attribute) == Codes.BadNotWritable


async def test_texts_of_one_language_are_written_and_taken_away_alone() -> None:
    """Part 4 v1.05 5.11.4.1, on localized texts."""
    plant = Plant()
    one = node("n", access=AccessAttributes(0x60))
    one.display_name = (LocalizedText("en", "one"), LocalizedText("de", "eins"))
    plant.space.add(one)

    async def write(text: str | None, locale: str | None) -> int:
        return await plant.write("n", ua.Variant(ua.LocalizedText(text, locale)), Ids.DisplayName)

    assert await write("un", "fr") == 0
    assert await write("zwei", "de") == 0
    assert one.display_name == (("en", "one"), ("de", "zwei"), ("fr", "un"))
    assert await write(None, "en") == 0
    assert one.display_name == (("de", "zwei"), ("fr", "un"))
    assert await write(None, None) == Codes.BadOutOfRange
    assert one.display_name == (("de", "zwei"), ("fr", "un"))


async def test_the_value_of_a_variable_type_by_its_own_bit() -> None:
    plant = Plant()
    kind = variable("t", 6)
    kind.node_class = NodeClass.VARIABLE_TYPE
    plant.space.add(kind)
    assert await plant.write("t", ua.Variant(2, V.Int32)) == Codes.BadNotWritable
    kind.access = AccessAttributes(1 << 21)
    assert await plant.write("t", ua.Variant(2, V.Int32)) == 0
    assert kind.value == b"\x06\x02\x00\x00\x00"


async def test_a_value_whose_inside_makes_no_sense() -> None:
    plant = Plant(DataType.STRING)
    wrong = WriteItem(key("p0"), Ids.Value, GivenValue(b"\x0c\x01\x00\x00\x00\xff"))
    assert await plant.writing.write([wrong], OPERATOR) == [Codes.BadTypeMismatch]


@settings(deadline=None)
@given(st.binary(max_size=80), st.integers(0, 80))
def test_hostile_bytes_are_refused_and_harm_nothing(noise: bytes, at: int) -> None:
    async def write() -> None:
        plant = Plant(DataType.DOUBLE, DataType.VARIANT)
        wanted = ua.WriteValue(ua.NodeId("p1", 2), Ids.Value, None, ua.DataValue(ua.Variant(ua.Argument("a"))))
        parameters = ua.WriteParameters([wanted, wanted])
        sound = struct_to_binary(parameters)
        for body in (noise, sound[:at] + noise + sound[at + len(noise) :]):
            try:
                answer = await plant.writing.answer(body, OPERATOR)
            except ServiceError:
                continue
            assert len(answer) == 8 + 4 * int.from_bytes(answer[:4], "little")
        assert await plant.write("p0", ua.Variant(4.0, V.Double)) == 0

    asyncio.run(write())
