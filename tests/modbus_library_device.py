"""A Modbus TCP device by pymodbus's server: an implementation that neither the driver nor its own test device shares.

Every table holds, at protocol address ``a``, the value ``a * 7 % 65536`` (bits: its parity). Holding registers and
coils take writes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

SIZE = 1_000


def register_at(address: int) -> int:
    """Give what a register holds before it is written."""
    return address * 7 % 65_536


async def _serve(port: int, unit: int) -> None:
    registers = [register_at(address) for address in range(SIZE)]
    bits = [bool(value & 1) for value in registers]
    coils = SimData(0, values=bits, datatype=DataType.BITS)
    words = SimData(0, values=registers, datatype=DataType.REGISTERS)
    device = SimDevice(unit, simdata=([coils], [coils], [words], [words]))
    server = ModbusTcpServer(device, address=("127.0.0.1", port))
    await server.serve_forever(background=True)
    listening: Any = server.transport  # pymodbus types it as a transport; it is asyncio's Server
    told = {"port": int(listening.sockets[0].getsockname()[1]), "control": 0}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.shutdown()


def main() -> None:
    """Serve until standard input ends."""
    arguments = argparse.ArgumentParser(description="A Modbus TCP device by pymodbus; prints its port as JSON.")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--unit", type=int, default=1)
    chosen = arguments.parse_args()
    asyncio.run(_serve(chosen.port, chosen.unit))


if __name__ == "__main__":
    main()
