"""From frames to batches: frames find their decoders, and what arrived within one window goes out by data type."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import Batch
from drivers.can.decoder import Decoded, Group, Layout, MessageDecoder
from drivers.can.frame import Frame
from drivers.can.routing import Router

_PATTERNS_KEPT = 256


@dataclass(slots=True)
class _Item:
    """A decoded payload with its frame's time."""

    number: int
    decoded: Decoded
    time: int


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The groups of one data type across the layouts of a pattern: where their values are, and how they are scaled."""

    slots: npt.NDArray[np.int32]
    members: Sequence[tuple[int, Group]]
    counts: npt.NDArray[np.intp]
    items: npt.NDArray[np.intp]
    linear: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None


class Gatherer:
    """Makes batches of frames. Within one batch a point comes once; what comes again stands in a later batch."""

    def __init__(self, router: Router) -> None:
        """Take the router that knows the bound messages."""
        self._router = router
        self._patterns: OrderedDict[tuple[int, ...], list[_Part]] = OrderedDict()

    def batches(self, frames: Iterable[Frame], received: int) -> Iterator[Batch]:
        """Decode frames in their order. ``received``: DateTime ticks of now. Batches are made as they are asked for."""
        rounds: list[list[_Item]] = []
        seen: dict[MessageDecoder, int] = {}
        for frame in frames:
            for decoder, payload in self._router.payloads(frame):
                decoded = decoder.decode(payload)
                turn = seen.get(decoder, 0)
                seen[decoder] = turn + 1
                if turn == len(rounds):
                    rounds.append([])
                rounds[turn].append(_Item(decoded.layout.number, decoded, frame.time))
        for items in rounds:
            yield from self._round(items, received)

    def _round(self, items: list[_Item], received: int) -> Iterator[Batch]:
        # Sorted, so that the same messages in another order are the same pattern with the same slots arrays.
        items.sort(key=operator.attrgetter("number"))
        times = np.array([item.time for item in items], np.int64)
        for part in self._pattern(items):
            yield _batch(part, items, times, received)

    def _pattern(self, items: Sequence[_Item]) -> list[_Part]:
        key = tuple(item.number for item in items)
        parts = self._patterns.get(key)
        if parts is None:
            parts = self._patterns[key] = _parts([item.decoded.layout for item in items])
            if len(self._patterns) > _PATTERNS_KEPT:
                self._patterns.popitem(last=False)
        else:
            self._patterns.move_to_end(key)
        return parts


def _parts(layouts: Sequence[Layout]) -> list[_Part]:
    found: dict[tuple[int, int], list[tuple[int, Group]]] = {}
    for position, layout in enumerate(layouts):
        for group in layout.groups:
            found.setdefault((group.datatype, group.dtype.num), []).append((position, group))
    return [_part(members) for members in found.values()]


def _part(members: Sequence[tuple[int, Group]]) -> _Part:
    groups = [group for _, group in members]
    linear = None
    if any(group.linear is not None for group in groups):
        pairs = [group.linear or (np.ones(len(group.slots)), np.zeros(len(group.slots))) for group in groups]
        linear = (np.concatenate([scale for scale, _ in pairs]), np.concatenate([offset for _, offset in pairs]))
    return _Part(
        np.concatenate([group.slots for group in groups]),
        members,
        np.array([len(group.slots) for group in groups], np.intp),
        np.array([position for position, _ in members], np.intp),
        linear,
    )


def _batch(part: _Part, items: Sequence[_Item], times: npt.NDArray[np.int64], received: int) -> Batch:
    raws: list[int | float] = []
    bad = False
    for position, group in part.members:
        decoded = items[position].decoded
        raws += decoded.values[group.start : group.stop]
        bad = bad or decoded.statuses is not None
    dtype = part.members[0][1].dtype
    values: npt.NDArray[np.generic]
    if part.linear is None:
        values = np.array(raws, dtype)
    else:
        scale, offset = part.linear
        values = np.array(raws, np.float64) * scale + offset
    status: npt.NDArray[np.uint32] | int = 0
    if bad:
        codes: list[int] = []
        for position, group in part.members:
            statuses = items[position].decoded.statuses
            codes += [0] * len(group.slots) if statuses is None else statuses[group.start : group.stop]
        status = np.array(codes, np.uint32)
    return Batch(part.slots, values, status, np.repeat(times[part.items], part.counts), received)
