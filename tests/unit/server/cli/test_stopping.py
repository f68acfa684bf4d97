from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from server.cli.stopping import StopRequested, StopSignals
from tests.command import environment

_DEAF = """\
import asyncio, sys
from server.cli.stopping import StopSignals

async def main():
    with StopSignals() as signals:
        print("listening", flush=True)
        await signals.asked.wait()
        print("asked", flush=True)
        sys.stdin.read()  # an end that takes for ever, and holds up the loop
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_for_the_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignals() as signals:
        assert not signals.asked.is_set()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(30):
            await signals.asked.wait()
    signal.signal(number, before)


async def test_work_that_is_done_first_gives_its_result() -> None:
    async def work() -> int:
        return 7

    with StopSignals() as signals:
        assert await signals.unless(work()) == 7


async def test_an_error_of_the_work_comes_through() -> None:
    async def work() -> None:
        raise LookupError

    with StopSignals() as signals, pytest.raises(LookupError):
        await signals.unless(work())


async def test_work_is_cancelled_and_cleaned_up_when_the_end_is_asked_for() -> None:
    steps: list[str] = []

    async def work() -> None:
        steps.append("begun")
        signals.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            steps.append("cleaned up")

    with StopSignals() as signals, pytest.raises(StopRequested):
        await signals.unless(work())
    assert steps == ["begun", "cleaned up"]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_at_once(second: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _DEAF],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(second)
        assert process.wait(60) == -second
