"""What of a history file can be trusted, and what is lost of it: rows as they may stand in a new file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from historian.chunks import Chunk
from historian.editing import UpdateKind
from historian.encoding import DamagedData
from historian.samples import Columns
from historian.sqlite.leaves import Row
from historian.sqlite.merge import SHARD_POINTS
from historian.sqlite.soundness import (
    MOST_SAMPLES,
    intact,
    is_count,
    is_name,
    is_summary,
    is_text,
    moment,
    nameless,
    namespace,
)
from historian.sqlite.wreck import Wreck

_LEVELS: Final = 64
_NAMED: Final = 3
"""Points that are named one by one."""
_SINCE: Final = ("raw_since", "second_since", "minute_since", "hour_since")


@dataclass(frozen=True, slots=True)
class Loss:
    """Samples that cannot be read. ``points``: a NodeId text, or words for which points they may be of.

    ``first``, ``last``: DateTime ticks, None where nobody knows any more; so ``samples``.
    """

    points: str
    first: int | None
    last: int | None
    samples: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Samples that go into a new file as they are: a block of ``point``, or a segment of ``level`` and ``shard``."""

    number: int
    point: int
    level: int
    shard: int
    first: int
    last: int
    samples: int
    payload: bytes


@dataclass(frozen=True, slots=True, eq=False)
class KeptChange:
    """Old values that go into a new file."""

    point: int
    kind: int
    time: int
    user: str
    first: int
    last: int
    samples: int
    payload: bytes


class Salvage:
    """Reads a file's rows, checks them, and notes what is lost.

    ``sound``: SQLite finds nothing wrong with the file, so that times and counts are what was written. Otherwise they
    are taken from the samples themselves.
    """

    def __init__(self, wreck: Wreck, *, sound: bool) -> None:
        """Read the points' names."""
        self.wreck = wreck
        self.losses: list[Loss] = []
        self.notes: list[str] = []
        self.bad_summaries = 0
        self._sound = sound
        self.points: dict[int, tuple[str, tuple[int | None, ...]]] = {}
        """Id -> name, and from when on it is complete."""
        self._read_points()

    def totals(self) -> dict[str, int]:
        """Read the running totals."""
        if "total" not in self.wreck.tables:
            return {}
        rows = self.wreck.listed("SELECT name, value FROM total ORDER BY name {}")
        return {str(name): value for name, value in rows if isinstance(value, int)}

    def applied(self) -> dict[str, int]:
        """Read how far each origin is."""
        rows = [row for row in self.wreck.rows("applied", "origin, sequence") if is_text(row[1])]
        return {row[1]: row[2] for row in rows if isinstance(row[2], int)}

    def set_aside(self) -> Iterator[tuple[str, int, str, bytes]]:
        """Give what merges set aside as damaged: kind, samples, reason, payload."""
        for _, kind, samples, reason, payload in self.wreck.rows("damaged", "kind, samples, reason, payload"):
            if is_text(kind) and is_text(reason) and is_count(samples) and isinstance(payload, bytes):
                yield kind, samples, reason, payload

    def blocks(self) -> Iterator[Kept]:
        """Give the blocks by their ids."""
        seen: set[int] = set()
        for number, point, first, last, samples, payload in self._rows(
            "block", "point, t_first, t_last, samples, payload"
        ):
            seen.add(number)
            found, whole = intact(payload)
            if not whole:
                self._lose_part(self._name(point), first, last, samples, found)
            if self._sound and whole:
                yield Kept(number, point, 0, -1, first, last, samples, payload)
            elif (kept := self._kept(number, found)) is not None:
                yield kept
        self._lose_blocks(seen)

    def segments(self) -> Iterator[Kept]:
        """Give the segments by their ids."""
        seen: set[int] = set()
        for number, level, shard, first, last, samples, payload in self._rows(
            "segment", "level, shard, t_first, t_last, samples, payload"
        ):
            seen.add(number)
            found, whole = intact(payload)
            if not whole:
                self._lose_part(self._shard_name(shard), first, last, samples, found)
            if self._sound and whole:
                yield Kept(number, 0, level, shard, first, last, samples, payload)
            elif (kept := self._kept(number, found, level)) is not None:
                yield kept
        self._lose_segments(seen)

    def changes(self) -> Iterator[KeptChange]:
        """Give old values in the order of their changes."""
        for _, point, kind, time, user, first, last, samples, payload in self._rows(
            "modified", "point, kind, time, user, t_first, t_last, samples, payload"
        ):
            found, whole = intact(payload)
            if not whole:
                lost = samples if is_count(samples) else None
                self.notes.append(f"{lost or 'some'} old values of {self._name(point)} cannot be read")
                continue
            if self._sound:
                yield KeptChange(point, kind, time, user, first, last, samples, payload)
            elif (kept := self._kept(0, found)) is not None and isinstance(time, int):
                known = kind if kind in set(UpdateKind) else int(UpdateKind.UPDATE)
                who = user if is_text(user) else "?"
                yield KeptChange(kept.point, known, time, who, kept.first, kept.last, kept.samples, kept.payload)

    def summaries(self, point: int) -> Iterator[tuple[int, int, int, int, int, bytes]]:
        """Give a point's summaries: resolution, first bucket, block, last bucket, buckets, payload."""
        if "summary" not in self.wreck.tables:
            return
        query = (
            "SELECT resolution, t_first, block, t_last, buckets, payload FROM summary"  # noqa: S608 - a number
            f" WHERE point = {int(point)} ORDER BY resolution {{0}}, t_first {{0}}, block {{0}}"
        )
        for row in self.wreck.listed(query):
            if is_summary(row):
                yield cast("tuple[int, int, int, int, int, bytes]", row)
            else:
                self.bad_summaries += 1

    def _rows(self, table: str, columns: str) -> Iterator[Row]:
        """Give the rows of a table with samples, those too that no tree leads to."""
        known: set[int] = set()
        for row in self.wreck.rows(table, columns):
            known.add(row[0])
            yield row
        if not self._sound:
            yield from self.wreck.astray(table, known)

    def _read_points(self) -> None:
        named = {row[1]: row[0] for row in self._listed_names()}
        of_index = {number: name for name, number in named.items()}
        has_since = self._sound and "summary" in self.wreck.tables
        columns = ", ".join(("node", *(_SINCE if has_since else ())))
        of_table = {row[0]: (row[1], row[2:]) for row in self.wreck.rows("point", columns)}
        namespaces = [namespace(name) for name in [*of_index.values(), *(name for name, _ in of_table.values())]]
        taken: set[str] = set()
        for number in sorted({*of_table, *of_index}):
            table_name, since = of_table.get(number, (None, ()))
            both: list[str | None] = [table_name, of_index.get(number)]
            names = list(dict.fromkeys(name for name in both if name is not None and is_name(name)))
            # of two names the one whose namespace others have too: one changed byte makes it no other's
            names.sort(key=lambda name: -namespaces.count(namespace(name)))
            name = next((name for name in names if name not in taken), None) or nameless(number)
            if len(names) != 1 or name not in names:
                also = f" (or {names[1]})" if len(names) > 1 else ""
                self.notes.append(f"the name of point {number} is damaged: it is called {name}{also}")
            taken.add(name)
            self.points[number] = (name, tuple(since))

    def _listed_names(self) -> list[Row]:
        """Read names and ids out of the index, which holds every name a second time."""
        rows = self.wreck.listed("SELECT id, node FROM point INDEXED BY sqlite_autoindex_point_1 ORDER BY node {}")
        return [row for row in rows if isinstance(row[0], int) and 0 < row[0] < MOST_SAMPLES and is_text(row[1])]

    def _kept(self, number: int, found: Sequence[Chunk], level: object = 0) -> Kept | None:
        """Take times, counts and points from the samples themselves."""
        parts: list[Columns] = []
        payload = b""
        for chunk in found:
            try:
                parts.append(chunk.columns())
            except DamagedData:
                continue
            payload += chunk.whole
        if not parts:
            return None
        points = np.unique(np.concatenate([part.points for part in parts]))
        for point in points.tolist():
            if point not in self.points:
                self.points[point] = (nameless(point), ())
                self.notes.append(f"the name of point {point} is lost: it is called {self.points[point][0]}")
        shards = np.unique(points // SHARD_POINTS)
        high = level if isinstance(level, int) and 0 < level < _LEVELS else 0
        shard = int(shards[0]) if high and len(shards) == 1 else -1
        return Kept(
            number,
            int(points[0]),
            high if shard >= 0 else 0,
            shard,
            min(int(part.source_time.min()) for part in parts),
            max(int(part.source_time.max()) for part in parts),
            sum(map(len, parts)),
            payload,
        )

    def _lose_part(self, points: str, first: object, last: object, samples: object, found: Sequence[Chunk]) -> None:
        """Note what of a row whose payload is damaged is lost."""
        left = sum(chunk.samples for chunk in found)
        lost = samples - left if isinstance(samples, int) and left < samples < MOST_SAMPLES else None
        self.losses.append(Loss(points, moment(first), moment(last), lost))

    def _lose_blocks(self, seen: set[int]) -> None:
        """Note blocks that both indexes name and that no row was read of."""
        if self._sound:
            return
        ends = dict(
            self.wreck.listed("SELECT id, t_last FROM block INDEXED BY block_last ORDER BY point {0}, t_last {0}")
        )
        for number, point, first in self.wreck.listed(
            "SELECT id, point, t_first FROM block INDEXED BY block_first ORDER BY point {0}, t_first {0}"
        ):
            if number in ends and number not in seen:
                self.losses.append(Loss(self._name(point), moment(first), moment(ends[number]), None))

    def _lose_segments(self, seen: set[int]) -> None:
        if self._sound:
            return
        counts = dict(
            self.wreck.listed(
                "SELECT id, samples FROM segment INDEXED BY segment_level ORDER BY level {0}, shard {0}, samples {0}"
            )
        )
        for number, shard, first, last in self.wreck.listed(
            "SELECT id, shard, t_first, t_last FROM segment INDEXED BY segment_shard ORDER BY shard {0}, t_first {0}"
        ):
            if number in counts and number not in seen:
                lost = counts[number] if is_count(counts[number]) else None
                self.losses.append(Loss(self._shard_name(shard), moment(first), moment(last), lost))

    def _name(self, point: object) -> str:
        known = self.points.get(point) if isinstance(point, int) else None
        return known[0] if known else "a point whose name is lost"

    def _shard_name(self, shard: object) -> str:
        """Name the points of a segment."""
        everywhere = not isinstance(shard, int) or shard < 0
        names = [
            name for point, (name, _) in sorted(self.points.items()) if everywhere or point // SHARD_POINTS == shard
        ]
        if len(names) <= _NAMED:
            return " or ".join(names) or "a point whose name is lost"
        return f"any of {len(names)} points ({names[0]} … {names[-1]})"
