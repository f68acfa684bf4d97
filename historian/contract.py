"""What a history store and a sink of the outbox promise; every store runs tests/conformance/store.py."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.errors import PlantspaceError, StoreError
from core.quality import StatusArray
from historian.samples import SampleBlock

ANNOTATION_PREFIX: Final = "annotations of "
"""Before a point's name: what its annotations are kept under. No NodeId begins so."""
_CURSOR = struct.Struct("<qi")


class InvalidTimeDomain(PlantspaceError):  # noqa: N818 - the name says what is wrong with the request
    """Fewer than two of start, end and limit are given (Part 11 v1.05 6.5.3.2), or the cursor is none of ours."""


class PoisonRecord(StoreError):  # noqa: N818 - the name says what the forwarder has to do with it
    """A sink can never take the record ``sequence``; it is set aside and the others go on."""

    def __init__(self, sequence: int, reason: str, *, samples: int | None = None) -> None:
        """Name the record and why no later try can mend it.

        ``samples``: how many of its samples the sink does not have, where it was able to keep the others; None: all.
        """
        self.sequence = sequence
        self.samples = samples
        self.reason = reason
        super().__init__(f"record {sequence} cannot be delivered: {reason}")


@dataclass(frozen=True, slots=True)
class OpenOutcome:
    """What opening a file found. ``set_aside``: where a damaged file was moved before a new one was begun."""

    set_aside: Path | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A continuation point: the last position given out, so that data arriving meanwhile moves nothing.

    ``time``: source time in ticks; ``ordinal``: which of the values at that time, counted in the order of arrival.
    """

    time: int
    ordinal: int

    def to_bytes(self) -> bytes:
        """Give 12 bytes that :meth:`from_bytes` reads back."""
        return _CURSOR.pack(self.time, self.ordinal)

    @classmethod
    def from_bytes(cls, data: bytes) -> Cursor:
        """Read a cursor. Raises :class:`InvalidTimeDomain` for bytes that are none."""
        if len(data) != _CURSOR.size:
            message = f"a continuation point has {_CURSOR.size} bytes, this one {len(data)}"
            raise InvalidTimeDomain(message)
        return cls(*_CURSOR.unpack(data))


@dataclass(frozen=True, slots=True, eq=False)
class RawPage:
    """Values of one point in the order asked for, all of one DataType; arrays of equal length [n].

    Where the point's DataType changed in between, the page ends early and ``cursor`` goes on. ``cursor`` is None at the
    end. Samples without a value are marked :data:`~core.quality.NO_VALUE` in ``status``; so is a bound that does not
    exist, with BadBoundNotFound.
    ``damaged``: how many samples of the range could not be read because their bytes are damaged.
    """

    datatype: DataType
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray
    cursor: Cursor | None
    damaged: int = 0

    def __len__(self) -> int:
        """Count the values."""
        return len(self.source_time)


@dataclass(frozen=True, slots=True)
class StoreCapabilities:
    """What a store can do; the conformance suite skips by these, never by a store's name."""

    keeps_same_time: bool = True
    """Several values at one source time are kept (fault 18)."""
    keeps_objects: bool = True
    """Strings, byte strings and structures are kept, not only numbers."""
    keeps_summaries: bool = True
    """It is a :class:`~historian.resolutions.SummaryReader` too."""
    keeps_edits: bool = True
    """It is a :class:`~historian.editing.HistoryEditor` too, and old values stay to be read."""
    survives_kill: bool = True
    """What :meth:`HistoryStore.append` returned from is there after kill -9."""


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Sizes of a store. ``samples``: kept now; ``appended``, ``expired``, ``damaged``: since the file was begun.

    ``bytes``: all there is on disk; ``raw_bytes`` and ``summary_bytes``: what samples and summaries take of it.
    ``oldest_raw``: the earliest source time of all samples, None where there are none or it is not known; ``ingest``:
    samples a second appended of late, None where this process does not append.
    """

    points: int
    samples: int
    appended: int
    expired: int
    damaged: int
    segments: int
    blocks: int
    bytes: int
    raw_bytes: int = 0
    summary_bytes: int = 0
    oldest_raw: int | None = None
    ingest: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One outbox record as a store takes it: its sequence number in the outbox it comes from, and its samples."""

    sequence: int
    blocks: Sequence[SampleBlock]


class HistoryReader(Protocol):
    """The reading half of a store."""

    async def read_raw(
        self,
        point: str,
        start: int | None,
        end: int | None,
        limit: int,
        *,
        bounds: bool = False,
        cursor: Cursor | None = None,
    ) -> RawPage:
        """Read raw values as Part 11 v1.05 6.5.3.2 defines them.

        ``point``: NodeId text ``nsu=…``; one without history gives an empty page. ``start``, ``end``: source time in
        ticks or None; start <= end goes forward over [start, end), start > end backward over (end, start]; start alone
        goes forward, end alone backward, and equal ones mean that very time. ``limit``: most entries in this page,
        bounds included; 0 = all. Pass the same arguments with the page's ``cursor`` to go on. Raises
        :class:`InvalidTimeDomain`, :class:`~core.errors.StoreUnavailable`, :class:`~core.errors.StoreCorrupt`.
        """
        ...

    async def points(self) -> tuple[str, ...]:
        """Name the points that have or had history, as NodeId texts."""
        ...

    async def statistics(self) -> StoreStatistics:
        """Measure the store."""
        ...


class HistoryStore(HistoryReader, Protocol):
    """An archive of samples."""

    capabilities: StoreCapabilities

    async def open(self) -> OpenOutcome:
        """Come up. Raises :class:`~core.errors.StoreUnavailable` when it cannot be reached now."""
        ...

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        ...

    async def append(self, deliveries: Sequence[Delivery], origin: str) -> None:
        """Keep samples; durable when it returns, all or nothing when it raises.

        ``origin`` names the opening of the outbox that gave the sequences out (:mod:`historian.origins`). A delivery
        whose sequence is not above the highest one kept from that origin is passed over: delivering again stores
        nothing twice. Raises :class:`~core.errors.StoreUnavailable` (try
        again later), :class:`PoisonRecord` (never), :class:`~core.errors.StoreCorrupt`.
        """
        ...

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One entry of the outbox. ``samples``: how many values the payload stands for; ``time``.

    When it was accepted (ticks).
    """

    sequence: int
    time: int
    samples: int
    payload: bytes
    damaged: bool = False


class Sink(Protocol):
    """Where a forwarder delivers to; it is opened, used and closed by one forwarder."""

    async def open(self) -> None:
        """Come up. Raises :class:`~core.errors.StoreUnavailable`; it is tried again with back-off."""
        ...

    async def deliver(self, records: Sequence[Record]) -> None:
        """Take records in order; return once all of them are safe at the far side.

        Raises :class:`~core.errors.StoreUnavailable` when a later try may succeed (all are delivered again: a sink sees
        a record at least once), and :class:`PoisonRecord` for one that never will.
        """
        ...

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        ...
