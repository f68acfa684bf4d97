"""Values of memory points kept over a restart, in one small file that is replaced whole."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from core.backoff import Backoff
from core.durable_files import settle_folder, write_private
from core.errors import PlantspaceError

_log = logging.getLogger("plantspace.retained")
_VERSION = 1
FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RetainedValue:
    """A point's value as it is kept: an encoded Variant in hexadecimal, its StatusCode and source time (ticks)."""

    variant: str
    status: int
    source_time: int


class RetainedError(PlantspaceError):
    """The file of retained values cannot be used; the message names it and the mend."""


class RetainedValues:
    """The file ``retained.json``: read once at the start, written a second after a change and at the gateway's stop."""

    def __init__(self, file: Path, snapshot: Callable[[str], RetainedValue | None]) -> None:
        """``snapshot`` gives a node's present value when it is written."""
        self._file = file
        self._snapshot = snapshot
        self._values: dict[str, RetainedValue] = {}
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._backoff = Backoff(FLUSH_SECONDS, longest=30.0)
        self._told = ""
        self._task: asyncio.Task[None] | None = None

    async def load(self) -> dict[str, RetainedValue]:
        """Give what was kept, by NodeId text. A damaged file is set aside, told, and a new one begun.

        Raises :class:`RetainedError` for a file that is there and cannot be read or moved.
        """
        try:
            self._values = await asyncio.to_thread(_read, self._file)
        except OSError as error:
            reason = error.strerror or error
            message = (
                f"{self._file} cannot be used: {reason} (it holds what clients wrote: mend its rights, or move it)"
            )
            raise RetainedError(message) from error
        return dict(self._values)

    async def start(self) -> None:
        """Begin to write changes."""
        self._ending.clear()
        self._task = asyncio.create_task(self._run(), name="retained-values")

    async def stop(self) -> None:
        """Write what has changed; safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is None:
            return
        # Not cancelled: a write that is under way in its thread would go on beside the last one, on the same file.
        self._ending.set()
        self._wake.set()
        await task

    def changed(self, node: str) -> None:
        """Say that a node's value is another."""
        self._changed.add(node)
        self._wake.set()

    async def _run(self) -> None:
        wait = FLUSH_SECONDS
        while not self._ending.is_set():
            await self._wake.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._ending.wait()
            self._wake.clear()
            wait = FLUSH_SECONDS if await self._flush() else self._backoff.next()
        await self._flush()

    async def _flush(self) -> bool:
        """Write; false when that failed, and then it is tried again."""
        if not self._changed:
            return True
        changed, self._changed = self._changed, set()
        for node in changed:
            value = self._snapshot(node)
            if value is not None:
                self._values[node] = value
        try:
            await asyncio.to_thread(_write, self._file, dict(self._values))
        except OSError as error:
            self._changed |= changed
            self._wake.set()
            if str(error) != self._told:
                self._told = str(error)
                _log.error("%s cannot be written, what clients wrote may be lost: %s", self._file, error)
            return False
        self._told = ""
        self._backoff.reset()
        return True


def _read(file: Path) -> dict[str, RetainedValue]:
    try:
        return _parse(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        aside = file.with_name(f"{file.name}.corrupt")
        file.replace(aside)
        _log.error("%s is damaged (%s); it is set aside as %s and a new one begun", file, error, aside.name)
        return {}


def _parse(text: bytes) -> dict[str, RetainedValue]:
    document: Any = json.loads(text)
    if document["version"] != _VERSION:
        message = f"version {document['version']} is not known"
        raise ValueError(message)
    values = cast("dict[str, list[Any]]", document["values"])
    return {node: RetainedValue(str(one[0]), int(one[1]), int(one[2])) for node, one in values.items()}


def _write(file: Path, values: dict[str, RetainedValue]) -> None:
    document = {
        "version": _VERSION,
        "values": {node: [one.variant, one.status, one.source_time] for node, one in values.items()},
    }
    beside = file.with_name(f"{file.name}.new")
    write_private(beside, json.dumps(document).encode())
    beside.replace(file)
    settle_folder(file.parent)
