"""The Payload of a DataSetMessage (Part 14 v1.05 7.2.5.4), from columns and texts that are made once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np

from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, IndexArray
from server.pubsub.json.field_types import NO_TYPES, enumeration, field_type
from server.pubsub.json.objects import FieldType, ObjectTexts, Shown
from server.pubsub.json.settings import JsonForm
from server.pubsub.json.times import labelled_times
from server.pubsub.json.values import FEW, column_texts, status_text, text

_BAD: Final = 0x80000000
_UNCERTAIN: Final = 0x40000000
_NAMED: Final = ("verbose", "non-reversible")
"""The forms that give enumerations their names."""
_STATUS_TYPE, _DATA_VALUE_TYPE = 19, 23


class FieldEncoder:
    """Encodes the fields of one DataSet; the texts that do not change are made once.

    ``content`` are bits of DataSetFieldContentMask by name. Without StatusCode and a timestamp, fields are Variants;
    with any, they are DataValues, those that have no value to show without ``Value`` (Part 6 v1.05 5.4.2.18). In the
    verbose form a value has its type beside it only where the metadata leave it open, and never with RawData
    (Part 14 v1.05 7.2.5.4.3).
    """

    def __init__(
        self,
        fields: Sequence[DataSetField],
        content: Collection[str],
        form: JsonForm = "verbose",
        codec: StructureCodec = NO_TYPES,
    ) -> None:
        """Prepare the texts of ``fields``; ``codec`` has the types of the model that they are of."""
        self._form: JsonForm = form
        self._shows_status = "StatusCode" in content
        self._shows_source = "SourceTimestamp" in content
        self._shows_server = "ServerTimestamp" in content
        self._is_value = self._shows_status or self._shows_source or self._shows_server
        self._raw = "RawData" in content
        self._is_bare = form == "non-reversible" or (form == "verbose" and self._raw)
        self._types = [field_type(field, codec.types) for field in fields]
        self._names = [f",{text(field.name)}:" for field in fields]
        kinds = list(zip(fields, self._types, strict=True))
        openings = [self._opening(int(field.wire_type), kind) for field, kind in kinds]
        self._keys = [name + opening for name, opening in zip(self._names, openings, strict=True)]
        self._inner = "}" if form == "reversible" else ""
        outers = ["}" if opening.count("{") > len(self._inner) else "" for opening in openings]
        self._outers = outers if len(set(outers)) > 1 else None
        """What ends each field, where that is not the same for all."""
        self._outer = outers[0] if outers else ""
        self._objects = ObjectTexts(form, codec, raw=self._raw)
        self._enumerations = self._names_of_numbers(codec) if form in _NAMED else {}

    def payload(self, parts: Sequence[FieldValues]) -> str:
        """Give the Payload object; fields stand in the order of the DataSet."""
        if len(parts) == 1:
            return f"{{{''.join(self._field_texts(parts[0]))[1:]}}}"
        texts: list[str] = []
        places: list[IndexArray] = []
        for part in parts:
            texts += self._field_texts(part)
            places.append(part.index)
        if not places:
            return "{}"
        order: list[int] = np.argsort(np.concatenate(places), kind="stable").tolist()
        return f"{{{''.join([texts[place] for place in order])[1:]}}}"

    def _opening(self, number: int, kind: FieldType) -> str:
        """Give what stands between the name and a plain number of the built-in type ``number``."""
        if self._form == "reversible":
            return f'{{"Value":{{"Type":{number},"Body":' if self._is_value else f'{{"Type":{number},"Body":'
        if self._has_type(kind):
            return f'{{"UaType":{number},"Value":'
        return '{"Value":' if self._is_value else ""

    def _has_type(self, kind: FieldType) -> bool:
        return self._form == "compact" or not (self._is_bare or kind.is_fixed)

    def _names_of_numbers(self, codec: StructureCodec) -> dict[int, dict[str, str]]:
        """Give the texts of the numbers of each field that is an enumeration."""
        found: dict[int, dict[str, str]] = {}
        for place, kind in enumerate(self._types):
            if kind.is_enumeration and kind.data_type is not None:
                described = enumeration(kind.data_type, codec.types)
                names = described.names if described is not None else {}
                found[place] = {str(number): text(f"{name}_{number}") for number, name in names.items()}
        return found

    def _field_texts(self, part: FieldValues) -> list[str]:
        index: list[int] = part.index.tolist()
        ends = self._ends(part)
        values = column_texts(part.datatype, part.values, self._form)
        if values is None:
            return self._object_texts(part, index, ends)
        if self._enumerations:
            for place, field in enumerate(index):
                names = self._enumerations.get(field)
                if names is not None:
                    values[place] = names.get(values[place]) or f'"{values[place]}"'
        keys, inner = self._keys, self._inner
        if self._outers is not None:
            outers = self._outers
            ends = [ends] * len(index) if isinstance(ends, str) else ends
            texts = [
                f"{keys[field]}{value}{inner}{end}{outers[field]}"
                for field, value, end in zip(index, values, ends, strict=True)
            ]
        elif isinstance(ends, str):
            close = f"{inner}{ends}{self._outer}"
            texts = [f"{keys[field]}{value}{close}" for field, value in zip(index, values, strict=True)]
        else:
            outer = self._outer
            rows = zip(index, values, ends, strict=True)
            texts = [f"{keys[field]}{value}{inner}{end}{outer}" for field, value, end in rows]
        if part.empty is not None or not self._is_value:
            self._replace_unusable(part, index, values, ends, texts)
        return texts

    def _object_texts(self, part: FieldValues, index: list[int], ends: str | list[str]) -> list[str]:
        empty = part.empty.tolist() if part.empty is not None else None
        status: list[int] = part.status.tolist()
        texts: list[str] = []
        for place, field in enumerate(index):
            value = None if empty is not None and empty[place] else part.values[place]
            shown = self._objects.show(value, self._types[field])
            texts.append(self._whole(field, shown, ends if isinstance(ends, str) else ends[place], status[place]))
        return texts

    def _whole(self, field: int, shown: Shown | None, end: str, status: int) -> str:
        """Give a field with its name. A value that is Bad or Uncertain and no DataValue becomes one that says so."""
        name = self._names[field]
        if self._is_value:
            if shown is None:
                return f"{name}{{{end[1:]}}}"
            return f"{name}{{{shown.text}{end}}}" if shown.is_members else f'{name}{{"Value":{shown.text}{end}}}'
        if status & _BAD:
            return f"{name}{self._typed(_STATUS_TYPE, status_text(status, self._form))}"
        if status & _UNCERTAIN:
            members = "" if shown is None else f"{shown.text}," if shown.is_members else f'"Value":{shown.text},'
            value = f'{{{members}"Status":{status_text(status, self._form)}}}'
            return f"{name}{self._typed(_DATA_VALUE_TYPE, value)}"
        if shown is None:
            return f"{name}null" if self._form in _NAMED else ""
        return f"{name}{{{shown.text}}}" if shown.is_members else f"{name}{shown.text}"

    def _typed(self, number: int, value: str) -> str:
        """Give a Variant of a type that is not the field's (Part 14 v1.05 6.2.4.2)."""
        if self._is_bare:
            return value
        if self._form == "reversible":
            return f'{{"Type":{number},"Body":{value}}}'
        return f'{{"UaType":{number},"Value":{value}}}'

    def _replace_unusable(
        self, part: FieldValues, index: list[int], values: list[str], ends: str | list[str], texts: list[str]
    ) -> None:
        """Write those anew that have no value, and those Variants that are not Good."""
        empty = part.empty.tolist() if part.empty is not None else [False] * len(index)
        for place, (is_empty, status) in enumerate(zip(empty, part.status.tolist(), strict=True)):
            if is_empty or (status & (_BAD | _UNCERTAIN) and not self._is_value):
                field = index[place]
                end = ends if isinstance(ends, str) else ends[place]
                texts[place] = self._whole(field, None if is_empty else self._shown(field, values[place]), end, status)

    def _shown(self, field: int, value: str) -> Shown:
        """Give a plain number as objects are given."""
        opening = self._keys[field][len(self._names[field]) :]
        if self._has_type(self._types[field]) and self._form != "reversible":
            return Shown(f"{opening[1:]}{value}", is_members=True)
        return Shown(f"{opening}{value}{self._inner}" if self._inner else value)

    def _ends(self, part: FieldValues) -> str | list[str]:
        """Give what follows the values: one text for all, or one each."""
        if not self._is_value:
            return ""
        times: list[str | list[str]] = []
        if self._shows_source:
            times.append(labelled_times("SourceTimestamp", part.source_time))
        if self._shows_server:
            times.append(labelled_times("ServerTimestamp", part.server_time))
        status: str | list[str] = ""
        if self._shows_status and (any(part.status.tolist()) if len(part) <= FEW else part.status.any()):
            codes: list[int] = part.status.tolist()
            form = self._form
            known = {code: f',"Status":{status_text(code, form)}' if code else "" for code in set(codes)}
            status = [known[code] for code in codes]
        columns = [status, *times]
        if all(isinstance(column, str) for column in columns):
            return "".join(map(str, columns))
        spread = [[column] * len(part) if isinstance(column, str) else column for column in columns]
        return list(map("".join, zip(*spread, strict=True)))
