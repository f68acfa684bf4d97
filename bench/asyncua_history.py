"""The peer of ``bench.history_read``: a plain asyncua server with its ``HistorySQLite`` and COUNT values of one node.

``python -m bench.asyncua_history PORT COUNT FILE END``; a value a second up to END (DateTime ticks). Prints a JSON line
with its URL and the node, and ends with its standard input.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportUnknownMemberType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.server.history_sql import HistorySQLite

from core.time import to_datetime

_NODE = 5000
"""Its table's name is made of the NodeId, which may be a number alone."""


async def _serve(port: int, count: int, file: str, end: int) -> None:
    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:bench")
    node = await server.nodes.objects.add_variable(ua.NodeId(_NODE, index), "t0", 0.0)
    storage = HistorySQLite(file)
    server.iserver.history_manager.set_storage(storage)
    await storage.init()
    database: Any = storage  # filling it is no part of what is measured
    await database._db.execute("PRAGMA synchronous=OFF")  # noqa: SLF001 - as said
    async with server:
        await server.historize_node_data_change(node, period=None, count=0)
        last = to_datetime(end).replace(tzinfo=None)  # as its own code has them
        for second in range(count, 0, -1):
            moment = last - timedelta(seconds=second)
            value = ua.DataValue(ua.Variant(float(second), ua.VariantType.Double))
            value.SourceTimestamp = value.ServerTimestamp = moment
            await storage.save_node_value(node.nodeid, value)
        said = {"url": f"opc.tcp://127.0.0.1:{port}", "node": f"ns={index};i={_NODE}"}
        print(json.dumps(said), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    await storage.stop()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
