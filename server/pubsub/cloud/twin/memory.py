"""What a twin has carried out, in a small file: so that nothing that was wanted is done twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from core.durable_files import write_private
from core.errors import StoreUnavailable
from core.settings import replace_file
from server.pubsub.cloud.twin.dialect import Desired, Json, Wish

_log = logging.getLogger("plantspace.pubsub")


@dataclass(slots=True)
class Done:
    """A wish that was begun. ``status``: its StatusCode, None until there is one; ``version``: the document's."""

    mark: int
    digest: str
    version: int
    status: int | None = None


@dataclass(slots=True)
class _State:
    version: int = 0
    done: dict[str, Done] = field(default_factory=dict[str, Done])


_FORM = TypeAdapter(_State)


def digest(value: Json) -> str:
    """Tell a value from another."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class TwinMemory:
    """One twin's file, which is on disk before a wish is carried out. ``document`` names whose it is.

    Belonging to another document, as after a change of the configuration, it begins anew.
    """

    def __init__(self, path: Path, document: str) -> None:
        """Name the file; nothing is read before :meth:`load`."""
        self._path = path
        self._document = document
        self._state = _State()
        self._lock = asyncio.Lock()

    @property
    def done(self) -> Mapping[str, Done]:
        """Give what was begun, by property."""
        return self._state.done

    async def load(self) -> None:
        """Read the file, if there is one. Raises :class:`~core.errors.StoreUnavailable`."""
        try:
            self._state = await asyncio.to_thread(self._read)
        except OSError as error:
            message = f"{self._path}: it cannot be read: {error.strerror or error}"
            raise StoreUnavailable(message) from error

    def is_done(self, name: str, wish: Wish, *, exact: bool) -> bool:
        """Tell whether a wish was begun before. ``exact``: as :class:`Desired` has it."""
        known = self._state.done.get(name)
        if known is None:
            return False
        same = known.digest == digest(wish.value)
        return wish.mark < known.mark or (same and (wish.mark == known.mark or not exact))

    def meet(self, desired: Desired) -> None:
        """Learn the present version. A lower one than before is of a document that was made anew: all is forgotten."""
        if desired.version < self._state.version:
            _log.warning("the twin's document was made anew: what was wanted of the one before is forgotten")
            self._state.done.clear()
        self._state.version = desired.version

    async def begin(self, wishes: Mapping[str, Wish], version: int) -> None:
        """Keep what is about to be carried out. Raises :class:`~core.errors.StoreUnavailable`; then it may not be."""
        before = _State(self._state.version, dict(self._state.done))
        for name, wish in wishes.items():
            self._state.done[name] = Done(wish.mark, digest(wish.value), version)
        self._state.version = max(self._state.version, version)
        try:
            await self._save()
        except StoreUnavailable:
            self._state = before
            raise

    async def finish(self, statuses: Mapping[str, int]) -> None:
        """Keep how it went; where the disk does not take it, until the next start."""
        for name, status in statuses.items():
            self._state.done[name].status = status
        try:
            await self._save()
        except StoreUnavailable as error:
            _log.error("how wishes of the twin went is in memory alone: %s", error)

    async def _save(self) -> None:
        async with self._lock:
            content = json.dumps({"document": self._document, "state": _FORM.dump_python(self._state)}, indent=1)
            try:
                await asyncio.to_thread(self._write, content.encode())
            except OSError as error:
                message = f"{self._path}: it cannot be written: {error.strerror or error}"
                raise StoreUnavailable(message) from error

    def _read(self) -> _State:
        try:
            content = json.loads(self._path.read_bytes())
            if content["document"] != self._document:
                return _State()
            return _FORM.validate_python(content["state"])
        except FileNotFoundError:
            return _State()
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            _log.warning("%s cannot be read, it is kept as %s and a new one begun: %s", self._path, aside.name, error)
            return _State()

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            write_private(self._path, b"")  # what takes its place keeps its mode
        replace_file(self._path, content)
