"""InstrumentRange: between which values a point may be written (Part 8 v1.05 5.3.2.2).

The clause lets a model use it to restrict a built-in type to a smaller range, so a value outside is none of the
variable's. EURange is another thing: what is likely in normal operation. The same clause says that clients may write
values outside it and leaves the answer to the server; here they are written, and only the binding's ``min`` and ``max``
and the InstrumentRange refuse them.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, cast

import numpy as np
from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from core.datatypes import DataType
from server.address_space.attributes import Attributes
from server.address_space.keys import NodeKey
from server.address_space.points import Points

_HAS_PROPERTY = int(ObjectIds.HasProperty)
_RANGE = int(ObjectIds.Range_Encoding_DefaultBinary)
_RANGE_VARIANT = Struct("<BBBHBi2d")
"""A Variant that holds a Range: ExtensionObject, its type's NodeId in four bytes, body of bytes, Low and High."""
_FOUR_BYTE_NODE_ID = 1


class InstrumentRanges:
    """Looks ranges up in the address space when something is written: a model that changes is followed."""

    def __init__(self, attributes: Attributes) -> None:
        """Look in the space of ``attributes``, at the nodes of its points."""
        self._attributes = attributes
        self._known: tuple[Points | None, dict[int, NodeKey]] = (None, {})

    def refusal(self, slot: int, value: Any) -> str:  # noqa: ANN401 - any value of a built-in type
        """Say why the point of ``slot`` cannot have ``value``; "" where it can.

        A range without a width (a type's default is 0 to 0) says nothing, and so does one for what is no number.
        """
        found = self._range(slot)
        if found is None:
            return ""
        points = self._attributes.points
        single = points is not None and points.image.points[slot].datatype is DataType.FLOAT
        low, high = (float(np.float32(limit)) if single else limit for limit in found)
        for number in _numbers(value):
            if not low <= number <= high:
                return f"{number} is outside {low:g}..{high:g}, its InstrumentRange"
        return ""

    def _range(self, slot: int) -> tuple[float, float] | None:
        key = self._keys().get(slot)
        space = self._attributes.space
        node = space.get(key) if key is not None else None
        for kind, target in node.forward if node is not None else ():
            held = space.get(target) if kind == _HAS_PROPERTY else None
            if held is None or held.browse_name != (0, "InstrumentRange"):
                continue
            variant = self._attributes.value(held).variant
            if variant is None or len(variant) != _RANGE_VARIANT.size:
                return None
            _, form, _, number, _, _, low, high = _RANGE_VARIANT.unpack(variant)
            return (low, high) if (form, number) == (_FOUR_BYTE_NODE_ID, _RANGE) and low < high else None
        return None

    def _keys(self) -> dict[int, NodeKey]:
        points = self._attributes.points
        if self._known[0] is not points:
            keys = {} if points is None else {slot: key for key, slot in points.slots.items()}
            self._known = (points, keys)
        return self._known[1]


def _numbers(value: Any) -> list[int | float]:  # noqa: ANN401 - as refusal
    """Give the numbers of a value, of an array's elements too."""
    held: object = value.Value if isinstance(value, ua.Variant) else value
    if isinstance(held, list | tuple):
        return [number for one in cast("list[object]", held) for number in _numbers(one)]
    plain = cast("np.generic", held).item() if isinstance(held, np.generic) else held
    return [plain] if isinstance(plain, int | float) and not isinstance(plain, bool) else []
