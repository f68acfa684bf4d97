"""Runs one gateway for a benchmark and prints what it used: ``python -m bench.serve CONFIG``; a line on stdin ends it.

With ``--watched`` each sample tells what held the event loop; that costs some of the CPU that is measured.

Lines on stdout are JSON: ``ready`` (seconds and CPU seconds to ready, memory), and after each line on stdin a sample
of the counters; an empty line ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.processes import memory_bytes
from server.gateway import Gateway, settle_memory
from server.plan import plan_gateway
from tests.loop_monitor import LoopMonitor

_BEGAN = time.monotonic()


def say(**what: object) -> None:
    """Print one JSON line."""
    print(json.dumps(what), flush=True)


def _holds(monitor: LoopMonitor) -> dict[str, Any]:
    """Tell what held the loop over 5 ms since the last sample, in CPU time: the machine's stalls do not count."""
    worst = max((one.cpu_seconds for one in monitor.blocked), default=0.0)
    holds = [str(one) for one in monitor.blocked if one.cpu_seconds > monitor.threshold]
    monitor.blocked.clear()
    return {"holds_over_5_ms": len(holds), "longest_hold_ms": round(worst * 1e3, 1), "holds": holds[:5]}


async def _serve(config: Path, *, watched: bool) -> None:
    gateway = Gateway(await plan_gateway(config))
    await gateway.start()
    monitor = LoopMonitor(asyncio.get_running_loop())
    if watched:
        monitor.attach()
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
                **(_holds(monitor) if watched else {}),
                **gateway.counters(),
            )
    finally:
        await gateway.stop()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), watched="--watched" in sys.argv))
