from __future__ import annotations

import asyncio
import time

import pytest

from tests.loop_monitor import LoopMonitor


async def _busy(seconds: float) -> None:
    """Hold the loop by computing."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def test_a_task_that_holds_the_loop_is_named(loop_monitor: LoopMonitor) -> None:
    await asyncio.create_task(_busy(0.02), name="culprit")
    worst = loop_monitor.worst()
    assert worst is not None
    assert worst.what.startswith("task culprit _busy ")
    assert "test_loop_monitor.py" in worst.what
    assert worst.seconds >= 0.02
    assert worst.cpu_seconds >= 0.02
    with pytest.raises(AssertionError, match=r"task culprit _busy"):
        loop_monitor.check()


async def test_what_waits_for_something_else_shows_little_cpu(loop_monitor: LoopMonitor) -> None:
    done = asyncio.Event()

    def blocks() -> None:
        time.sleep(0.02)  # the fault that the monitor is there to find
        done.set()

    asyncio.get_running_loop().call_soon(blocks)
    await done.wait()
    found = [blocked for blocked in loop_monitor.blocked if blocked.what.endswith("blocks")]
    assert [blocked.seconds >= 0.02 for blocked in found] == [True]
    assert found[0].cpu_seconds < 0.01


async def test_short_callbacks_are_not_recorded() -> None:
    with LoopMonitor(asyncio.get_running_loop(), threshold=5.0) as monitor:
        for _ in range(100):
            await asyncio.sleep(0)
    monitor.check()
    assert monitor.worst() is None


async def test_after_detach_nothing_is_recorded_and_the_loop_is_as_before() -> None:
    before = vars(asyncio.Handle)["_run"]
    monitor = LoopMonitor(asyncio.get_running_loop(), threshold=0.0)
    monitor.attach()
    monitor.detach()
    monitor.detach()
    await asyncio.sleep(0)
    assert monitor.count == 0
    assert vars(asyncio.Handle)["_run"] is before


async def test_another_loop_is_not_watched() -> None:
    with LoopMonitor(asyncio.get_running_loop()) as monitor:
        await asyncio.to_thread(asyncio.run, _busy(0.02))
    assert not [blocked for blocked in monitor.blocked if "_busy" in blocked.what]
