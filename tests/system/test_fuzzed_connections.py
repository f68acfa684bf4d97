"""Connections made wrong at random, the same ones each time: who is honest is served, and nothing of ours fails."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; chunks are made inside.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from struct import pack, pack_into

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from server.address_space.encoding import encode_array, encode_node_id, encode_string
from server.address_space.keys import key_of
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.wire import Wire, connection
from tests.unit.server.ua_stack.decode_budget.messages import SERVICES, Maker
from tests.unit.server.ua_stack.decode_budget.mutations import mutated

READ = ua.ObjectIds.ReadRequest_Encoding_DefaultBinary
FRAMES = 600
MESSAGES = 6000
SERVED = sorted(set(SERVICES) - {"OpenSecureChannel", "CloseSecureChannel"})


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port())) as held:
        yield held


def read(plant: Plant) -> bytes:
    item = encode_node_id(key_of(plant.node("Serial"))) + pack("<I", int(ua.AttributeIds.Value)) + encode_string(None)
    return pack("<di", 0.0, 3) + encode_array([item + b"\x00\x00" + encode_string(None)])


def no_failure(caplog: pytest.LogCaptureFixture) -> None:
    assert not [record for record in caplog.records if record.exc_info or "failed" in record.message], caplog.text
    assert "Traceback" not in caplog.text


def opening() -> bytes:
    request = ua.OpenSecureChannelRequest()
    request.Parameters.SecurityMode = ua.MessageSecurityMode.None_
    request.Parameters.RequestedLifetime = 3_600_000
    return struct_to_binary(request)


async def sent_wrong(plant: Plant, random: Random) -> None:
    """Say a connection's first things, one of them wrong, and leave."""
    async with connection(plant.url) as wire:
        stage = random.choice(["HEL", "OPN", "MSG", "CLO"])
        if stage != "HEL":
            await wire.greet()
        if stage in ("MSG", "CLO"):
            await wire.open_channel()
        if stage == "HEL":
            frame = wire.hello()
        elif stage == "MSG":
            frame = wire.encode(READ, read(plant))
        else:
            kind = ua.MessageType.SecureOpen if stage == "OPN" else ua.MessageType.SecureClose
            body = opening() if stage == "OPN" else struct_to_binary(ua.CloseSecureChannelRequest())
            frame = wire.channel.message_to_binary(body, kind)
        wrong = bytearray(mutated(random, frame))
        if len(wrong) >= 8 and random.random() < 0.7:  # its length is right, so that the rest is looked at
            pack_into("<I", wrong, 4, len(wrong))
        wire.send(bytes(wrong))
        wire.send(wire.hello())  # which ends a connection wherever it is, unless it is part of what is not whole
        if random.random() < 0.5:
            wire.writer.write_eof()
            await wire.over()


async def test_frames_that_are_wrong(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(plant) as honest:
        with caplog.at_level(logging.WARNING):
            for seed in range(FRAMES):
                await sent_wrong(plant, Random(seed))
                if seed % 10 == 0:
                    assert await honest.get_node(plant.node("Serial")).read_value() == 99
        no_failure(caplog)
    async with connected(plant) as late:
        assert await late.get_node(plant.node("Serial")).read_value() == 99


class Attacker:
    """Sends messages that are wrong on a channel that is right, and opens another session where that ends one."""

    def __init__(self, plant: Plant, connections: AsyncExitStack) -> None:
        self._plant = plant
        self._connections = connections
        self._wire: Wire | None = None
        self.told = Counter[str]()

    async def send(self, random: Random) -> None:
        """Send a message, and then a sound one, up to whose answer the others are counted."""
        wire = self._wire or await self._connected()
        service = random.choice(SERVED)
        message = Maker(random.randrange(1 << 32)).message(service, wire.token)
        if random.random() < 0.9:
            message = mutated(random, message)
        wire._request += 1
        wire.send(wire.channel.message_to_binary(message, request_id=wire._request))
        wire.send(wire.encode(READ, read(self._plant)))
        wanted = wire._request
        try:
            while (answer := await wire.answer())[0] != wanted or answer[1].kind == 0:
                self.told[answer[1].status] += 1
        except (AssertionError, asyncio.IncompleteReadError, ConnectionError):
            self.told["closed"] += 1
            await self._left()
            return
        if answer[1].status != "Good":  # it has closed the session
            self.told["session over"] += 1
            await self._left()

    async def _connected(self) -> Wire:
        wire = self._wire = await self._connections.enter_async_context(connection(self._plant.url))
        await wire.greet()
        await wire.open_channel()
        await wire.open_session()
        return wire

    async def _left(self) -> None:
        self._wire = None
        await self._connections.aclose()


@pytest.mark.parametrize("part", range(3))
async def test_messages_that_are_wrong(plant: Plant, caplog: pytest.LogCaptureFixture, part: int) -> None:
    random = Random(part)
    async with connected(plant) as honest, AsyncExitStack() as connections:
        attacker = Attacker(plant, connections)
        with caplog.at_level(logging.WARNING):
            for number in range(MESSAGES // 3):
                await attacker.send(random)
                if number % 50 == 0:
                    assert await honest.get_node(plant.node("Serial")).read_value() == 99
        assert await honest.get_node(plant.node("Serial")).read_value() == 99
        no_failure(caplog)
    assert attacker.told["BadDecodingError"] > MESSAGES // 30
    async with connected(plant) as late:
        assert await late.get_node(plant.node("Serial")).read_value() == 99
