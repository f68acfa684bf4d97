"""What a history store promises about changing history by hand (Part 11 v1.05 6.9); part of the store contract."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.errors import StoreError
from core.quality import StatusArray
from historian.contract import Cursor, RawPage


class UpdateKind(enum.IntEnum):
    """How values are brought in, and what became of values (HistoryUpdateType, Part 11 v1.05 6.9.1.2)."""

    INSERT = 1
    REPLACE = 2
    UPDATE = 3
    DELETE = 4


class EditTooLarge(StoreError):  # noqa: N818 - the name says what is wrong with the request
    """More samples would be touched than one operation may; nothing was changed. Ask for a shorter time."""

    def __init__(self, touched: int, most: int) -> None:
        """Say how many samples the operation touches, and how many it may."""
        self.touched = touched
        self.most = most
        super().__init__(f"this touches {touched} samples and may {most} at once (ask for a shorter time)")


class UnstorableSamples(StoreError):  # noqa: N818 - as above
    """A value has no form in the store, or the columns do not fit each other; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Modification:
    """Who changes history, and when: ``time`` in DateTime ticks, ``user`` as ModificationInfo names them."""

    time: int
    user: str


@dataclass(frozen=True, slots=True, eq=False)
class PointSamples:
    """Samples of one point and DataType, in any order of time; arrays of equal length [n] as in a RawPage."""

    datatype: DataType
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.source_time)


@dataclass(frozen=True, slots=True, eq=False)
class ModifiedPage:
    """Values that were changed or deleted, as they were before; in the order asked for.

    ``page``: the old values. ``modified``: int64[n] ticks when each was changed; ``kinds``: uint8[n] of
    :class:`UpdateKind`, ``users``: who. An inserted value stands here as it was inserted (Part 11 v1.05 6.5.3.3: what
    has been inserted has modified values too). Several changes of one value come newest first.
    """

    page: RawPage
    modified: TimeArray
    kinds: npt.NDArray[np.uint8]
    users: tuple[str, ...]


class HistoryEditor(Protocol):
    """The changing half of a store. Each call is one operation: durable when it returns, nothing when it raises.

    Raises :class:`~core.errors.StoreUnavailable`, :class:`~core.errors.StoreCorrupt`, :class:`EditTooLarge`. Old values
    are kept with ``by`` and are what :meth:`read_modified` gives.
    """

    async def update(self, point: str, samples: PointSamples, kind: UpdateKind, by: Modification) -> StatusArray:
        """Bring samples in; gives a StatusCode a sample (uint32[n]).

        INSERT: GoodEntryInserted, BadEntryExists where a value has that source time. REPLACE: GoodEntryReplaced,
        BadNoEntryExists. UPDATE: whichever of the two Good ones it came to. A replaced time has the new values alone,
        however many stood there. What is given stands together: several samples of one time all come in, in their
        order, and none is judged by the others. A point that the store does not know yet is made by INSERT and UPDATE.
        Raises :class:`UnstorableSamples`, and :class:`ValueError` for DELETE.
        """
        ...

    async def delete_raw(self, point: str, start: int, end: int, by: Modification) -> int:
        """Delete the values of [start, end) (of that very time where both are equal); gives how many there were.

        Raises :class:`~historian.contract.InvalidTimeDomain` where ``end`` lies before ``start``.
        """
        ...

    async def delete_modified(self, point: str, start: int, end: int) -> int:
        """Forget what was changed in [start, end), the old values; gives how many there were.

        Times as in :meth:`delete_raw`.
        """
        ...

    async def delete_at(self, point: str, times: TimeArray, by: Modification) -> StatusArray:
        """Delete the values of exactly these source times; Good or BadNoEntryExists a time (uint32[n])."""
        ...

    async def read_modified(
        self, point: str, start: int | None, end: int | None, limit: int, *, cursor: Cursor | None = None
    ) -> ModifiedPage:
        """Read changed values by the rules of :meth:`~historian.contract.HistoryReader.read_raw`, without bounds.

        Several of one time come newest first in either direction. ``cursor``: that of the page before.
        """
        ...
