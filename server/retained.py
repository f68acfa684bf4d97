"""Values of memory points kept over a restart, in one small file that is replaced whole."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

_log = logging.getLogger("plantspace.retained")
_VERSION = 1
FLUSH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RetainedValue:
    """A point's value as it is kept: an encoded Variant in hexadecimal, its StatusCode and source time (ticks)."""

    variant: str
    status: int
    source_time: int


class RetainedValues:
    """The file ``retained.json``: read once at the start, written a second after a change and at the gateway's stop."""

    def __init__(self, file: Path, snapshot: Callable[[str], RetainedValue | None]) -> None:
        """``snapshot`` gives a node's present value when it is written."""
        self._file = file
        self._snapshot = snapshot
        self._values: dict[str, RetainedValue] = {}
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def load(self) -> dict[str, RetainedValue]:
        """Give what was kept, by NodeId text. A damaged file is set aside, told, and a new one begun."""
        try:
            text = await asyncio.to_thread(self._file.read_text, encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            self._values = _parse(text)
        except (ValueError, KeyError, TypeError) as error:
            aside = self._file.with_name(f"{self._file.name}.corrupt")
            await asyncio.to_thread(os.replace, self._file, aside)
            _log.error("%s is damaged (%s); it is set aside as %s and a new one begun", self._file, error, aside.name)
        return dict(self._values)

    async def start(self) -> None:
        """Begin to write changes."""
        self._task = asyncio.create_task(self._run(), name="retained-values")

    async def stop(self) -> None:
        """Write what has changed; safe twice."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._flush()

    def changed(self, node: str) -> None:
        """Say that a node's value is another."""
        self._changed.add(node)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(FLUSH_SECONDS)
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        if not self._changed:
            return
        changed, self._changed = self._changed, set()
        for node in changed:
            value = self._snapshot(node)
            if value is not None:
                self._values[node] = value
        try:
            await asyncio.to_thread(_write, self._file, dict(self._values))
        except OSError as error:
            self._changed |= changed
            _log.error("%s cannot be written: %s", self._file, error)


def _parse(text: str) -> dict[str, RetainedValue]:
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
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(document, stream)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
