"""Fault 26, kill -9 at random moments: nothing that was accepted is lost, and the databases are sound.

``PLANTSPACE_KILLS`` says how many kills a run has (15 where it is not set). For the thousand of the fault list:
``PLANTSPACE_KILLS=1000 pytest tests/system/test_fault_26_kill_nine.py --timeout 0 -o log_cli=true --log-level INFO``,
which takes a quarter of an hour or more and logs each kill.
"""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from historian.sqlite import SQLiteReader

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).with_name("recording_process.py")
T0 = 133_000_000_000_000_000
KILLS = int(os.environ.get("PLANTSPACE_KILLS", "15"))
LONGEST_PAUSE = 0.02
"""Seconds; the child commits about every 10 ms, so a kill falls between two commits or into one."""
_log = logging.getLogger(__name__)


def start(folder: Path, first: int, *more: str) -> subprocess.Popen[str]:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder), str(first), *more], stdout=subprocess.PIPE, text=True, env=environment
    )


def run_and_kill(folder: Path, first: int, lines: int, pause: float) -> int:
    """Kill the recording process after so many lines and ``pause`` seconds, or when it says the next line.

    Gives the first number not known as accepted.
    """
    accepted = first
    with start(folder, first) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for _ in range(lines):
            accepted = int(child.stdout.readline().split()[1])
        select.select([child.stdout], [], [], pause)
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # what it had said before the kill hit
            accepted = int(line.split()[1]) if line.endswith("\n") else accepted
    return accepted


def set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("*.corrupt-*"))


async def test_fault_26_kill_nine_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    moments = random.Random(26)
    accepted: list[range] = []
    first = 0
    for kill in range(1, KILLS + 1):
        reached = run_and_kill(tmp_path, first, moments.randrange(60), moments.uniform(0, LONGEST_PAUSE))
        accepted.append(range(first, reached))
        _log.info("kill %d of %d: %d to %d accepted", kill, KILLS, first, reached)
        first = (
            reached + 1_000_000
        )  # samples past what it said may or may not have been accepted: told apart by a new number
    with start(tmp_path, 0, "drain") as child:
        assert child.stdout is not None
        assert child.stdout.read() == "drained\n"
    assert child.returncode == 0
    for name in ("outbox.sqlite", "history.sqlite"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not set_aside(tmp_path)
    reader = SQLiteReader(tmp_path / "history.sqlite")
    try:
        for point in (0, 7, 19):
            page = await reader.read_raw(f"nsu=urn:test;s=p{point}", T0 - 1, T0 + first, 0)
            numbers = page.values.astype(np.int64)
            assert (np.diff(numbers) > 0).all(), "in order, none twice"
            assert (page.source_time - T0 == numbers).all()
            there = set(numbers.tolist())
            missing = [number for run in accepted for number in run if number not in there]
            assert missing == []
    finally:
        await reader.close()
    assert sum(map(len, accepted)) > 5 * KILLS
