"""Server CPU of Read and Browse: a batch of 1 000 points again and again, single Reads, a folder of 10 000 children.

Beside plain asyncua with as many variables. The client's own cost does not count: what is measured is the CPU time of
the server's process, less what it uses without a client.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

from bench.processes import Process, free_port, module, slow_points, work_folder

POINTS = 10_000
BATCH = 1_000
_PAGE = 1_000
_WARM = 3
Once = Callable[[], Awaitable[None]]


class Reader:
    """Sends requests that were encoded once, so that the client is no brake."""

    def __init__(self, client: Client, nodes: list[ua.NodeId], folder: ua.NodeId) -> None:
        """Ask for ``nodes``, and for the children of ``folder``."""
        self._protocol: Any = client.uaclient.protocol  # asyncua's transport
        self._batch, self._single = _read_request(nodes), _read_request(nodes[:1])
        self._folder = folder

    async def batch(self) -> None:
        """Read all."""
        await self._protocol.send_request(self._batch)

    async def single(self) -> None:
        """Read one."""
        await self._protocol.send_request(self._single)

    async def browse(self) -> None:
        """Browse the folder in pages."""
        request = ua.BrowseRequest()
        request.Parameters.RequestedMaxReferencesPerNode = _PAGE
        one = ua.BrowseDescription()
        one.NodeId = self._folder
        one.BrowseDirection = ua.BrowseDirection.Forward
        one.IncludeSubtypes = True
        one.ResultMask = 63
        request.Parameters.NodesToBrowse = [one]
        response = await self._ask(request, ua.BrowseResponse)
        found = len(response.Results[0].References)
        while point := response.Results[0].ContinuationPoint:
            following = ua.BrowseNextRequest()
            following.Parameters.ReleaseContinuationPoints = False
            following.Parameters.ContinuationPoints = [point]
            response = (await self._ask(following, ua.BrowseNextResponse)).Parameters
            found += len(response.Results[0].References)
        if found < POINTS:
            message = f"{found} references came"
            raise RuntimeError(message)

    async def _ask(self, request: Any, answer: type[Any]) -> Any:  # noqa: ANN401 - any service
        return struct_from_binary(answer, await self._protocol.send_request(request))


def _read_request(nodes: list[ua.NodeId]) -> ua.ReadRequest:
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    for node in nodes:
        item = ua.ReadValueId()
        item.NodeId, item.AttributeId = node, ua.AttributeIds.Value
        request.Parameters.NodesToRead.append(item)
    return request


async def _cpu(server: Process, times: int, once: Once) -> float:
    """Give the server's CPU seconds for doing something ``times`` times, what it uses anyway taken off."""
    for _ in range(_WARM):
        await once()
    idle = server.ask()
    await asyncio.sleep(1.0)
    before = server.ask()
    for _ in range(times):
        await once()
    after = server.ask()
    anyway = (before["cpu_seconds"] - idle["cpu_seconds"]) / (before["at"] - idle["at"])
    return after["cpu_seconds"] - before["cpu_seconds"] - anyway * (after["at"] - before["at"])


async def _measure(server: Process, url: str, index_of: str, name: str, folder: str) -> dict[str, float]:
    async with Client(url, timeout=60) as client:
        index = await client.get_namespace_index(index_of)
        nodes = [ua.NodeId(f"{name}{number}", index) for number in range(BATCH)]
        holder = ua.NodeId(folder, index) if folder else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        reader = Reader(client, nodes, holder)
        began = time.monotonic()
        batches = await _cpu(server, 200, reader.batch)
        singles = await _cpu(server, 2000, reader.single)
        browses = await _cpu(server, 10, reader.browse)
        return {
            "batch_read_us_a_value": batches / 200 / BATCH * 1e6,
            "single_read_us": singles / 2000 * 1e6,
            f"browse_{POINTS}_children_ms": browses / 10 * 1e3,
            "seconds": time.monotonic() - began,
        }


def main() -> None:
    """Measure both servers one after the other."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    outcome: dict[str, Any] = {}
    with work_folder() as folder:
        file = slow_points(folder, POINTS)
        with Process(module("bench.serve", file)) as gateway:
            url = json.loads(gateway.line())["url"]
            measured = _measure(gateway, url, "urn:plantspace:bench", "sim-1.t", "sim-1")
            outcome["plantspace"] = asyncio.run(measured)
        with Process(module("bench.asyncua_server", free_port(), POINTS, 1.0)) as peer:
            url = json.loads(peer.line())["url"]
            outcome["asyncua"] = asyncio.run(_measure(peer, url, "urn:bench", "t", ""))
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
