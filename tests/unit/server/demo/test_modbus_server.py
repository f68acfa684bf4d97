from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient

from server.demo.devices.modbus_server import ModbusServer, Tables
from server.demo.devices.registers import Bits, Registers
from tests.waiting import until


class _Served:
    """A server with a client that others wrote."""

    def __init__(self) -> None:
        self.tables = Tables(Bits(10), Bits(10), Registers(200), Registers(20), most_registers=80)
        self.writes = 0
        self.port = 0
        self.client: Any = None  # pymodbus's calls are partly untyped

    def written(self) -> None:
        self.writes += 1


@pytest.fixture
async def served() -> AsyncIterator[_Served]:
    served = _Served()
    server = ModbusServer(served.tables, served.written, unit=1)
    served.port = await server.start(0)
    served.client = AsyncModbusTcpClient("127.0.0.1", port=served.port, timeout=20, retries=0)
    assert await served.client.connect()
    yield served
    served.client.close()
    server.stop()
    await until(lambda: len(asyncio.all_tasks()) == 1)


async def test_registers_and_bits_are_read(served: _Served) -> None:
    served.tables.inputs.put_float(10, 1.5)
    served.tables.holding.put_uint16(3, 513)
    served.tables.coils[9] = True
    served.tables.discrete[0] = True
    assert (await served.client.read_input_registers(10, count=2)).registers == [0x3FC0, 0]
    assert (await served.client.read_holding_registers(3)).registers == [513]
    assert (await served.client.read_coils(8, count=2)).bits[:2] == [False, True]
    assert (await served.client.read_discrete_inputs(0, count=1)).bits[:1] == [True]
    assert served.writes == 0


async def test_writes_of_all_four_kinds_take_effect(served: _Served) -> None:
    await served.client.write_coil(2, value=True)
    await served.client.write_coils(4, [True, False, True])
    await served.client.write_register(0, 7)
    await served.client.write_registers(1, [8, 9])
    assert [served.tables.coils[place] for place in range(2, 7)] == [True, False, True, False, True]
    assert served.tables.holding.raw(0, 3) == bytes((0, 7, 0, 8, 0, 9))
    assert served.writes == 4


@pytest.mark.parametrize(
    ("address", "count", "code"), [(199, 2, 2), (0, 81, 3), (200, 1, 2)], ids=["beyond", "too many", "outside"]
)
async def test_reads_beyond_the_device_are_refused(served: _Served, address: int, count: int, code: int) -> None:
    reply = await served.client.read_input_registers(address, count=count)
    assert (reply.isError(), reply.exception_code) == (True, code)


async def test_writes_beyond_the_device_change_nothing(served: _Served) -> None:
    reply = await served.client.write_registers(19, [1, 2])
    assert reply.exception_code == 2
    assert served.tables.holding.raw(19, 1) == bytes(2)
    assert served.writes == 0


async def _exchange(port: int, sent: bytes, size: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(30):
            return await reader.read(size) if size else await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_unknown_functions_and_short_requests_get_exceptions(served: _Served) -> None:
    identification = bytes.fromhex("0001 0000 0005 01 2B0E0100")
    assert await _exchange(served.port, identification, 9) == bytes.fromhex("0001 0000 0003 01 AB01")
    short = bytes.fromhex("0002 0000 0003 01 0300")
    assert await _exchange(served.port, short, 9) == bytes.fromhex("0002 0000 0003 01 8303")


async def test_another_unit_gets_no_answer_and_the_next_request_does(served: _Served) -> None:
    other = bytes.fromhex("0001 0000 0006 02 0300000001")
    own = bytes.fromhex("0002 0000 0006 01 0300000001")
    assert (await _exchange(served.port, other + own, 11))[:2] == bytes.fromhex("0002")


async def test_what_is_no_modbus_is_cut(served: _Served) -> None:
    try:
        reply = await _exchange(served.port, b"GET / HTTP/1.1\r\nHost: plant\r\n\r\n", 0)
    except ConnectionResetError:
        reply = b""
    assert reply == b""
