"""Reads raw history with a C client (o6) and prints what it took.

``python -m bench.history_client URL NODE START END MOST``: one request after the other with continuation points,
NumValuesPerNode 0; values are counted, and not made Python's. START and END are DateTime ticks, MOST how many values to
stop after. Prints one JSON line.
"""

# o6 is no dependency of the project: it is installed where this benchmark is to run.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateUsage=false
from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from typing import Any


async def _read(url: str, node: str, start: int, end: int, most: int) -> dict[str, float]:
    o6: Any = importlib.import_module("o6")
    ns0: Any = importlib.import_module("o6.ns.ns0")
    client = o6.Client(url)
    client.config.timeout = 120_000
    await client.connect()
    try:
        kinds = ns0.datatypes
        details = kinds.ReadRawModifiedDetails()
        details.isReadModified = False
        details.startTime, details.endTime = o6.DateTime(start), o6.DateTime(end)
        details.numValuesPerNode = 0
        details.returnBounds = False
        item = kinds.HistoryReadValueId()
        item.nodeId = o6.NodeId(node)
        request = kinds.HistoryReadRequest()
        request.historyReadDetails = details
        request.timestampsToReturn = kinds.TimestampsToReturn.BOTH
        request.nodesToRead = [item]
        values = requests = 0
        began = time.monotonic()
        while values < most:
            response = await client._service_historyRead(request)  # noqa: SLF001 - what keeps the values C's
            if not response.results:
                raise SystemExit(str(response.responseHeader.serviceResult))  # what the server answered
            result = response.results[0]
            values += len(result.historyData.body.dataValues)
            requests += 1
            if not result.continuationPoint:
                break
            item.continuationPoint = result.continuationPoint
            request.nodesToRead = [item]
        seconds = time.monotonic() - began
    finally:
        await client.disconnect()
    return {"values": values, "requests": requests, "seconds": seconds, "values_per_s": values / seconds}


def main() -> None:
    """Read, and print one JSON line; what o6 prints when it is imported goes to standard error."""
    told = os.dup(1)
    os.dup2(2, 1)
    url, node, *numbers = sys.argv[1:6]
    start, end, most = map(int, numbers)
    read = asyncio.run(_read(url, node, start, end, most))
    os.write(told, json.dumps(read).encode() + b"\n")


if __name__ == "__main__":
    main()
