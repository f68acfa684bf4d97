"""Connections down to their bytes: order, back-pressure, and what ends one without harm to the others."""

# asyncua's annotations are partial and call a plain int wrong where it takes one; connections are looked at inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportReturnType=false
from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from struct import pack, pack_into
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from server.ua_stack import processor, transport
from server.ua_stack.secure_channel.complaints import Complaints
from server.ua_stack.transport import GatewayProtocol
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection, session
from tests.waiting import until

IDS = ua.ObjectIds
READ = IDS.ReadRequest_Encoding_DefaultBinary
WRITE = IDS.WriteRequest_Encoding_DefaultBinary
BROWSE = IDS.BrowseRequest_Encoding_DefaultBinary
SUBSCRIBE = IDS.CreateSubscriptionRequest_Encoding_DefaultBinary
CREATE_ITEMS = IDS.CreateMonitoredItemsRequest_Encoding_DefaultBinary
PUBLISH = IDS.PublishRequest_Encoding_DefaultBinary
ENDPOINTS = IDS.GetEndpointsRequest_Encoding_DefaultBinary
FAULT = IDS.ServiceFault_Encoding_DefaultBinary


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port())) as held:
        yield held


@pytest.fixture
async def wire(plant: Plant) -> AsyncIterator[Wire]:
    async with session(plant.url) as held:
        yield held


def read(plant: Plant, *names: str) -> bytes:
    params = ua.ReadParameters(TimestampsToReturn=ua.TimestampsToReturn.Neither)
    params.NodesToRead = [ua.ReadValueId(NodeId=plant.node(name), AttributeId=ua.AttributeIds.Value) for name in names]
    return struct_to_binary(params)


def write(plant: Plant, name: str, value: float) -> bytes:
    wanted = ua.WriteValue(NodeId=plant.node(name), AttributeId=ua.AttributeIds.Value)
    wanted.Value = ua.DataValue(ua.Variant(value, ua.VariantType.Double))
    return struct_to_binary(ua.WriteParameters(NodesToWrite=[wanted]))


def browse() -> bytes:
    wanted = ua.BrowseDescription(NodeId=ua.NodeId(IDS.ObjectsFolder), ResultMask=63)
    wanted.ReferenceTypeId, wanted.IncludeSubtypes = ua.NodeId(IDS.References), True
    return struct_to_binary(ua.BrowseParameters(NodesToBrowse=[wanted]))


def subscribe(interval: float = 100.0) -> bytes:
    params = ua.CreateSubscriptionParameters(RequestedPublishingInterval=interval)
    params.RequestedLifetimeCount, params.RequestedMaxKeepAliveCount, params.PublishingEnabled = 1000, 10, True
    return struct_to_binary(params)


def items(plant: Plant, subscription: int, count: int, name: str = "Level") -> bytes:
    params = ua.CreateMonitoredItemsParameters(SubscriptionId=subscription)
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    for handle in range(count):
        one = ua.MonitoredItemCreateRequest(MonitoringMode=ua.MonitoringMode.Reporting)
        one.ItemToMonitor.NodeId, one.ItemToMonitor.AttributeId = plant.node(name), ua.AttributeIds.Value
        one.RequestedParameters = ua.MonitoringParameters(ClientHandle=handle, QueueSize=10)
        params.ItemsToCreate.append(one)
    return struct_to_binary(params)


def protocols(plant: Plant) -> list[GatewayProtocol]:
    return plant.gateway.plan.stack.server.bserver.clients


async def served(plant: Plant) -> None:
    """See that a new client is served as ever."""
    async with connected(plant) as client:
        assert await client.get_node(plant.node("Serial")).read_value() == 99


class Gate:
    """Holds Write requests back until it is opened: a device that is slow."""

    def __init__(self, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = asyncio.Event()
        self.begun = 0
        writing = plant.gateway.plan.stack.internal.writing
        answer: Callable[..., Awaitable[bytes]] = writing.answer

        async def held(*given: Any) -> bytes:
            self.begun += 1
            await self.opened.wait()
            return await answer(*given)

        monkeypatch.setattr(writing, "answer", held)


async def test_requests_in_one_segment_are_answered_in_the_order_they_came(plant: Plant, wire: Wire) -> None:
    told = await wire.ask(SUBSCRIBE, subscribe())
    subscription = told.body.uint32()
    bodies = [
        (READ, read(plant, "Level")),
        (WRITE, write(plant, "Level", 1.0)),
        (READ, read(plant, "Level", "Serial")),
        (BROWSE, browse()),
        (CREATE_ITEMS, items(plant, subscription, 250)),
        (ENDPOINTS, struct_to_binary(ua.GetEndpointsParameters())),
        (READ, read(plant, "Level")),
        (WRITE, write(plant, "Level", 2.0)),
        (READ, read(plant, "Level")),
    ]
    for _ in range(3):
        requests = [wire.encode(kind, body) for kind, body in bodies]
        first = wire._request - len(requests) + 1
        wire.send(b"".join(requests))
        answers = [await wire.answer() for _ in requests]
        assert [handle for handle, _ in answers] == list(range(first, first + len(requests)))
        assert {one.status for _, one in answers} == {"Good"}
        values = []
        for place in (6, 8):
            body = answers[place][1].body
            assert body.int32() == 1
            values.append(body.data_value().variant)
        assert values == [b"\x0b" + pack("<d", 1.0), b"\x0b" + pack("<d", 2.0)], "each sees the writes before it"


async def test_requests_behind_a_slow_one_wait_and_other_clients_do_not(
    plant: Plant, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(plant, monkeypatch)
    wire.send(wire.encode(WRITE, write(plant, "Level", 3.0)) + wire.encode(READ, read(plant, "Level")))
    await until(lambda: gate.begun == 1)
    wire.send(wire.encode(READ, read(plant, "Serial")))
    await served(plant)
    assert not wire.reader._buffer  # type: ignore[attr-defined]  # what has come and was not read
    gate.opened.set()
    handles = [(await wire.answer())[0] for _ in range(3)]
    assert handles == sorted(handles)


@pytest.mark.parametrize("service", ["writing", "calls"])
async def test_a_request_whose_work_was_cancelled_is_answered_and_the_next_ones_are_served(
    plant: Plant, wire: Wire, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """A driver that is stopped cancels what waits for it: that must not end the connection's own task."""

    async def cancelled(*given: Any, **named: Any) -> Any:
        del given, named
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    held: Any = getattr(plant.gateway.plan.stack.internal, service)
    monkeypatch.setattr(held, {"writing": "answer", "calls": "call_as"}[service], cancelled)
    calls = struct_to_binary(ua.CallParameters(MethodsToCall=[ua.CallMethodRequest()]))
    kind = {"writing": WRITE, "calls": IDS.CallRequest_Encoding_DefaultBinary}[service]
    body = {"writing": write(plant, "Level", 1.0), "calls": calls}[service]
    wire.send(wire.encode(kind, body) + wire.encode(BROWSE, browse()))
    assert [(await wire.answer())[1].status for _ in range(2)] == ["BadOperationAbandoned", "Good"]


async def test_a_connection_lost_while_requests_wait_leaves_nothing(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(plant, monkeypatch)
    for _ in range(5):
        async with session(plant.url) as wire:
            before = gate.begun
            wire.send(b"".join(wire.encode(WRITE, write(plant, "Level", 1.0)) for _ in range(20)))
            wire.send(b"".join(wire.encode(BROWSE, browse()) for _ in range(30)))
            await until(lambda before=before: gate.begun == before + 1)
            assert len(protocols(plant)[-1]._waiting) > 0
    await until(lambda: not protocols(plant))
    assert not plant.gateway.plan.stack.internal._external_sessions
    gate.opened.set()
    await served(plant)


async def test_a_connection_lost_while_nothing_more_is_read_of_it_ends_with_its_next_answer(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(plant, monkeypatch)
    async with session(plant.url) as wire:
        wire.send(b"".join(wire.encode(WRITE, write(plant, "Level", 1.0)) for _ in range(200)))
        await until(lambda: gate.begun == 1)
        await until(lambda: not protocols(plant)[0].transport.is_reading())
    gate.opened.set()
    await until(lambda: not protocols(plant))
    await served(plant)


async def test_a_connection_lost_before_its_first_request_was_begun_leaves_nothing(plant: Plant, wire: Wire) -> None:
    """A coroutine that waits for its turn is closed: no warning that it was never awaited."""
    (protocol,) = protocols(plant)
    frame = wire.encode(WRITE, write(plant, "Level", 1.0))
    protocol.data_received(frame)
    assert len(protocol._waiting) == 1
    protocol._task.cancel()  # the connection is lost before the loop gets to it
    await wire.close()
    await until(lambda: not protocols(plant))
    assert not protocol._waiting


async def test_thousands_of_pipelined_requests_wait_in_the_socket(
    plant: Plant, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(plant, monkeypatch)
    padding = bytes(4000)  # bytes behind a request change nothing
    count = 3000
    first = wire._request + 1
    wire.send(wire.encode(WRITE, write(plant, "Level", 1.0)))
    wire.send(b"".join(wire.encode(READ, read(plant, "Level") + padding) for _ in range(count)))
    (protocol,) = protocols(plant)
    await until(lambda: not protocol.transport.is_reading())
    await served(plant)
    assert len(protocol._waiting) < 64 + 300_000 // 4000, "one segment more than the bound"
    gate.opened.set()
    handles = [(await wire.answer())[0] for _ in range(count + 1)]
    assert handles == list(range(first, first + count + 1))
    assert protocol.transport.is_reading()


async def test_threat_18_who_never_reads_is_closed_and_others_are_served(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "MAX_UNSENT", 200_000)
    async with session(plant.url) as wire:
        wire.writer.transport.pause_reading()
        wire.send(wire.encode(SUBSCRIBE, subscribe(10.0)))
        service = plant.gateway.plan.stack.internal.subscriptions
        await until(lambda: len(service.held) == 1)
        (subscription,) = service.held
        wire.send(wire.encode(CREATE_ITEMS, items(plant, subscription, 1, "Name")))
        await until(lambda: service.items.count == 1)
        for number in range(4000):
            plant.put("Name", f"{number}" * 20_000)
            wire.send(wire.encode(PUBLISH, pack("<i", 0)))
            await asyncio.sleep(0)
            if number % 20 == 0:
                await until(lambda: not wire.writer.transport.get_write_buffer_size() or not protocols(plant))
            if not protocols(plant):
                break
        await until(lambda: not protocols(plant))
        await served(plant)


async def test_threat_18_answers_of_every_kind_are_bounded(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """GetEndpoints needs no session at all."""
    monkeypatch.setattr(processor, "MAX_UNSENT", 200_000)
    async with connection(plant.url) as wire:
        await wire.greet()
        await wire.open_channel()
        wire.writer.transport.pause_reading()
        body = struct_to_binary(ua.GetEndpointsParameters())
        for _ in range(2000):
            if not protocols(plant):
                break
            wire.send(b"".join(wire.encode(ENDPOINTS, body) for _ in range(100)))
            await asyncio.sleep(0)
        await until(lambda: not protocols(plant), seconds=30)
    await served(plant)


async def test_threat_18_who_does_not_read_why_is_not_waited_for(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_CLOSES_WITHIN", 0.2)
    async with session(plant.url) as wire:
        wire.writer.transport.pause_reading()
        (protocol,) = protocols(plant)
        body = struct_to_binary(ua.GetEndpointsParameters())
        while not protocol.transport.get_write_buffer_size():
            wire.send(b"".join(wire.encode(ENDPOINTS, body) for _ in range(100)))
            await asyncio.sleep(0)
        wire.send(b"GARBAGE." * 10)
        await until(lambda: not protocols(plant))
    await served(plant)


async def test_the_gateway_stops_while_a_client_does_not_read(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with asyncio.timeout(60):
        async with running(lay_down(tmp_path, port=free_port())) as plant, session(plant.url) as wire:
            wire.writer.transport.pause_reading()
            (protocol,) = protocols(plant)
            body = struct_to_binary(ua.GetEndpointsParameters())
            while not protocol.transport.get_write_buffer_size():
                wire.send(b"".join(wire.encode(ENDPOINTS, body) for _ in range(100)))
                await asyncio.sleep(0)
            await plant.gateway.stop()
            await until(lambda: protocol.transport.is_closing() and not protocol.transport.get_write_buffer_size())


@contextmanager
def no_traceback(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """See that what a client sends is told in a line, and is no failure of ours."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        yield
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    assert "Traceback" not in caplog.text


async def test_threat_20_a_wrong_sequence_number_closes_the_channel_alone(
    plant: Plant, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    async with session(plant.url) as bystander:
        with no_traceback(caplog):
            wire.send(wire.encode(READ, read(plant, "Serial")))
            wire.channel._sequence_number += 1
            wire.send(wire.encode(READ, read(plant, "Serial")))
            assert await wire.error() == "BadSecurityChecksFailed"
        assert (await bystander.ask(READ, read(plant, "Serial"))).status == "Good"
    assert [record.name for record in caplog.records if "is closed" in record.message] == ["plantspace.endpoint"]


@pytest.mark.parametrize(("where", "status"), [(8, "BadSecureChannelIdInvalid"), (12, "BadSecureChannelTokenUnknown")])
async def test_threat_20_another_channel_or_token_closes_the_connection(
    plant: Plant, wire: Wire, where: int, status: str
) -> None:
    frame = bytearray(wire.encode(READ, read(plant, "Serial")))
    pack_into("<I", frame, where, 4711)
    wire.send(bytes(frame))
    assert await wire.error() == status
    await served(plant)


HELLO = Wire.hello()
CLOSE = b"CLOF" + pack("<IIIII", 24, 0, 0, 1, 1)
OPEN_GARBAGE = b"OPNF" + pack("<II", 60, 0) + bytes(range(48))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n", "BadTcpMessageTypeInvalid"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "BadTcpMessageTypeInvalid"),
        (b"MSGF" + pack("<I", 0x7FFF_FFFF), "BadTcpMessageTooLarge"),
        (b"MSGF" + pack("<IIIII", 28, 0, 0, 1, 1) + b"body", "BadSecureChannelIdInvalid"),
        (b"HELF" + pack("<I", 12) + bytes(4), "BadDecodingError"),
        (HELLO[:28] + pack("<i", 1000) + HELLO[32:], "BadDecodingError"),
        (Wire.hello(receive=25), "BadConnectionRejected"),
        (Wire.hello(send=0), "BadConnectionRejected"),
        (HELLO + HELLO, "BadTcpMessageTypeInvalid"),
        (OPEN_GARBAGE, "BadTcpMessageTypeInvalid"),
        (HELLO + OPEN_GARBAGE, "BadDecodingError"),
        (HELLO + b"OPNF" + pack("<I", 9) + b"x", "BadDecodingError"),
        (HELLO + b"MSGF" + pack("<IIIII", 28, 0, 0, 1, 1) + b"body", "BadSecureChannelIdInvalid"),
        (HELLO + b"MSGF" + pack("<I", 9) + b"x", "BadSecureChannelIdInvalid"),
        (HELLO + b"ACKF" + pack("<IIIIII", 28, 0, 8, 8, 0, 0), "BadTcpMessageTypeInvalid"),
        (HELLO + b"ERRF" + pack("<IIi", 16, 0x80000000, -1), "BadTcpMessageTypeInvalid"),
        (HELLO + b"CLOF" + pack("<I", 9) + b"x", "BadSecureChannelIdInvalid"),
    ],
)
async def test_what_makes_no_sense_before_a_channel_is_open_ends_the_connection(
    plant: Plant, sent: bytes, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    with no_traceback(caplog):
        async with connection(plant.url) as wire:
            wire.send(sent)
            assert await wire.error() == status
        await until(lambda: not protocols(plant))
    await served(plant)


async def test_threat_08_a_chunk_that_is_never_finished_costs_what_came_of_it(plant: Plant) -> None:
    async with connection(plant.url) as wire:
        await wire.greet()
        for piece in (b"OP", b"NF", pack("<I", 65_535), bytes(100)):
            wire.send(piece)
            await wire.writer.drain()
        (protocol,) = protocols(plant)
        await until(lambda: len(protocol._frames._held) == 108)
        await served(plant)


async def test_the_answer_is_no_larger_than_the_client_said(plant: Plant) -> None:
    # Part 6 v1.05 7.1.2.3: MaxMessageSize and MaxChunkCount are those of any response
    async with connection(plant.url) as wire:
        await wire.greet(receive=8192, largest=20_000, chunks=2)
        await wire.open_channel()
        await wire.open_session()
        plant.put("Name", "x" * 9000)
        assert (await wire.ask(READ, read(plant, "Name"))).status == "Good"
        plant.put("Name", "x" * 19_000)
        told = await wire.ask(READ, read(plant, "Name"))
        assert (told.kind, told.status) == (FAULT, "BadResponseTooLarge")
        assert (await wire.ask(READ, read(plant, "Serial"))).status == "Good"


async def test_a_session_is_served_on_the_connection_that_activated_it_last(plant: Plant, wire: Wire) -> None:
    # Part 4 v1.05 5.7.3.1: once it is activated on another SecureChannel, the first one's requests are refused
    assert (await wire.ask(READ, read(plant, "Serial"))).status == "Good"
    async with connection(plant.url) as second:
        await second.greet()
        await second.open_channel()
        second.token = wire.token
        await second.activate()
        assert (await second.ask(READ, read(plant, "Serial"))).status == "Good"
        for kind, body in ((READ, read(plant, "Serial")), (PUBLISH, pack("<i", 0)), (BROWSE, browse())):
            assert (await wire.ask(kind, body)).status == "BadSecureChannelIdInvalid"
        await wire.close()
        await until(lambda: len(protocols(plant)) == 1)
        assert (await second.ask(READ, read(plant, "Serial"))).status == "Good", "the lost connection was not its own"


async def test_a_refused_activation_gets_nothing_of_the_session(plant: Plant, wire: Wire) -> None:
    async with connection(plant.url) as stranger:
        await stranger.greet()
        await stranger.open_channel()
        stranger.token = wire.token
        params = ua.ActivateSessionParameters(UserIdentityToken=ua.AnonymousIdentityToken(PolicyId="nobody"))
        told = await stranger.ask(IDS.ActivateSessionRequest_Encoding_DefaultBinary, struct_to_binary(params))
        assert told.status == "BadIdentityTokenInvalid"
        assert (await stranger.ask(READ, read(plant, "Serial"))).status == "BadSessionIdInvalid"
    await until(lambda: len(protocols(plant)) == 1)
    assert (await wire.ask(READ, read(plant, "Serial"))).status == "Good", "and its session goes on"


async def test_garbage_on_many_connections_harms_nobody(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(plant) as client:
        for seed in range(40):
            async with connection(plant.url) as wire:
                if seed % 2:
                    await wire.greet()
                    await wire.open_channel()
                frame = bytearray(wire.encode(READ, read(plant, "Serial")))
                frame[seed % len(frame)] ^= 0xFF
                with no_traceback(caplog):
                    wire.send(bytes(frame) + bytes(range(256)) * 260)
                    await wire.over()
        assert await client.get_node(plant.node("Serial")).read_value() == 99
    await until(lambda: not protocols(plant))


async def test_threat_20_a_flood_is_told_in_few_lines(
    plant: Plant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Complaints, "MOST", 5)
    monkeypatch.setattr(Complaints, "SECONDS", 600.0)  # however slow the machine is
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            async with connection(plant.url) as wire:
                wire.send(b"GARBAGE!")
                assert await wire.error() == "BadTcpMessageTypeInvalid"
        assert len(caplog.records) == 5
        plant.gateway.plan.stack.server.bserver.complaints._until = 0.0  # the while is over
        async with connection(plant.url) as wire:
            wire.send(b"GARBAGE!")
            assert await wire.error() == "BadTcpMessageTypeInvalid"
        assert caplog.records[5].message == "25 more connections were closed in 600.0 s"


async def test_asyncuas_client_renews_its_channel_while_it_subscribes(plant: Plant) -> None:
    client = PatientClient(plant.url)
    async with client:
        for _ in range(3):
            await client.open_secure_channel(renew=True)
            assert await client.get_node(plant.node("Serial")).read_value() == 99
