"""A device of the edge node: one DataSet's metrics with their aliases, and what its data and births are made of."""

# The seam on asyncua, in whose Variants columns of objects keep what clients wrote.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, cast
from uuid import UUID

import numpy as np
from asyncua import ua

from core.datatypes import DataType
from nodesets import units
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues
from server.pubsub.sparkplug.columns import Columns, gather
from server.pubsub.sparkplug.few import FEW, encode_one, gather_few
from server.pubsub.sparkplug.messages import encode_message
from server.pubsub.sparkplug.payload import Metric, PropertySet, PropertyValue
from server.pubsub.sparkplug.quality import QualityArray, qualities, quality_block, quality_of, quality_values
from server.pubsub.sparkplug.rows import MARK, LengthArray, NumberArray, Rows, encode
from server.pubsub.sparkplug.settings import UnsignedField
from server.pubsub.sparkplug.types import BAD, GOOD, SparkplugType, sparkplug_type
from server.pubsub.sparkplug.values import object_field
from server.pubsub.sparkplug.wire import delimited, varint

ObjectText = Callable[[int, object], str]
"""Gives an object of the field at a place as JSON: what has no Sparkplug type goes as String."""

_TEXTS: Final = frozenset({DataType.STRING, DataType.GUID})
_METRICS: Final = 2


@dataclass(frozen=True, slots=True)
class RetiredMetric:
    """A metric that is no more, of which data may still wait to be sent."""

    name: str
    alias: int
    kind: SparkplugType


class Device:
    """The metrics of one DataSet; one caller at a time.

    ``name``: the device id, empty for the node itself. ``names``, ``aliases`` and ``kinds`` go with ``fields``.
    """

    def __init__(
        self,
        name: str,
        fields: Sequence[DataSetField],
        names: Sequence[str],
        aliases: Sequence[int],
        object_text: ObjectText,
        unsigned: UnsignedField = "int",
        *,
        data_types: bool = False,
    ) -> None:
        """Prepare. ``data_types``: whether data tell their types, too.

        Raises :class:`ValueError` for two metrics of one name, which a host could not tell apart.
        """
        if len(set(names)) != len(names):
            twice = next(one for one in names if names.count(one) > 1)
            message = f"the device {name or 'of the node'} has two metrics named {twice}"
            raise ValueError(message)
        self.name = name
        self.fields = tuple(fields)
        self.names = tuple(names)
        self.kinds = tuple(map(sparkplug_type, fields))
        self.aliases = tuple(aliases)
        self._aliases: NumberArray = np.array(aliases, np.uint64)
        self._kinds = np.array(self.kinds, np.uint8) if data_types else None
        self._text = object_text
        self._unsigned: UnsignedField = unsigned
        self._fronts = [MARK + b"\x10" + varint(alias) for alias in aliases]
        self._types = [bytes((0x20, kind)) if data_types else b"" for kind in self.kinds]
        self._told: QualityArray = np.full(len(fields), GOOD, np.int16)
        self.is_lost = False
        """Whether the last that was told of each metric is that it is Bad."""
        self._properties = [_properties(field) for field in fields]
        self._born: list[bytes] = [self._description(place, 0) for place in range(len(fields))]

    def data(self, parts: Sequence[FieldValues]) -> tuple[bytes, LengthArray | list[int]]:
        """Encode values as metrics by alias; gives where each of them ends, too."""
        if sum(map(len, parts)) <= FEW:
            return self._few(parts)
        columns = gather(parts, self._object, self._unsigned)
        rows = Rows(
            self._aliases[columns.index],
            columns.milliseconds,
            columns.keys,
            columns.values,
            columns.lengths,
            columns.null,
            tails=columns.tails,
            kinds=None if self._kinds is None else self._kinds[columns.index],
        )
        self._add_quality(rows, columns)
        return encode(rows)

    def _few(self, parts: Sequence[FieldValues]) -> tuple[bytes, list[int]]:
        made = gather_few(parts, self._object, self._unsigned)
        told = self._told
        flagged = {place for place, _, status, _, _ in made if status or told[place] != GOOD}
        metrics: list[bytes] = []
        for one in made:
            place, status = one[0], one[2]
            block = b""
            if place in flagged:
                told[place] = quality_of(status)
                block = quality_block(status)
            metrics.append(encode_one(self._fronts[place], one, self._types[place], block))
        if flagged:
            self._look_for_loss()
        else:
            self.is_lost = False
        return b"".join(metrics), list(accumulate(map(len, metrics)))

    def birth(self, parts: Sequence[FieldValues], now: int) -> bytes:
        """Encode all metrics with names, types and properties; null where ``parts`` has no value.

        ``now``: milliseconds since 1970, for these.
        """
        made: list[bytes] = []
        there: set[int] = set()
        if any(map(len, parts)):
            columns = gather(parts, self._object, self._unsigned)
            places: list[int] = columns.index.tolist()
            codes: list[int] = columns.status.tolist()
            there.update(places)
            born = [
                self._description(place, code) if code else self._born[place]
                for place, code in zip(places, codes, strict=True)
            ]
            tails = born if columns.tails is None else list(map(bytes.__add__, columns.tails, born))
            rows = Rows(
                None, columns.milliseconds, columns.keys, columns.values, columns.lengths, columns.null, tails=tails
            )
            self._told[columns.index] = qualities(columns.status)
            self._look_for_loss()
            made.append(encode(rows)[0])
        nothing = encode_message(Metric(timestamp=now, is_null=True))
        for place, description in enumerate(self._born):
            if place not in there:
                made.append(delimited(_METRICS, nothing + description))
        return b"".join(made)

    def _description(self, place: int, status: int) -> bytes:
        values = {**self._properties[place], **quality_values(status)}
        return encode_message(
            Metric(
                name=self.names[place],
                alias=self.aliases[place],
                datatype=self.kinds[place],
                properties=PropertySet(list(values), list(values.values())),
            )
        )

    def _object(self, place: int, value: object) -> bytes:
        kind, field = self.kinds[place], self.fields[place]
        if isinstance(value, ua.Variant) and (kind is not SparkplugType.STRING or field.wire_type in _TEXTS):
            value = cast("object", value.Value)
        if kind not in (SparkplugType.STRING, SparkplugType.UUID):
            return object_field(kind, value, "")
        return object_field(kind, value, str(value) if _is_text(value, field) else self._text(place, value))

    def _add_quality(self, rows: Rows, columns: Columns) -> None:
        """Tell the quality of what is not Good, or was not when it was told of last; remember what is told."""
        told, index, status = self._told, columns.index, columns.status
        flagged = (status != 0) | (told[index] != GOOD)
        if not flagged.any():
            self.is_lost = False
            return
        told[index] = qualities(status)
        self._look_for_loss()
        # All rows of such a metric: in one message it may be Bad first and Good again.
        chosen = np.zeros(len(told), np.bool_)
        chosen[index[flagged]] = True
        codes, inverse = np.unique(status, return_inverse=True)
        rows.blocks = (b"", *map(quality_block, codes.tolist()))
        rows.properties = np.where(chosen[index], inverse.reshape(-1) + 1, 0)

    def _look_for_loss(self) -> None:
        self.is_lost = not (self._told != BAD).any()


def _properties(field: DataSetField) -> dict[str, PropertyValue]:
    """Give what a birth tells of a field beside its quality; the names are those that hosts look for."""
    made: dict[str, PropertyValue] = {}
    if field.unit:
        unit = units.by_code(field.unit)
        made["engUnit"] = _text_property(unit.symbol if unit is not None else field.unit)
    if field.range is not None:
        for key, value in zip(("engLow", "engHigh"), field.range, strict=True):
            made[key] = PropertyValue(type=SparkplugType.DOUBLE, double_value=float(value))
    if field.description:
        made["documentation"] = _text_property(field.description)
    made["nodeId"] = _text_property(field.node)
    return made


def _is_text(value: object, field: DataSetField) -> bool:
    return field.wire_type in _TEXTS and isinstance(value, str | UUID)


def _text_property(text: str) -> PropertyValue:
    return PropertyValue(type=SparkplugType.STRING, string_value=text)
