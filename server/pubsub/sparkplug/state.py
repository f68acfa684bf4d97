"""What an edge node remembers over restarts: the alias of each metric, and how many links it has had (bdSeq)."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from core.durable_files import settle_folder
from core.errors import StoreUnavailable
from server.pubsub.sparkplug.device import RetiredMetric
from server.pubsub.sparkplug.types import SparkplugType

_log = logging.getLogger("plantspace.pubsub")

_HIGHEST_BD_SEQ: Final = 255
_JUMP: Final = 1_000_000
"""How far the aliases begin anew where the file of the old ones is lost: none of them comes to mean something else."""


@validated(slots=True)
class _Known:
    alias: int
    kind: SparkplugType
    is_used: bool = True


@validated
@dataclass(slots=True)
class _Form:
    following: int = 1
    devices: dict[str, dict[str, _Known]] = field(default_factory=dict[str, dict[str, _Known]])
    retyped: dict[str, dict[str, _Known]] = field(default_factory=dict[str, dict[str, _Known]])


_FORM: Final = TypeAdapter(_Form)


class NodeState:
    """The state of one edge node; one owner. Nothing here but :meth:`next_bd_seq` may be called on the event loop."""

    def __init__(self, path: Path) -> None:
        """Name the file; a second one of the same name and ``.bdseq`` stands beside it."""
        self._path = path
        self._bd_seq_path = path.with_suffix(".bdseq")
        self._form = _Form()
        self._bd_seq = _HIGHEST_BD_SEQ

    def load(self) -> None:
        """Read the files, if there are any. A damaged one is set aside, and no alias of it is given again.

        Raises :class:`~core.errors.StoreUnavailable` where one can be neither read nor set aside.
        """
        try:
            self._bd_seq = self._read_bd_seq()
            self._form = self._read()
        except OSError as error:
            raise self._unavailable(error, "read") from error

    def admit(self, device: str, metrics: Sequence[tuple[str, SparkplugType]]) -> list[int]:
        """Give the aliases of a device's metrics by name and type; a metric of another type has another alias.

        Metrics of the device that are not named here count as retired from now on.
        """
        known = self._form.devices.setdefault(device, {})
        for one in known.values():
            one.is_used = False
        aliases: list[int] = []
        for name, kind in metrics:
            found = known.get(name)
            if found is not None and found.kind is not kind:
                self._form.retyped.setdefault(device, {})[f"{name} ({found.kind.name})"] = found
                found.is_used = False
                found = None
            if found is None:
                found = known[name] = _Known(self._form.following, kind)
                self._form.following += 1
            found.is_used = True
            aliases.append(found.alias)
        return aliases

    def retire_others(self, devices: Sequence[str]) -> None:
        """Retire the metrics of all devices but these."""
        for device, known in self._form.devices.items():
            if device not in devices:
                for one in known.values():
                    one.is_used = False

    def retired(self) -> dict[str, list[RetiredMetric]]:
        """Give the metrics that are no more, by device."""
        found: dict[str, list[RetiredMetric]] = {}
        for devices in (self._form.devices, self._form.retyped):
            for device, known in devices.items():
                gone = [RetiredMetric(name, one.alias, one.kind) for name, one in known.items() if not one.is_used]
                if gone:
                    found.setdefault(device, []).extend(gone)
        return found

    def save(self) -> None:
        """Write the aliases: whole or not at all. Raises :class:`~core.errors.StoreUnavailable`."""
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as file:
                file.write(_FORM.dump_json(self._form))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
            settle_folder(self._path.parent)
        except OSError as error:
            raise self._unavailable(error, "written") from error

    def next_bd_seq(self) -> int:
        """Count one more link: 0 to 255 and 0 again (Sparkplug 3.0.0, 5.4).

        The few bytes are not waited for: after a power cut a number may come twice, which matters to nobody who has
        not seen the one before. A disk that takes none is told in the log.
        """
        self._bd_seq = (self._bd_seq + 1) % (_HIGHEST_BD_SEQ + 1)
        fresh = self._bd_seq_path.with_suffix(".bdseq-new")
        try:
            self._bd_seq_path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(str(self._bd_seq), encoding="ascii")
            fresh.replace(self._bd_seq_path)
        except OSError as error:
            _log.error("%s: bdSeq cannot be kept: %s", self._bd_seq_path, error.strerror or error)
        return self._bd_seq

    def _read(self) -> _Form:
        try:
            return _FORM.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return _Form()
        except ValidationError as error:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            _log.warning("%s cannot be read, it is kept as %s: %s", self._path, aside.name, error)
            return _Form(following=_JUMP)

    def _read_bd_seq(self) -> int:
        try:
            number = int(json.loads(self._bd_seq_path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return _HIGHEST_BD_SEQ
        return number & _HIGHEST_BD_SEQ

    def _unavailable(self, error: OSError, what: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self._path}: it cannot be {what}: {error.strerror or error}")
