"""How much is read of files that come from outside, and the count of what was read so far.

A limit that is met is told with the place in the file and the setting that moves it. Depth and the length of a text are
bounded where XML is read (:mod:`nodesets.xml_reading`), at what libxml2 holds to anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, cast

from core.errors import PlantspaceError

MEBIBYTE = 1 << 20
_SETTING = "raise model.limits.{} if the file is what it should be"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one reading of a model. Sizes are in bytes, of the XML itself where a file is packed."""

    file_bytes: int = 256 * MEBIBYTE
    total_bytes: int = 1024 * MEBIBYTE
    nodes: int = 1_000_000
    references: int = 10_000_000
    findings: int = 100_000
    """Errors, and likewise remarks, told of one file."""
    seconds: float = 300.0
    """For the process that reads, by the wall clock and of CPU."""
    memory_bytes: int = 4096 * MEBIBYTE
    """For the process that reads: its whole address space."""


class LimitError(PlantspaceError):
    """A limit was met; ``problem`` says which, ``mend`` the setting that moves it."""

    def __init__(self, problem: str, mend: str) -> None:
        """Say what is too much."""
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} ({mend})")


class Spent:
    """What a model's files have taken of the limits so far."""

    def __init__(self, limits: Limits) -> None:
        """Nothing is taken."""
        self.limits = limits
        self._total = 0
        self._nodes = 0
        self._references = 0

    def bytes_left(self) -> tuple[int, LimitError]:
        """Give how much of the next file may be read, and what to raise beyond that."""
        limits = self.limits
        left = limits.total_bytes - self._total
        if limits.file_bytes <= left:
            return limits.file_bytes, too_large(limits.file_bytes)
        problem = f"with this file the model has more than {_mebibytes(limits.total_bytes)} of XML"
        return left, LimitError(problem, _SETTING.format("total_mib"))

    def took_bytes(self, count: int) -> None:
        """Count what was read of a file."""
        self._total += count

    def take(self, references: int) -> None:
        """Count a node with its references. Raises :class:`LimitError`."""
        self._nodes += 1
        self._references += references
        if self._nodes > self.limits.nodes:
            problem = f"with this node the model has more than {self.limits.nodes} nodes; the rest is not read"
            raise LimitError(problem, _SETTING.format("nodes"))
        if self._references > self.limits.references:
            problem = (
                f"with this node the model has more than {self.limits.references} references; the rest is not read"
            )
            raise LimitError(problem, _SETTING.format("references"))


class BoundedFile:
    """A file of which no more than so much is read. Only what XML parsers call is there."""

    def __init__(self, file: BinaryIO, most: int, error: LimitError) -> None:
        """Raise ``error`` once more than ``most`` bytes were read."""
        self._file = file
        self._most = most
        self._error = error
        self._beyond = False
        self.count = 0
        """How many bytes were read."""

    def read(self, size: int = -1) -> bytes:
        """Read on, up to the limit. Raises :class:`LimitError` behind it, and what the file raises."""
        left = self._most - self.count
        if self._beyond:
            raise self._error
        chunk = self._file.read(min(size, left + 1) if size >= 0 else left + 1)
        # What stands in front of the limit is still given, so that its place is known.
        self._beyond = len(chunk) > left
        if self._beyond:
            chunk = chunk[:left]
        self.count += len(chunk)
        if self._beyond and not chunk:
            raise self._error
        return chunk

    def as_binary(self) -> BinaryIO:
        """Give this as the type that parsers ask for."""
        return cast("BinaryIO", self)


def too_large(most: int) -> LimitError:
    """Say that one file is larger than ``most`` bytes."""
    return LimitError(f"the file has more than {_mebibytes(most)} of XML", _SETTING.format("file_mib"))


def too_many_findings(most: int) -> LimitError:
    """Say that no more than ``most`` findings are told."""
    return LimitError(f"more than {most} things are wrong in this file; the rest is not read", "mend these first")


def _mebibytes(size: int) -> str:
    return f"{size / MEBIBYTE:g} MiB"
