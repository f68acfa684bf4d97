"""Hostile encodings against a running gateway, and against asyncua's own server, which shows that they are attacks."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; chunks are made inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from struct import pack

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_array, encode_bytes, encode_node_id, encode_string
from server.address_space.keys import NodeKey, key_of, numeric_key
from tests.system.plain_asyncua import Memory, PlainServer, plain_server
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection, session
from tests.waiting import until

ANY = """\
  <UAVariable NodeId="ns=1;s=Any" BrowseName="1:Any" ParentNodeId="ns=1;s=Tank" DataType="i=24" ValueRank="-2"
              AccessLevel="3">
    <DisplayName>Any</DisplayName>
    <References>
      <Reference ReferenceType="HasTypeDefinition">i=63</Reference>
      <Reference ReferenceType="HasComponent" IsForward="false">ns=1;s=Tank</Reference>
    </References>
  </UAVariable>
"""
IDS = ua.ObjectIds
READ = IDS.ReadRequest_Encoding_DefaultBinary
WRITE = IDS.WriteRequest_Encoding_DefaultBinary
CALL = IDS.CallRequest_Encoding_DefaultBinary
HISTORY_UPDATE = IDS.HistoryUpdateRequest_Encoding_DefaultBinary
HISTORY_READ = IDS.HistoryReadRequest_Encoding_DefaultBinary
ENDPOINTS = IDS.GetEndpointsRequest_Encoding_DefaultBinary
CREATE_SESSION = IDS.CreateSessionRequest_Encoding_DefaultBinary
LITTLE = 48 * 1024 * 1024
"""Bytes: the test's own client and the garbage of a whole gateway are in it."""
MUCH = 200 * 1024 * 1024
VALUE = int(ua.AttributeIds.Value)
NULL_ARRAY = b"\x80" + pack("<i", 2**31 - 1)
SMALL_MATRIX = b"\xc1" + pack("<i", 1) + b"\x01" + pack("<iii", 2, 1000, 1000)
DEEP = b"\x98\x01\x00\x00\x00" * 10_000 + b"\x00"
NO_TEXT = b"\x0c" + pack("<i", 2) + b"\xc3\x28"


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    config = lay_down(tmp_path, port=free_port())
    model = tmp_path / "plant.NodeSet2.xml"
    model.write_text(model.read_text(encoding="utf-8").replace("</UANodeSet>", f"{ANY}</UANodeSet>"), encoding="utf-8")
    async with running(config) as held:
        yield held


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[PlainServer]:
    async with plain_server(tmp_path) as held:
        yield held


@asynccontextmanager
async def served(plant: Plant) -> AsyncGenerator[None]:
    """See that an honest client is served before and after, and one that comes then, too."""
    async with connected(plant) as client:
        assert await client.get_node(plant.node("Serial")).read_value() == 99
        yield
        assert await client.get_node(plant.node("Serial")).read_value() == 99
    async with connected(plant) as late:
        assert await late.get_node(plant.node("Serial")).read_value() == 99


@contextmanager
def no_traceback(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """See that what a client sends is no failure of ours."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        yield
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    assert "Traceback" not in caplog.text


def call(*arguments: bytes) -> bytes:
    return encode_array([encode_node_id(1) + encode_node_id(2) + encode_array(arguments)])


def write(node: NodeKey, variant: bytes) -> bytes:
    return encode_array([encode_node_id(node) + pack("<I", VALUE) + encode_string(None) + b"\x01" + variant])


def read(node: NodeKey) -> bytes:
    item = encode_node_id(node) + pack("<I", VALUE) + encode_string(None) + b"\x00\x00" + encode_string(None)
    return pack("<di", 0.0, 3) + encode_array([item])


def structure(kind: str, body: bytes) -> bytes:
    encoding = encode_node_id(numeric_key(0, getattr(IDS, f"{kind}_Encoding_DefaultBinary")))
    return encoding + b"\x01" + encode_bytes(body)


def history_update(variant: bytes) -> bytes:
    body = encode_node_id(1) + pack("<i", 1) + encode_array([b"\x01" + variant])
    return encode_array([structure("UpdateDataDetails", body)])


def pairs(*variants: bytes) -> bytes:
    """Write an AdditionalHeader: KeyValuePairs."""
    return structure(
        "AdditionalParametersType", encode_array([b"\x00\x00" + encode_string("") + one for one in variants])
    )


def headed(wire: Wire, kind: int, additional: bytes, body: bytes) -> bytes:
    """Give the chunks of a request with an AdditionalHeader."""
    header = struct_to_binary(ua.RequestHeader(AuthenticationToken=wire.token))
    message = encode_node_id(numeric_key(0, kind)) + header.removesuffix(b"\x00\x00\x00") + additional + body
    wire._request += 1
    return wire.channel.message_to_binary(message, request_id=wire._request)


@asynccontextmanager
async def stranger(url: str) -> AsyncGenerator[Wire]:
    """Open a channel, and no session."""
    async with connection(url) as wire:
        await wire.greet()
        await wire.open_channel()
        yield wire


async def attacked_before_log_in(plant: Plant, additional: bytes, caplog: pytest.LogCaptureFixture) -> set[str]:
    """Send requests that need no session with an AdditionalHeader; give what they are answered."""
    endpoints = struct_to_binary(ua.GetEndpointsParameters(EndpointUrl=plant.url))
    create = struct_to_binary(ua.CreateSessionParameters(EndpointUrl=plant.url, ClientNonce=bytes(32)))
    told: set[str] = set()
    with no_traceback(caplog):
        for kind, body in ((ENDPOINTS, endpoints), (CREATE_SESSION, create)):
            async with stranger(plant.url) as wire:
                wire.send(headed(wire, kind, additional, body))
                told.add((await wire.answer())[1].status)
    return told


async def attacked(plant: Plant, variant: bytes, caplog: pytest.LogCaptureFixture) -> set[str]:
    """Send a session's requests that hold a Variant; give what they are answered."""
    async with session(plant.url) as wire:
        with no_traceback(caplog):
            told = {
                (await wire.ask(CALL, call(variant))).status,
                (await wire.ask(CALL, call(b"\x0b" + bytes(8), b"\x16" + pairs(variant)))).status,
            }
            changed = await wire.ask(HISTORY_UPDATE, history_update(variant))
            if changed.status != "Good":
                told.add(changed.status)
            else:  # values stay bytes until they are kept: one that makes no sense is refused by itself
                assert _only_result(changed.body).startswith("Bad")
        assert (await wire.ask(READ, read(key_of(plant.node("Serial"))))).status == "Good", "the session goes on"
    return told


async def test_threat_03_a_null_array_of_two_gigabytes_before_a_log_in(
    plant: Plant, plain: PlainServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        memory = Memory()
        assert await attacked_before_log_in(plant, pairs(NULL_ARRAY), caplog) <= {"Good", "BadDecodingError"}
        assert memory.taken < LITTLE
    async with stranger(plain.url) as wire:
        memory = Memory(plain.pid)
        wire.send(headed(wire, ENDPOINTS, pairs(NULL_ARRAY), struct_to_binary(ua.GetEndpointsParameters())))
        await until(lambda: memory.taken > MUCH, seconds=30)


async def test_threat_03_a_null_array_of_two_gigabytes_of_a_session(
    plant: Plant, plain: PlainServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        memory = Memory()
        assert await attacked(plant, NULL_ARRAY, caplog) == {"BadDecodingError"}
        assert memory.taken < LITTLE
    async with session(plain.url) as wire:
        memory = Memory(plain.pid)
        wire.send(wire.encode(CALL, call(NULL_ARRAY)))
        await until(lambda: memory.taken > MUCH, seconds=30)


@pytest.mark.parametrize(
    ("variant", "status"),
    [
        (b"\x98" + pack("<i", 100_001) + bytes(100_001), "BadEncodingLimitsExceeded"),
        (b"\x8b" + pack("<i", 1_000_001) + bytes(8_000_008), "BadEncodingLimitsExceeded"),
        (b"\x8c" + pack("<i", 2**31 - 1) + bytes(64), "BadDecodingError"),
        (b"\x0f" + pack("<i", 2**31 - 1) + bytes(64), "BadDecodingError"),
    ],
)
async def test_threat_03_more_values_than_anybody_needs(
    plant: Plant, variant: bytes, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        assert await attacked(plant, variant, caplog) == {status}


async def test_threat_03_a_structure_in_a_value_that_is_written(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with served(plant), session(plant.url) as wire:
        anything = key_of(plant.node("Any"))
        for variant, status in (
            (b"\x98" + pack("<i", 10**6) + bytes(10**6), "BadEncodingLimitsExceeded"),
            (b"\x16" + pairs(NULL_ARRAY), "BadTypeMismatch"),  # of what is in the body, the item alone is refused
            (b"\x16" + pairs(SMALL_MATRIX), "BadTypeMismatch"),
        ):
            memory = Memory()
            with no_traceback(caplog):
                told = await wire.ask(WRITE, write(anything, variant))
            (result,) = [told.status] if told.status != "Good" else [_only_result(told.body)]
            assert result == status
            assert memory.taken < LITTLE


def _only_result(body: Cursor) -> str:
    assert body.int32() == 1
    return ua.StatusCode(body.uint32()).name


async def test_threat_04_small_arrays_with_large_dimensions(
    plant: Plant, plain: PlainServer, caplog: pytest.LogCaptureFixture
) -> None:
    many = b"\x98" + pack("<i", 50) + SMALL_MATRIX * 50
    async with served(plant):
        memory = Memory()
        assert await attacked(plant, many, caplog) == {"BadDecodingError"}
        assert await attacked_before_log_in(plant, pairs(many), caplog) <= {"Good", "BadDecodingError"}
        assert memory.taken < LITTLE
    async with stranger(plain.url) as wire:
        memory = Memory(plain.pid)
        wire.send(headed(wire, ENDPOINTS, pairs(many), struct_to_binary(ua.GetEndpointsParameters())))
        await until(lambda: memory.taken > MUCH, seconds=30)


@pytest.mark.parametrize(
    "variant",
    [
        DEEP,
        b"\x18" * 10_000 + b"\x00",
        b"\x97\x01\x00\x00\x00\x01" * 5_000 + b"\x00",
        b"\x19" + b"\x40" * 10_000 + b"\x00",
    ],
    ids=["arrays", "variants", "data values", "diagnostic infos"],
)
async def test_threat_19_values_nested_ten_thousand_deep(
    plant: Plant, variant: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        assert await attacked(plant, variant, caplog) == {"BadEncodingLimitsExceeded"}
        async with session(plant.url) as wire:
            with no_traceback(caplog):
                told = await wire.ask(WRITE, write(key_of(plant.node("Limits")), variant))
            assert told.status == "BadEncodingLimitsExceeded"


async def test_threat_19_asyncua_itself_runs_out_of_its_stack(
    plant: Plant, plain: PlainServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        told = await attacked_before_log_in(plant, pairs(DEEP), caplog)
        assert told <= {"Good", "BadEncodingLimitsExceeded"}
    async with stranger(plain.url) as wire:
        wire.send(headed(wire, ENDPOINTS, pairs(DEEP), struct_to_binary(ua.GetEndpointsParameters())))
        await until(lambda: "RecursionError" in plain.log, seconds=30)
    assert "Traceback" in plain.log


async def test_threat_19_a_hundred_levels_are_decoded(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    deepest = b"\x98\x01\x00\x00\x00" * 99 + b"\x00"
    async with served(plant), session(plant.url) as wire:
        with no_traceback(caplog):
            assert (await wire.ask(CALL, call(deepest))).status == "Good", "and no such method is the call's own result"


async def test_threat_24_a_text_that_is_no_utf_8(
    plant: Plant, plain: PlainServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(plant):
        assert await attacked(plant, NO_TEXT, caplog) == {"BadDecodingError"}
        async with session(plant.url) as wire:
            name = key_of(plant.node("Name"))
            with no_traceback(caplog):
                assert (await wire.ask(WRITE, write(name, NO_TEXT))).status == "BadDecodingError"
            told = await wire.ask(READ, read(name))
            assert "Fräse".encode() in told.body.data
    async with session(plain.url) as wire:
        name = (1, "Name")
        assert (await wire.ask(WRITE, write(name, NO_TEXT))).status == "Good"
        told = await wire.ask(READ, read(name))
        assert NO_TEXT in told.body.data, "everybody who reads it gets what is no text"
