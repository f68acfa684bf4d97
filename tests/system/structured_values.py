"""What a client makes of a value, as plain data: the same from a model's records and from a foreign client's answer.

A structure is ``{"": its type's name, field: value}``, with those optional fields that are there; a union has the one
field that is set. Wide integers are texts, ByteStrings are Base64, a LocalizedText is ``[locale, text]``, a Variant is
``{"type": …, "value": …}``. Arrays that are null and arrays that are empty are both ``[]``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Any

from core.time import TICKS_PER_MILLISECOND, to_datetime
from nodesets.built_in_types import (
    BuiltInType,
    ExpandedNodeName,
    LocalizedText,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName

_WIDE = (BuiltInType.Int64, BuiltInType.UInt64)
_OPTION_SET = NodeName.standard(12755)


class Plain:
    """Makes records' values plain, for one server."""

    def __init__(self, types: TypeRegistry, nodeid: Callable[[NodeName], str]) -> None:
        """``nodeid`` writes a NodeId with the index of the day."""
        self._types = types
        self._nodeid = nodeid

    def variant(self, variant: Variant) -> dict[str, Any]:
        """Give a Variant."""
        return {"type": variant.type.name, "value": self._value(variant.value, variant.type)}

    def _value(self, value: Value, kind: BuiltInType) -> Any:
        if type(value) is tuple:
            return [self._value(one, kind) for one in value]
        if isinstance(value, Structure):
            return self._structure(value)
        if isinstance(value, Variant):
            return self.variant(value)
        return self._named(value) if isinstance(value, tuple) else self._scalar(value, kind)

    def _named(self, value: Value) -> Any:
        """Give what has parts."""
        match value:
            case LocalizedText():
                return [value.locale, value.text]
            case NodeName():
                return self._nodeid(value)
            case ExpandedNodeName():
                return self._nodeid(value.node)
            case _:
                message = f"no plain form of {value!r}"
                raise TypeError(message)

    def _scalar(self, value: Value, kind: BuiltInType) -> Any:
        if isinstance(value, bytes):
            return b64encode(value).decode()
        if isinstance(value, int) and kind is BuiltInType.DateTime:
            return f"{to_datetime(value):%Y-%m-%dT%H:%M:%S}.{value // TICKS_PER_MILLISECOND % 1000:03}Z"
        return str(value) if kind in _WIDE else value

    def _structure(self, structure: Structure) -> dict[str, Any]:
        node = self._types.node(structure.type)
        assert node is not None
        fields: dict[str, FieldDescription] = {}
        if not self._types.is_subtype(structure.type, _OPTION_SET):
            fields = {field.name: field for field in self._types.structure(structure.type).fields}
        made: dict[str, Any] = {"": str(node.browse_name.name).replace("3D", "ThreeD")}
        for name, value in structure.fields.items():
            field = fields.get(name)
            told = self._value(value, field.built_in if field is not None else BuiltInType.ByteString)
            made[name] = [] if told is None and field is not None and field.rank != -1 else told
        return made


def differences(told: Any, wanted: Any, path: str = "") -> list[str]:
    """Give where two plain values differ; numbers are compared as such."""
    if isinstance(told, dict) and isinstance(wanted, dict):
        found: list[str] = []
        for name in {**wanted, **told}:
            if name in told and name in wanted:
                found += differences(told[name], wanted[name], f"{path}.{name}")
            else:
                found.append(f"{path}.{name} is {'not there' if name in wanted else 'there'}")
        return found
    if isinstance(told, list) and isinstance(wanted, Sequence) and len(told) == len(wanted):
        pairs = enumerate(zip(told, wanted, strict=True))
        return [one for index, (left, right) in pairs for one in differences(left, right, f"{path}[{index}]")]
    return [] if told == wanted else [f"{path}: {told!r}, not {wanted!r}"]
