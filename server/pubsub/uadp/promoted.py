"""Promoted fields: values in the header of the NetworkMessage, for who forwards it (Part 14 v1.05 7.2.4.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.errors import SettingError
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame
from server.pubsub.uadp.columns import FieldForm, uneven_rows
from server.pubsub.uadp.flags import FieldEncoding
from server.pubsub.uadp.objects import object_field

_VARIANT: Final = FieldForm(FieldEncoding.VARIANT)
_NULL: Final = b"\0"
_LARGEST: Final = 0xFFFF
"""Bytes of all promoted fields: their size is a UInt16."""


class PromotedFields:
    """The promoted fields of a DataSet, as they were last published: a delta frame may leave them out."""

    def __init__(self, fields: Sequence[DataSetField], kinds: Sequence[int], names: Sequence[str]) -> None:
        """Find the fields. ``kinds``: their built-in types.

        Raises :class:`~core.errors.SettingError` for names that the DataSet does not have.
        """
        places = {field.name: place for place, field in enumerate(fields)}
        unknown = [name for name in names if name not in places]
        if unknown:
            problem = f"the dataset has no field {', '.join(unknown)} to promote"
            raise SettingError(problem, "write names of its fields")
        self._fields = fields
        self._kinds = kinds
        # In the order of the DataSet (Part 14 v1.05 7.2.4.4.2).
        self._last = dict.fromkeys(sorted({places[name] for name in names}), _NULL)

    def take(self, frame: Frame) -> bytes:
        """Give the fields' Variants, with those of ``frame``. Ones that are too large are shown as null."""
        for part in frame.parts:
            for row in np.flatnonzero(np.isin(part.index, list(self._last))).tolist():
                place = int(part.index[row])
                if part.datatype.is_object:
                    empty = part.empty is not None and bool(part.empty[row])
                    value = None if empty else part.values[row]
                    status = int(part.status[row])
                    shown = object_field(
                        value, self._fields[place], self._kinds[place], FieldEncoding.VARIANT, status, None, None
                    )
                else:
                    shown = uneven_rows(_one(part, row), _VARIANT, indexed=False)[0].tobytes()
                self._last[place] = shown if len(shown) <= _LARGEST // len(self._last) else _NULL
        return b"".join(self._last.values())


def _one(part: FieldValues, row: int) -> FieldValues:
    chosen = slice(row, row + 1)
    return FieldValues(
        part.datatype,
        part.index[chosen],
        part.values[chosen],
        part.status[chosen],
        part.source_time[chosen],
        part.server_time[chosen],
        None if part.empty is None else part.empty[chosen],
    )
