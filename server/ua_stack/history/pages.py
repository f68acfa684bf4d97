"""What reads of history have in common: they come in pages, and what follows a page knows all that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from asyncua import ua

from core.errors import PlantspaceError
from server.address_space.encoding import encode_bytes, encode_extension_object, encode_uint32
from server.subscriptions.encoding import Timestamps

_ids = ua.ObjectIds
HISTORY_DATA = int(_ids.HistoryData_Encoding_DefaultBinary)
HISTORY_MODIFIED_DATA = int(_ids.HistoryModifiedData_Encoding_DefaultBinary)
HISTORY_EVENT = int(_ids.HistoryEvent_Encoding_DefaultBinary)
NOTHING = bytes(4)
"""A body without DataValues, or without events."""
_NO_BODY = b"\x00\x00\x00"
_AT_ONCE = 10_000
"""StatusCodes that are written in one go, which no other thread runs in."""


class HistoryRefused(PlantspaceError):  # noqa: N818 - the name says what became of the operation
    """An operation cannot be done; ``status``: the StatusCode that its node is answered with."""

    def __init__(self, status: int, problem: str = "") -> None:
        """Keep the StatusCode, and what is wrong in words."""
        self.status = status
        super().__init__(problem or f"0x{status:08X}")


@dataclass(frozen=True, slots=True)
class Page:
    """One node's part of an answer. ``kind``: the encoding that ``body`` has; ``count``: values or events in it."""

    kind: int
    body: bytes
    count: int
    following: PagedRead | None
    status: int = 0


class PagedRead(Protocol):
    """A read that was asked for once; each page gives the read that goes on behind it."""

    @property
    def kind(self) -> int:
        """The encoding of its answers' bodies."""
        ...

    @property
    def most(self) -> int:
        """Values that a page holds at most, however much room there is."""
        ...

    @property
    def size(self) -> int:
        """Bytes of memory that it takes while nobody comes for it."""
        ...

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Read up to ``share`` values. Raises :class:`HistoryRefused`, :class:`~core.errors.StoreError`."""
        ...


@dataclass(frozen=True, slots=True)
class ReadResult:
    """A HistoryReadResult (Part 4 v1.05 5.11.3.2). ``kind``: 0 for no body."""

    status: int = 0
    point: bytes | None = None
    kind: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """A HistoryUpdateResult (Part 4 v1.05 5.11.5.2). ``results``: a StatusCode for each value, time or event.

    ``old``: DataValues that the change took away, for the audit trail; None where there are too many to tell, or none
    were asked for. ``told``: what the trail says of the change in words.
    """

    status: int = 0
    results: Sequence[int] = ()
    old: tuple[bytes, ...] | None = None
    told: str = ""


def encode_read(results: Sequence[ReadResult]) -> bytes:
    """Write HistoryRead's response, without diagnostics."""
    parts = [encode_uint32(len(results))]
    for result in results:
        parts.append(encode_uint32(result.status))
        parts.append(encode_bytes(result.point))
        parts.append(encode_extension_object(result.kind, result.body) if result.kind else _NO_BODY)
    parts.append(_NONE)
    return b"".join(parts)


def encode_update(results: Sequence[UpdateResult]) -> bytes:
    """Write HistoryUpdate's response, without diagnostics; safe in any thread, which lets others run meanwhile."""
    parts = [encode_uint32(len(results))]
    for result in results:
        parts += [encode_uint32(result.status), encode_uint32(len(result.results))]
        for begin in range(0, len(result.results), _AT_ONCE):
            parts.append(np.array(result.results[begin : begin + _AT_ONCE], "<u4").tobytes())
        parts.append(_NONE)
    parts.append(_NONE)
    return b"".join(parts)


_NONE = b"\xff\xff\xff\xff"
"""The null array."""
