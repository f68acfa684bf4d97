"""The Attribute services over a real socket, with asyncua's client and node-opcua's (Part 4 v1.05 5.11, 7.27)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportCallIssue=false, reportUnknownMemberType=false
# pyright: reportOptionalMemberAccess=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_to_binary

from tests.foreign.client import ForeignClient, foreign_client
from tests.system.plant import Plant, connected, running
from tests.system.raw_requests import ask
from tests.system.services import lay_down_services, names, node, refusal, text

KIND = ua.VariantType
IDS = ua.AttributeIds
READ = ua.ObjectIds.ReadRequest_Encoding_DefaultBinary


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down_services(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


@pytest.fixture
async def foreign(plant: Plant, tmp_path: Path) -> AsyncIterator[ForeignClient]:
    async with foreign_client(tmp_path) as held:
        await held.connect(plant.url)
        yield held


BASE = {"NodeId", "NodeClass", "BrowseName", "DisplayName", "WriteMask", "UserWriteMask"}
VARIABLE = {"Value", "DataType", "ValueRank"}
ATTRIBUTES: dict[int | str, set[str]] = {
    "Shelf": {"Description", "EventNotifier"},
    "Matrix": VARIABLE | {"ArrayDimensions", "AccessLevel", "UserAccessLevel", "MinimumSamplingInterval", "Historizing",
                          "AccessLevelEx"},
    "Shake": {"Executable", "UserExecutable"},
    "Glance": {"ContainsNoLoops", "EventNotifier"},
    1001: {"IsAbstract"},
    2001: {"DataType", "ValueRank", "ArrayDimensions", "IsAbstract"},
    4001: {"IsAbstract", "Symmetric", "InverseName"},
    3001: {"IsAbstract", "DataTypeDefinition"},
}  # fmt: skip
"""A node of each class -> the attributes that it has besides those that all have (Part 3 v1.05 5)."""


async def test_every_attribute_of_every_class(plant: Plant, client: Client, foreign: ForeignClient) -> None:
    for identifier, more in ATTRIBUTES.items():
        items = [ua.ReadValueId(NodeId=node(plant, identifier), AttributeId=one) for one in IDS]
        results = await client.uaclient.read(ua.ReadParameters(NodesToRead=items))
        told = {one.name for one, result in zip(IDS, results, strict=True) if result.StatusCode.is_good()}
        assert told == BASE | more, identifier
        missing = {result.StatusCode.name for result in results if not result.StatusCode.is_good()}
        assert missing == {"BadAttributeIdInvalid"}
        asked = [{"nodeId": text(plant, identifier), "attributeId": int(one)} for one in IDS]
        seen = await foreign.ask("attributes", items=asked)
        assert {one.name for one, held in zip(IDS, seen, strict=True) if held["status"] == 0} == told
    unknown = ua.ReadValueId(NodeId=node(plant, "Shelf"), AttributeId=99)
    assert names(await client.uaclient.read(ua.ReadParameters(NodesToRead=[unknown]))) == ["BadAttributeIdInvalid"]


async def test_what_the_attributes_say(plant: Plant, client: Client) -> None:
    matrix, shelf = client.get_node(node(plant, "Matrix")), client.get_node(node(plant, "Shelf"))
    told = await client.get_node(matrix).read_attributes([
        IDS.DataType, IDS.ValueRank, IDS.ArrayDimensions, IDS.AccessLevel, IDS.MinimumSamplingInterval, IDS.Historizing,
    ])  # fmt: skip
    assert [one.Value.Value for one in told] == [ua.NodeId(6), 2, [2, 3], 3, 250.0, False]
    assert [one.Value.VariantType for one in told] == [
        KIND.NodeId, KIND.Int32, KIND.UInt32, KIND.Byte, KIND.Double, KIND.Boolean,
    ]  # fmt: skip
    assert (await shelf.read_description()).Text == "Where things stand"
    inverse = await client.get_node(node(plant, 4001)).read_attribute(IDS.InverseName)
    assert inverse.Value.Value.Text == "Carries"
    definition: Any = await client.get_node(node(plant, 3001)).read_data_type_definition()
    assert [(one.Name, one.Value) for one in definition.Fields] == [("Top", 0), ("Bottom", 1)]


RANGES: list[tuple[str, str, Any]] = [
    ("Limits", "1", [2]),
    ("Limits", "0:1", [1, 2]),
    ("Limits", "0:99", [1, 2]),
    ("Limits", "2", "BadIndexRangeNoData"),
    ("Limits", "1:0", "BadIndexRangeInvalid"),
    ("Limits", "a", "BadIndexRangeInvalid"),
    ("Limits", "0,0", "BadIndexRangeNoData"),
    ("Words", "1:2", ["beta", "gamma"]),
    ("Words", "0:1,1:3", ["lph", "eta"]),
    ("Matrix", "1,0:1", [[4, 5]]),
    ("Matrix", "0:1,2", [[3], [6]]),
    ("Matrix", "2,0", "BadIndexRangeNoData"),
    ("Bytes", "1:3", b"\x01\x02\x03"),
    ("Name", "1:2", "rä"),
    ("Level", "0", "BadIndexRangeNoData"),
]
"""Variable, IndexRange, and what is answered (7.27)."""


def _place(plant: Plant, name: str) -> ua.NodeId:
    return plant.node(name) if name in ("Limits", "Name", "Level", "Count") else node(plant, name)


def _text(plant: Plant, name: str) -> str:
    return plant.text(name) if name in ("Limits", "Name", "Level", "Count") else text(plant, name)


async def test_parts_of_arrays_matrices_and_texts(plant: Plant, client: Client, foreign: ForeignClient) -> None:
    # 5.11.2.2 indexRange
    items = [
        ua.ReadValueId(NodeId=_place(plant, name), AttributeId=IDS.Value, IndexRange=part) for name, part, _ in RANGES
    ]
    results = await client.uaclient.read(ua.ReadParameters(NodesToRead=items))
    asked = [{"nodeId": _text(plant, name), "attributeId": 13, "indexRange": part} for name, part, _ in RANGES]
    seen = await foreign.ask("attributes", items=asked)
    for (name, part, wanted), result, other in zip(RANGES, results, seen, strict=True):
        if isinstance(wanted, str) and wanted.startswith("Bad"):
            assert (name, part, result.StatusCode.name) == (name, part, wanted)
            assert other["status"] == result.StatusCode.value
            continue
        assert (name, part, result.Value.Value) == (name, part, wanted)
        assert other["status"] == 0
        if isinstance(wanted, list) and isinstance(wanted[0], list):
            assert other["value"] == [one for row in wanted for one in row], "node-opcua gives a matrix flat"
        elif not isinstance(wanted, bytes):
            assert other["value"] == wanted


async def _write(client: Client, where: ua.NodeId, part: str | None, value: ua.Variant) -> str:
    wanted = ua.WriteValue(NodeId=where, AttributeId=IDS.Value, IndexRange=part)
    wanted.Value = ua.DataValue(value)
    (result,) = await client.uaclient.write(ua.WriteParameters(NodesToWrite=[wanted]))
    return result.name


async def test_parts_are_written_and_the_rest_stays(plant: Plant, client: Client) -> None:
    # 5.11.4.2 indexRange: the part has the size of the range, and lies within the value
    limits, words, matrix = plant.node("Limits"), node(plant, "Words"), node(plant, "Matrix")
    for where, part, value, status in (
        (limits, "1", ua.Variant([20], KIND.Int32), "Good"),
        (limits, "0:1", ua.Variant([7], KIND.Int32), "BadIndexRangeDataMismatch"),
        (limits, "2", ua.Variant([7], KIND.Int32), "BadIndexRangeNoData"),
        (limits, "1", ua.Variant([7.0], KIND.Double), "BadTypeMismatch"),
        (limits, "x", ua.Variant([7], KIND.Int32), "BadIndexRangeInvalid"),
        (words, "0", ua.Variant(["delta"], KIND.String), "Good"),
        (matrix, "1,1:2", ua.Variant([[50, 60]], KIND.Int32), "Good"),
        (node(plant, "Bytes"), "0:1", ua.Variant(b"\xff\xfe", KIND.ByteString), "Good"),
        (plant.node("Name"), "0", ua.Variant("P", KIND.String), "Good"),
        (plant.node("Level"), "0", ua.Variant([1.0], KIND.Double), "BadIndexRangeNoData"),
    ):
        assert (part, await _write(client, where, part, value)) == (part, status)
    assert await client.get_node(limits).read_value() == [1, 20]
    assert await client.get_node(words).read_value() == ["delta", "beta", "gamma"]
    assert await client.get_node(matrix).read_value() == [[1, 2, 3], [4, 50, 60]]
    assert await client.get_node(node(plant, "Bytes")).read_value() == b"\xff\xfe\x02\x03\x04\x05"
    assert await client.get_node(plant.node("Name")).read_value() == "Präse"
    assert await client.get_node(plant.node("Level")).read_value() == 12.5


@pytest.mark.parametrize(
    ("wanted", "source", "server"),
    [("Source", True, False), ("Server", False, True), ("Both", True, True), ("Neither", False, False)],
)
async def test_the_times_that_are_asked_for(
    plant: Plant, client: Client, foreign: ForeignClient, wanted: str, *, source: bool, server: bool
) -> None:
    # 5.11.2.2 timestampsToReturn: of points, constants and other attributes, which have no source time
    items = [
        ua.ReadValueId(NodeId=plant.node("Level"), AttributeId=IDS.Value),
        ua.ReadValueId(NodeId=plant.node("Level.EURange"), AttributeId=IDS.Value),
        ua.ReadValueId(NodeId=node(plant, "Shelf"), AttributeId=IDS.DisplayName),
    ]
    params = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn[wanted], NodesToRead=items)
    point, constant, name = await client.uaclient.read(params)
    for one in (point, constant):
        assert (one.SourceTimestamp is not None, one.ServerTimestamp is not None) == (source, server)
    assert (name.SourceTimestamp is not None, name.ServerTimestamp is not None) == (False, server)
    asked = [{"nodeId": plant.text("Level"), "attributeId": 13}]
    (seen,) = await foreign.ask("attributes", items=asked, timestamps=wanted)
    assert (seen["source"] is not None, seen["server"] is not None) == (source, server)


async def test_a_read_is_refused_as_a_whole(plant: Plant, client: Client) -> None:
    # 5.11.2.3: Bad_MaxAgeInvalid, Bad_TimestampsToReturnInvalid
    item = ua.ReadValueId(NodeId=plant.node("Level"), AttributeId=IDS.Value)
    assert await refusal(client.uaclient.read, ua.ReadParameters(MaxAge=-1.0, NodesToRead=[item])) == "BadMaxAgeInvalid"
    for age in (0.0, 5_000.0, 1e300):
        (result,) = await client.uaclient.read(ua.ReadParameters(MaxAge=age, NodesToRead=[item]))
        assert result.Value.Value == 12.5, "a gateway's values are as new as they get"
    sound = struct_to_binary(ua.ReadParameters(NodesToRead=[item]))
    for timestamps in (-1, 4, 1_000):
        body = sound[:8] + timestamps.to_bytes(4, "little", signed=True) + sound[12:]
        assert (await ask(client, READ, body)).status == "BadTimestampsToReturnInvalid"


async def test_data_encodings(plant: Plant, client: Client) -> None:
    # 5.11.2.4: Bad_DataEncodingInvalid where it is no encoding of this value, else Bad_DataEncodingUnsupported
    span, level = plant.node("Level.EURange"), plant.node("Level")
    asked = [
        (span, "Default Binary", 0, "Good"),
        (span, "Default XML", 0, "BadDataEncodingUnsupported"),
        (span, "Default JSON", 0, "BadDataEncodingUnsupported"),
        (span, "Default Binary", 1, "BadDataEncodingInvalid"),
        (span, "Other", 0, "BadDataEncodingInvalid"),
        (level, "Default Binary", 0, "BadDataEncodingInvalid"),
    ]
    items = [
        ua.ReadValueId(NodeId=where, AttributeId=IDS.Value, DataEncoding=ua.QualifiedName(name, index))
        for where, name, index, _ in asked
    ]
    results = await client.uaclient.read(ua.ReadParameters(NodesToRead=items))
    assert names(results) == [status for *_, status in asked]
    assert (results[0].Value.Value.Low, results[0].Value.Value.High) == (0, 200)


async def test_points_of_a_device_are_read_and_what_is_wrong_is_told_item_by_item(plant: Plant, client: Client) -> None:
    children = await client.get_node(ua.NodeId("sim", plant.index("urn:plantspace:test"))).get_variables()
    tags = [one.nodeid for one in children if one.nodeid.Identifier not in ("sim.State", "sim.LastError")]
    assert len(tags) >= 20
    items = [ua.ReadValueId(NodeId=one, AttributeId=IDS.Value) for one in tags[:20]]
    items.insert(5, ua.ReadValueId(NodeId=node(plant, "Nothing"), AttributeId=IDS.Value))
    items.insert(9, ua.ReadValueId(NodeId=node(plant, "Shelf"), AttributeId=IDS.Value))
    for _ in range(3):  # the same batch again is answered from what was remembered of it
        results = await client.uaclient.read(ua.ReadParameters(NodesToRead=items))
        assert (results[5].StatusCode.name, results[9].StatusCode.name) == ("BadNodeIdUnknown", "BadAttributeIdInvalid")
    assert await _write(client, tags[0], None, ua.Variant(1.0, KIND.Double)) == "BadNotWritable"


async def test_an_observer_reads_everything_and_writes_nothing(tmp_path: Path, free_port: Callable[[], int]) -> None:
    # 5.11.4.4 Bad_UserAccessDenied: the variable is writable, this user may not
    async with running(lay_down_services(tmp_path, port=free_port(), anonymous="Observer")) as plant:
        async with connected(plant) as client:
            one = ua.Variant([9], KIND.Int32)
            assert await _write(client, plant.node("Limits"), "1", one) == "BadUserAccessDenied"
            assert await _write(client, node(plant, "Words"), None, ua.Variant(["x"], KIND.String)) == (
                "BadUserAccessDenied"
            )
            assert await _write(client, plant.node("Serial"), None, ua.Variant(1, KIND.Int32)) == "BadNotWritable"
            assert await client.get_node(plant.node("Limits")).read_value() == [1, 2]
            level = client.get_node(plant.node("Level"))
            told = [(await level.read_attribute(one)).Value.Value for one in (IDS.AccessLevel, IDS.UserAccessLevel)]
            assert (told[0] & 2, told[1] & 2) == (2, 0)
        async with foreign_client(tmp_path) as foreign:
            await foreign.connect(plant.url)
            written = await foreign.ask("write", node=plant.text("Level"), type="Double", value=1.0)
            assert written == "BadUserAccessDenied"
            assert (await foreign.read(plant.text("Level")))[0]["value"] == 12.5
            await foreign.ask("close")
