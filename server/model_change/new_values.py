"""Memory points that nobody wrote, and the values that the changed files give them: a batch for each data type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from asyncua import ua

from core.batch import Batch, MaskArray, SlotArray, ValueArray
from core.datatypes import DataType
from core.image import ProcessImage
from core.quality import NO_VALUE, Status
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import nodeid_of
from server.model_change.comparing import SpaceDifference
from server.plan.memory import point_value
from server.plan.points import PointList


@dataclass(frozen=True, slots=True, eq=False)
class NewValues:
    """The points of one data type whose values in the files are others. ``had``: whether there was one before."""

    datatype: DataType
    slots: SlotArray
    had: MaskArray
    before: ValueArray
    values: ValueArray

    def show(self, image: ProcessImage, moment: int) -> Batch:
        """Give the values to those that still hold what the files gave them before, on the event loop.

        Gives the batch that undoes it.
        """
        column, rows = image.columns[self.datatype], image.row_of[self.slots]
        held, is_there = column.values[rows], (column.status[rows] & np.uint32(NO_VALUE)) == 0
        if self.datatype.is_object:
            same = np.fromiter(map(_same, held, self.before), np.bool_, len(held))
        else:
            same = held == self.before
            if self.datatype in (DataType.FLOAT, DataType.DOUBLE):
                same |= np.isnan(held) & np.isnan(self.before)
        chosen = (is_there == self.had) & (same | ~self.had)
        rows, slots = rows[chosen], self.slots[chosen]
        before = Batch(slots, column.values[rows], column.status[rows], column.source_time[rows], moment)
        if len(slots):
            image.apply(Batch(slots, self.values[chosen], Status.GOOD, moment, moment))
        return before


def new_values(difference: SpaceDifference, points: PointList, image: ProcessImage) -> list[NewValues]:
    """Find the memory points whose value in the files is another. May run in a thread."""
    found: dict[DataType, list[tuple[int, Any, Any]]] = defaultdict(list)
    for slot, before, value in _changed(difference, points.slots, points, image):
        found[image.points[slot].datatype].append((slot, before, value))
    return [_group(datatype, members) for datatype, members in found.items()]


def _changed(
    difference: SpaceDifference, slots: Mapping[ua.NodeId, int], points: PointList, image: ProcessImage
) -> Iterable[tuple[int, Any, Any]]:
    for key, alteration in difference.altered.items():
        slot = slots.get(nodeid_of(key)) if "value" in alteration.attributes else None
        if slot is None or slot in points.places or alteration.is_retyped:
            continue
        datatype = image.points[slot].datatype
        before, value = (_decoded(datatype, one.value) for one in (alteration.before, alteration.after))
        if value is not None:
            yield slot, before, value


def _group(datatype: DataType, members: list[tuple[int, Any, Any]]) -> NewValues:
    had = np.array([before is not None for _, before, _ in members], np.bool_)
    before: ValueArray = np.zeros(len(members), datatype.dtype)
    values: ValueArray = np.zeros(len(members), datatype.dtype)
    for row, (_, was, now) in enumerate(members):  # one by one: an array is one value
        values[row] = now
        if was is not None:
            before[row] = was
    return NewValues(datatype, np.array([slot for slot, _, _ in members], np.int32), had, before, values)


def _decoded(datatype: DataType, value: object) -> Any:  # noqa: ANN401 - any value of a built-in type
    return point_value(datatype, decode_variant(value)) if isinstance(value, bytes) else None


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(np.asarray(one), np.asarray(other))
    return one == other
