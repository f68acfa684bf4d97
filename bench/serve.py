"""Runs one gateway for a benchmark and prints what it used: ``python -m bench.serve CONFIG``; a line on stdin ends it.

Lines on stdout are JSON: ``ready`` (seconds and CPU seconds to ready, memory), and after each line on stdin a sample
of the counters; an empty line ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.processes import memory_bytes
from server.gateway import Gateway, settle_memory
from server.plan import plan_gateway

_BEGAN = time.monotonic()


def say(**what: object) -> None:
    """Print one JSON line."""
    print(json.dumps(what), flush=True)


async def _serve(config: Path) -> None:
    gateway = Gateway(await plan_gateway(config))
    await gateway.start()
    settle_memory()
    say(
        event="ready",
        url=gateway.url,
        seconds=time.monotonic() - _BEGAN,
        cpu_seconds=time.process_time(),
        memory=memory_bytes(),
    )
    try:
        while (await asyncio.to_thread(sys.stdin.readline)).strip():
            missed = {name: one.diagnostics().missed_scans for name, one in gateway.supervisors.items()}
            scans = {name: one.diagnostics().scans for name, one in gateway.supervisors.items()}
            say(
                event="sample",
                at=time.monotonic(),
                cpu_seconds=time.process_time(),
                memory=memory_bytes(),
                missed_scans=sum(missed.values()),
                scans=sum(scans.values()),
                **gateway.counters(),
            )
    finally:
        await gateway.stop()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
