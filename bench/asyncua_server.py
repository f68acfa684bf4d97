"""The peer: a plain asyncua server that writes COUNT Double variables every PERIOD seconds, as its examples do.

``python -m bench.asyncua_server PORT COUNT PERIOD``; JSON lines as :mod:`bench.serve` has them.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time

from asyncua import Server, ua

from bench.processes import memory_bytes


async def _serve(port: int, count: int, period: float) -> None:
    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:bench")
    nodes = [
        await server.nodes.objects.add_variable(ua.NodeId(f"t{number}", index), f"t{number}", 0.0)
        for number in range(count)
    ]
    written = 0

    async def write() -> None:
        nonlocal written
        value = 0.0
        due = time.monotonic()
        while True:
            value += 1.0
            for node in nodes:
                await server.write_attribute_value(node.nodeid, ua.DataValue(ua.Variant(value, ua.VariantType.Double)))
            written += count
            due += period
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async with server:
        task = asyncio.create_task(write())
        print(json.dumps({"event": "ready", "url": f"opc.tcp://127.0.0.1:{port}"}), flush=True)
        while (await asyncio.to_thread(sys.stdin.readline)).strip():
            sample = {"at": time.monotonic(), "cpu_seconds": time.process_time(), "acquired": written}
            print(json.dumps({**sample, "memory": memory_bytes()}), flush=True)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
