"""When samples were lost: the last gaps of each account, kept over restarts in a small file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.errors import PlantspaceError
from core.settings import replace_file
from core.time import TICKS_PER_SECOND

_log = logging.getLogger("plantspace.ledger")

KEPT: Final = 100
"""Gaps of an account that are kept; the oldest go first."""
_ACCOUNTS_KEPT: Final = 10_000
_NEAR: Final = 5 * TICKS_PER_SECOND
"""Losses of one place that are no further apart are one gap."""
_SAVE_INTERVAL: Final = 2.0


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval in which ``place`` lost samples (``start`` and ``end``: DateTime ticks)."""

    start: int
    end: int
    samples: int
    place: str
    reason: str


class GapLog:
    """The gaps of all accounts. Written soon after a change, and at the end."""

    def __init__(self, file: Path) -> None:
        """Name the file; nothing is read before :meth:`start`."""
        self._file = file
        self._gaps: dict[str, deque[Gap]] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._begun: Counter[str] = Counter()

    def of(self, account: str) -> Sequence[Gap]:
        """Give an account's last gaps, the oldest first."""
        return tuple(self._gaps.get(account, ()))

    def begun(self, account: str) -> int:
        """Count the gaps of an account that began since the start."""
        return self._begun[account]

    def add(self, account: str, gap: Gap) -> None:
        """Take a loss; one that follows the last of the same place closely makes that gap longer."""
        known = self._gaps.get(account)
        if known is None:
            if len(self._gaps) >= _ACCOUNTS_KEPT:
                self._gaps.pop(next(iter(self._gaps)))
            known = self._gaps[account] = deque(maxlen=KEPT)
        for place in range(len(known) - 1, -1, -1):
            last = known[place]
            if last.place == gap.place:
                near = gap.start <= last.end + _NEAR and last.start <= gap.end + _NEAR
                if near and last.reason == gap.reason and self._begun[account]:
                    known[place] = replace(
                        last,
                        start=min(last.start, gap.start),
                        end=max(last.end, gap.end),
                        samples=last.samples + gap.samples,
                    )
                    self._changed.set()
                    return
                break
        known.append(gap)
        self._begun[account] += 1
        self._changed.set()

    async def start(self) -> None:
        """Read what was kept; a damaged file is told and begun anew."""
        self._gaps = await asyncio.to_thread(self._load)
        self._task = asyncio.create_task(self._run(), name="gaps")

    async def stop(self) -> None:
        """Write what is new. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._changed.is_set():
            await self._save()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SAVE_INTERVAL)
            await self._save()

    async def _save(self) -> None:
        self._changed.clear()
        held = {account: [astuple(gap) for gap in gaps] for account, gaps in self._gaps.items()}
        try:
            await asyncio.to_thread(lambda: replace_file(self._file, json.dumps(held).encode()))
        except (OSError, PlantspaceError) as error:
            self._changed.set()
            _log.warning("the gaps cannot be written to %s: %s", self._file, error)

    def _load(self) -> dict[str, deque[Gap]]:
        with contextlib.suppress(FileNotFoundError):
            try:
                held: dict[str, list[list[Any]]] = json.loads(self._file.read_bytes())
                return {account: deque((_gap(*one) for one in gaps), KEPT) for account, gaps in held.items()}
            except FileNotFoundError:
                raise
            except (OSError, ValueError, TypeError, AttributeError) as error:
                _log.warning("%s cannot be read, and is begun anew: %s", self._file, error)
        return {}


def _gap(start: object, end: object, samples: object, place: object, reason: object) -> Gap:
    """Make a gap of what a file says. Raises :class:`ValueError`, :class:`TypeError`."""
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(samples, int)):
        message = "a gap's times and samples are no numbers"
        raise TypeError(message)
    return Gap(start, end, samples, str(place), str(reason))
