"""Kills a recording gateway at random moments, and says whether anything that was accepted is missing."""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from historian.sqlite import SQLiteReader

ROOT = Path(__file__).resolve().parents[2]
NURSERY = ROOT / "tests/system/recording_process.py"
T0 = 133_000_000_000_000_000
LONGEST_PAUSE = 0.02
"""Seconds; the child commits about every 5 ms, so a kill falls between two commits or into one."""
MOST_LINES = 16
"""Commits that a child is let live at most before its kill is due."""
_APART = 1_000_000
"""Between the numbers of two runs: what a run offered but did not say is told apart from the next one's."""


class TortureError(Exception):
    """Something accepted is missing, or a file is damaged."""


@dataclass
class Nursery:
    """Starts children, and kills them."""

    asks: IO[str]
    lines: IO[str]
    accepted: list[range] = field(default_factory=list[range])
    first: int = 0

    def kill_once(self, folder: Path, chance: random.Random) -> int:
        """Let a gateway record for a random while and kill it; gives how many numbers it had said to have accepted."""
        child = self._start(folder, str(self.first))
        self._expect("ready")
        reached = self.first
        for _ in range(chance.randrange(MOST_LINES)):
            reached = int(self._line().split()[1])
        select.select([self.lines], [], [], chance.uniform(0, LONGEST_PAUSE))
        os.kill(child, signal.SIGKILL)
        for line in self._rest():  # what it had said before the kill hit
            reached = int(line.split()[1])
        self.accepted.append(range(self.first, reached))
        self.first = reached + _APART
        return len(self.accepted[-1])

    def drain(self, folder: Path) -> None:
        """Let a gateway deliver all that waits."""
        self._start(folder, "0 drain")
        self._expect("drained")
        if list(self._rest()):
            message = "it said more than that it had delivered all"
            raise TortureError(message)

    def _start(self, folder: Path, what: str) -> int:
        self.asks.write(f"{folder} {what}\n")
        self.asks.flush()
        said, pid = self._line().split()
        if said != "started":
            raise TortureError(said)
        return int(pid)

    def _rest(self) -> Iterator[str]:
        while not (line := self._line()).startswith("ended"):
            yield line

    def _expect(self, line: str) -> None:
        if (said := self._line()) != line:
            message = f"it said {said!r}, not {line!r}"
            raise TortureError(message)

    def _line(self) -> str:
        line = self.lines.readline()
        if not line:
            message = "the nursery is gone"
            raise TortureError(message)
        return line.rstrip("\n")


@contextmanager
def nursery() -> Generator[Nursery]:
    """Start the process that starts the others."""
    environment = dict(os.environ, PYTHONPATH=str(ROOT), OPENBLAS_NUM_THREADS="1")  # no threads where there are forks
    with subprocess.Popen(
        [sys.executable, str(NURSERY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Nursery(process.stdin, process.stdout)
        finally:
            process.stdin.close()


async def check(folder: Path, accepted: list[range]) -> int:
    """Look for what was accepted, give how many numbers are there. Raises :class:`TortureError`."""
    _check_files(folder)
    held = 0
    reader = SQLiteReader(folder / "history.sqlite")
    try:
        for point in (0, 7, 19):
            held = await _check_point(reader, point, accepted)
    finally:
        await reader.close()
    return held


def _check_files(folder: Path) -> None:
    for name in ("outbox.sqlite", "history.sqlite"):
        with closing(sqlite3.connect(folder / name)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchall()
        if verdict != [("ok",)]:
            message = f"{name}: {verdict}"
            raise TortureError(message)
    if found := list(folder.glob("*.corrupt-*")):
        message = f"set aside: {found}"
        raise TortureError(message)


async def _check_point(reader: SQLiteReader, point: int, accepted: list[range]) -> int:
    page = await reader.read_raw(f"nsu=urn:test;s=p{point}", T0 - 1, 1 << 62, 0)
    numbers = page.values.astype(np.int64)
    if not (np.diff(numbers) > 0).all() or not (page.source_time - T0 == numbers).all():
        message = f"p{point} is out of order, or holds something twice"
        raise TortureError(message)
    there = set(numbers.tolist())
    missing = [number for run in accepted for number in run if number not in there]
    if missing:
        message = f"p{point}: {len(missing)} accepted samples are missing, the first is {missing[0]}"
        raise TortureError(message)
    return len(there)
