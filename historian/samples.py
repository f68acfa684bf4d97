"""Samples of many points in columns, grouped by point: the shape between the outbox, the stores and the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray

IndexArray = npt.NDArray[np.int32]
OrderArray = npt.NDArray[np.intp]

_UINT16_VALUES = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Samples of points of one DataType; those of one point stand together, in the order of arrival.

    ``points``: int32[m], ids in a file's point dictionary; ``counts``: int32[m], how many of the next samples are that
    point's; ``values``: [n] of ``datatype.dtype``; ``status``: uint32[n]; ``source_time``, ``server_time``: int64[n]
    DateTime ticks.
    """

    datatype: DataType
    points: IndexArray
    counts: IndexArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.source_time)

    def cut(self, first: int, last: int) -> Columns:
        """Give samples ``first`` to ``last`` (exclusive; at least one), a point at the edge with what is left of it."""
        ends = np.cumsum(self.counts)
        low, high = int(np.searchsorted(ends, first, "right")), int(np.searchsorted(ends, last, "left")) + 1
        counts = self.counts[low:high].copy()
        counts[0] = min(int(ends[low]), last) - first
        if high - low > 1:
            counts[-1] = last - int(ends[high - 2])
        part = slice(first, last)
        return Columns(
            self.datatype,
            self.points[low:high],
            counts,
            self.values[part],
            self.status[part],
            self.source_time[part],
            self.server_time[part],
        )


@dataclass(frozen=True, slots=True, eq=False)
class SampleBlock:
    """Samples as a store takes them: :class:`Columns` with the points by name (NodeId text ``nsu=…``)."""

    nodes: tuple[str, ...]
    datatype: DataType
    counts: IndexArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.source_time)

    def columns(self, points: IndexArray) -> Columns:
        """Name the points by the ids of a file's dictionary (int32[m])."""
        return Columns(self.datatype, points, self.counts, self.values, self.status, self.source_time, self.server_time)

    @classmethod
    def of(cls, columns: Columns, nodes: Sequence[str]) -> SampleBlock:
        """Name the points by their NodeId texts."""
        return cls(
            tuple(nodes),
            columns.datatype,
            columns.counts,
            columns.values,
            columns.status,
            columns.source_time,
            columns.server_time,
        )


def group(
    datatype: DataType,
    points: IndexArray,
    values: ValueArray,
    status: StatusArray,
    source_time: TimeArray,
    server_time: TimeArray,
    *,
    by_time: bool = False,
) -> Columns:
    """Bring samples (each with its point, int32[n >= 1]) together by point.

    ``by_time`` also puts each point's in time order. Samples that are equal in what they are ordered by keep the order
    of arrival.
    """
    if by_time:
        order: OrderArray = np.lexsort((source_time, points))
    else:
        # numpy sorts 16-bit keys by radix, ten times quicker than the merge sort of wider ones
        keys = points.astype(np.uint16) if int(points.max()) < _UINT16_VALUES else points
        order = np.argsort(keys, kind="stable")
    ordered = points[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    starts = np.concatenate((np.zeros(1, edges.dtype), edges))
    counts = np.diff(np.append(starts, len(ordered))).astype(np.int32)
    return Columns(
        datatype, ordered[starts], counts, values[order], status[order], source_time[order], server_time[order]
    )


def join(parts: Sequence[Columns], *, by_time: bool) -> list[Columns]:
    """Put parts, given in the order of arrival, together: one :class:`Columns` a DataType."""
    joined: list[Columns] = []
    for datatype in sorted({part.datatype for part in parts}):
        same = [part for part in parts if part.datatype is datatype]
        joined.append(
            group(
                datatype,
                np.concatenate([np.repeat(part.points, part.counts) for part in same]),
                np.concatenate([part.values for part in same]),
                np.concatenate([part.status for part in same]),
                np.concatenate([part.source_time for part in same]),
                np.concatenate([part.server_time for part in same]),
                by_time=by_time,
            )
        )
    return joined
