"""Clients that log in evenly over some seconds: ``python -m bench.handshakes URL IDENTITY CLIENTS SECONDS``.

Each opens an encrypted channel and a session and stays for five seconds. It prints JSON: how many came in, and how long
that took each.
"""

# The seam on asyncua, whose annotations are partial.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time

from asyncua.ua.uaerrors import UaError

from bench.identity import connected

_STAYS = 5.0


async def _log_in(url: str, identity: str, after: float) -> float | str:
    await asyncio.sleep(after)
    began = time.monotonic()
    client = await connected(url, identity)
    try:
        async with client:
            took = time.monotonic() - began
            await asyncio.sleep(_STAYS)
    except (UaError, OSError, TimeoutError) as error:
        return repr(error)
    return took


async def _run(url: str, identity: str, clients: int, seconds: float) -> None:
    pace = seconds / clients
    each = [asyncio.create_task(_log_in(url, identity, number * pace)) for number in range(clients)]
    began = time.monotonic()
    outcomes = await asyncio.gather(*each)
    took = [one for one in outcomes if isinstance(one, float)]
    told = {
        "asked": clients,
        "logged_in": len(took),
        "failed": [one for one in outcomes if isinstance(one, str)],
        "seconds": time.monotonic() - began,
        "median_seconds": statistics.median(took) if took else None,
        "longest_seconds": max(took, default=None),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
