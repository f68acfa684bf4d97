"""What the publisher remembers over restarts, in a small file: writer ids, versions, sequence numbers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from core.durable_files import settle_folder
from core.errors import StoreUnavailable
from core.time import TICKS_PER_SECOND

_log = logging.getLogger("plantspace.pubsub")

_EPOCH_2000: Final = 125_911_584_000_000_000
"""DateTime of 2000-01-01T00:00:00Z, where VersionTime begins (Part 4 v1.05 7.44)."""
_HIGHEST_VERSION: Final = 0xFFFFFFFF
_RESERVED_AHEAD: Final = 1_000
_HIGHEST_ID: Final = 65_535
_FORMER_KEPT: Final = 1_000
"""Writers that are no more and are remembered; of more the first are forgotten."""


@dataclass(slots=True)
class WriterState:
    """One DataSetWriter. ``topic``: where its metadata is retained; ``sequence``: the first number not promised yet.

    ``digest``: of the metadata's ``parts`` parts taken together. One that is no more has no parts: its id is nobody
    else's, since messages of it may wait still, and its numbers go on if it comes back.
    """

    writer_id: int
    major: int
    minor: int
    topic: str
    parts: int
    digest: str
    sequence: int = 1


def _digest(parts: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


_FORM: Final = TypeAdapter(dict[str, WriterState])


class StateFile:
    """The writers' state; one owner. Every change is on disk before it is relied on."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is read before :meth:`load`."""
        self._path = path
        self._lock = asyncio.Lock()
        self.writers: dict[str, WriterState] = {}

    async def load(self) -> None:
        """Read the file, if there is one. A damaged one is set aside and told: versions and numbers then begin anew.

        Raises :class:`~core.errors.StoreUnavailable` where it can be neither read nor set aside.
        """
        try:
            self.writers = await asyncio.to_thread(self._read)
        except OSError as error:
            message = f"{self._path}: it cannot be read: {error.strerror or error}"
            raise StoreUnavailable(message) from error

    def admit(self, name: str, topic: str, digests: Sequence[str], moment: int) -> bool:
        """Make a writer known; tells whether its metadata differs from what was there before.

        Fields added at the end are a minor change; anything else is a major one (Part 14 v1.05 6.2.3.2.6).
        """
        version = max(0, (moment - _EPOCH_2000) // TICKS_PER_SECOND) & _HIGHEST_VERSION
        known = self.writers.get(name)
        if known is None:
            taken = {state.writer_id for state in self.writers.values()}
            free = next(number for number in range(1, _HIGHEST_ID + 2) if number not in taken)
            self.writers[name] = WriterState(free, version, version, topic, len(digests), _digest(digests))
            return True
        extended = bool(known.parts) and _digest(digests[: known.parts]) == known.digest
        if extended and known.parts == len(digests) and known.topic == topic:
            return False
        version = max(version, known.minor + 1)
        known.major = known.major if extended else version
        known.minor = version
        known.parts, known.digest = len(digests), _digest(digests)
        known.topic = topic
        return True

    def dismiss(self, name: str) -> None:
        """Take a writer as gone, with its metadata."""
        state = self.writers.pop(name)
        state.topic, state.parts, state.digest = "", 0, ""
        self.writers[name] = state
        former = [one for one, known in self.writers.items() if not known.parts]
        for one in former[:-_FORMER_KEPT]:
            del self.writers[one]

    async def promise(self, name: str, following: int) -> None:
        """Promise the sequence numbers below ``following``.

        After a kill the next run begins above everything promised: subscribers take a lower number for an old message.
        Raises :class:`~core.errors.StoreUnavailable`.
        """
        state = self.writers[name]
        if following > state.sequence:
            before, state.sequence = state.sequence, following + _RESERVED_AHEAD
            try:
                await self.save()
            except StoreUnavailable:
                state.sequence = before
                raise

    async def save(self) -> None:
        """Write the file: whole or not at all. Raises :class:`~core.errors.StoreUnavailable`."""
        async with self._lock:
            text = json.dumps({name: asdict(state) for name, state in self.writers.items()}, indent=1)
            try:
                await asyncio.to_thread(self._write, text)
            except OSError as error:
                message = f"{self._path}: it cannot be written: {error.strerror or error}"
                raise StoreUnavailable(message) from error

    def _read(self) -> dict[str, WriterState]:
        try:
            return _FORM.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            _log.warning("%s cannot be read, it is kept as %s and a new one begun: %s", self._path, aside.name, error)
            return {}

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        settle_folder(self._path.parent)
