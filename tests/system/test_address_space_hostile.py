"""Requests and values that no well-behaved client sends, over a real socket (Part 4 v1.05 5.11, 7.27; Part 6 5.2.2)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportCallIssue=false, reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from server.address_space.decoding import GivenValue
from server.address_space.encoding import encode_array, encode_node_id, encode_string
from server.address_space.keys import NodeKey, key_of
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.raw_requests import ask

IDS = ua.ObjectIds
VARIABLE = """\
  <UAVariable NodeId="ns=1;s={name}" BrowseName="1:{name}" ParentNodeId="ns=1;s=Tank" DataType="{kind}"
              ValueRank="{rank}" AccessLevel="3">
    <DisplayName>{name}</DisplayName>
    <References>
      <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
      <Reference ReferenceType="HasComponent" IsForward="false">ns=1;s=Tank</Reference>
    </References>
  </UAVariable>
"""
VARIABLES = [
    ("Times", "i=13", 1),
    ("Words", "i=12", 1),
    ("Any", "i=24", -2),
    ("Cells", "i=6", -2),
    ("Span", "i=884", -1),
]


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    config = lay_down(tmp_path, port=free_port())
    model = tmp_path / "plant.NodeSet2.xml"
    more = "".join(VARIABLE.format(name=name, kind=kind, rank=rank) for name, kind, rank in VARIABLES)
    model.write_text(model.read_text(encoding="utf-8").replace("</UANodeSet>", f"{more}</UANodeSet>"), encoding="utf-8")
    async with running(config) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


def wanted(key: NodeKey, part: str | None = None) -> bytes:
    return encode_node_id(key) + struct.pack("<I", 13) + encode_string(part) + b"\x00\x00" + encode_string(None)


async def read(client: Client, *items: bytes) -> tuple[str, list[GivenValue]]:
    """Give the ServiceResult, and the values as they were encoded."""
    body = struct.pack("<di", 0.0, 2) + encode_array(items)
    told = await ask(client, IDS.ReadRequest_Encoding_DefaultBinary, body)
    return told.status, [told.body.data_value() for _ in range(told.body.int32())] if told.status == "Good" else []


async def write(client: Client, where: ua.NodeId, variant: bytes) -> str:
    """Give an item's StatusCode, or the ServiceResult that refuses all of it."""
    item = encode_node_id(key_of(where)) + struct.pack("<I", 13) + encode_string(None) + b"\x01" + variant
    told = await ask(client, IDS.WriteRequest_Encoding_DefaultBinary, encode_array([item]))
    if told.status != "Good":
        return told.status
    assert told.body.int32() == 1
    return ua.StatusCode(ua.UInt32(told.body.uint32())).name


async def test_a_small_request_gets_no_gigabytes(plant: Plant, client: Client) -> None:
    # 7.38.2 Bad_ResponseTooLarge: the type dictionary of the standard namespace has 340 KB
    dictionary = wanted(int(IDS.OpcUa_XmlSchema))
    status, (one,) = await read(client, dictionary)
    assert status == "Good"
    assert len(one.variant or b"") > 300_000
    assert (await read(client, *[dictionary] * 10_000))[0] == "BadResponseTooLarge"
    parts = [wanted(int(IDS.OpcUa_XmlSchema), f"{begin}:{begin + 9}") for begin in range(0, 1000, 10)]
    status, told = await read(client, *parts)
    assert status == "Good"
    assert b"".join((each.variant or b"")[5:] for each in told) == (one.variant or b"")[5:1005]
    assert await client.get_node(plant.node("Level")).read_value() == 12.5


async def test_a_matrix_of_nothing_in_any_number_of_dimensions_harms_nobody(plant: Plant, client: Client) -> None:
    # 7.27: what cannot be taken apart is its own item's Bad_IndexRangeNoData
    cells = plant.node("Cells")
    sizes = struct.pack("<5i", 4, 0, 2**31 - 1, 2**31 - 1, 2**31 - 1)
    assert await write(client, cells, b"\xc6\x00\x00\x00\x00" + sizes) == "Good"
    level = wanted(key_of(plant.node("Level")))
    status, told = await read(client, wanted(key_of(cells), "0"), wanted(key_of(cells), "0,0,0,0"), level)
    assert status == "Good"
    assert [one.status for one in told[:2]] == [ua.StatusCodes.BadIndexRangeNoData] * 2
    assert told[2].variant == b"\x0b" + struct.pack("<d", 12.5)
    many = struct.pack("<i", 100_000) + struct.pack("<i", 2**31 - 1) * 100_000
    async with asyncio.timeout(30):
        assert await write(client, cells, b"\xc6\x00\x00\x00\x00" + many) == "BadTypeMismatch"


@pytest.mark.parametrize(
    ("name", "variant", "status"),
    [
        ("Words", b"\x8c" + struct.pack("<ii", 1, 2) + b"\xff\xfe", "BadDecodingError"),  # no UTF-8
        ("Any", b"\x18\x06\x01\x00\x00\x00", "BadTypeMismatch"),  # a Variant in a Variant
        ("Any", b"\x1a" + struct.pack("<i", 1) + b"x", "BadTypeMismatch"),  # a type that there is not yet
        ("Cells", b"\x46" + struct.pack("<4i", 1, 2, 1, 1), "BadTypeMismatch"),  # a scalar with dimensions
        ("Span", b"\x16\x01\x00\x75\x03\x02" + struct.pack("<i", 8) + b"<Range/>", "BadDataEncodingUnsupported"),
        ("Span", b"\x16\x01\x00\x76\x03\x00", "BadTypeMismatch"),  # no body
    ],
)
async def test_what_others_could_not_read_is_not_taken(
    plant: Plant, client: Client, name: str, variant: bytes, status: str
) -> None:
    # Part 6 v1.05 5.2.2.4, 5.2.2.15, 5.2.2.16
    (before,) = (await read(client, wanted(key_of(plant.node(name)))))[1]
    assert await write(client, plant.node(name), variant) == status
    (after,) = (await read(client, wanted(key_of(plant.node(name)))))[1]
    assert after == before


async def test_values_are_given_to_everyone_as_they_were_written(plant: Plant, client: Client) -> None:
    # Part 6 v1.05 5.2.2.5: a DateTime has 100 ns
    times = b"\x8d" + struct.pack("<iqq", 2, 133_000_000_000_000_007, 2**63 - 1)
    assert await write(client, plant.node("Times"), times) == "Good"
    (told,) = (await read(client, wanted(key_of(plant.node("Times")))))[1]
    assert told.variant == times


async def test_a_null_string_is_an_empty_one(plant: Plant, client: Client) -> None:
    # Part 6 v1.05 5.1.11
    assert await write(client, plant.node("Name"), b"\x0c\xff\xff\xff\xff") == "Good"
    assert await client.get_node(plant.node("Name")).read_value() == ""


CAPABILITIES: dict[str, ua.VariantType] = {
    "Server_Auditing": ua.VariantType.Boolean,
    "Server_ServiceLevel": ua.VariantType.Byte,
    "Server_ServerRedundancy_RedundancySupport": ua.VariantType.Int32,
    "Server_ServerDiagnostics_EnabledFlag": ua.VariantType.Boolean,
    "Server_ServerStatus_SecondsTillShutdown": ua.VariantType.UInt32,
    "Server_ServerStatus_ShutdownReason": ua.VariantType.LocalizedText,
    "Server_ServerCapabilities_ServerProfileArray": ua.VariantType.String,
    "Server_ServerCapabilities_LocaleIdArray": ua.VariantType.String,
    "Server_ServerCapabilities_SoftwareCertificates": ua.VariantType.ExtensionObject,
    "Server_ServerCapabilities_MinSupportedSampleRate": ua.VariantType.Double,
    "Server_ServerCapabilities_MaxBrowseContinuationPoints": ua.VariantType.UInt16,
    "Server_ServerCapabilities_MaxQueryContinuationPoints": ua.VariantType.UInt16,
    "Server_ServerCapabilities_MaxHistoryContinuationPoints": ua.VariantType.UInt16,
}


async def test_what_the_server_must_say_of_itself_has_a_value_of_its_type(client: Client) -> None:
    # Part 5 v1.05 6.3.1, 6.3.2: mandatory; a null value is no Boolean
    for name, kind in CAPABILITIES.items():
        told: Any = await client.get_node(ua.NodeId(getattr(IDS, name))).read_data_value()
        assert (name, told.Value.VariantType) == (name, kind)
        assert told.Value.is_array == name.endswith(("Array", "Certificates"))
