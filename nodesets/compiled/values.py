"""Values of any built-in type as JSON and back. What JSON has itself stays as it is, all else is a tagged list."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.compiled.problems import CompiledError, all_of, text_or_none, the, within
from nodesets.compiled.tables import Entries, NewEntries, Raw
from nodesets.names import MAX_NUMERIC, NodeName

_SLICE = 1 << 14
_SCALARS = frozenset({bool, int, float, str, type(None)})
_INT64 = 1 << 63
_RANGES = {
    BuiltInType.SByte: (-0x80, 0x7F),
    BuiltInType.Byte: (0, 0xFF),
    BuiltInType.Int16: (-0x8000, 0x7FFF),
    BuiltInType.UInt16: (0, 0xFFFF),
    BuiltInType.Int32: (-0x8000_0000, 0x7FFF_FFFF),
    BuiltInType.UInt32: (0, MAX_NUMERIC),
    BuiltInType.Int64: (-_INT64, _INT64 - 1),
    BuiltInType.UInt64: (0, 2 * _INT64 - 1),
    BuiltInType.DateTime: (-_INT64, _INT64 - 1),
    BuiltInType.StatusCode: (0, MAX_NUMERIC),
}
_NONE = type(None)
_KINDS: Mapping[BuiltInType, frozenset[type]] = {
    BuiltInType.Null: frozenset({_NONE}),
    BuiltInType.Boolean: frozenset({bool}),
    **{kind: frozenset({int}) for kind in _RANGES},
    BuiltInType.Float: frozenset({float}),
    BuiltInType.Double: frozenset({float}),
    BuiltInType.String: frozenset({str, _NONE}),
    BuiltInType.Guid: frozenset({UUID}),
    BuiltInType.ByteString: frozenset({bytes, _NONE}),
    BuiltInType.XmlElement: frozenset({str, _NONE}),
    BuiltInType.NodeId: frozenset({NodeName}),
    BuiltInType.ExpandedNodeId: frozenset({ExpandedNodeName}),
    BuiltInType.QualifiedName: frozenset({QualifiedName}),
    BuiltInType.LocalizedText: frozenset({LocalizedText}),
    BuiltInType.ExtensionObject: frozenset({Structure, EncodedStructure, _NONE}),
    BuiltInType.DataValue: frozenset({DataValue}),
    BuiltInType.Variant: frozenset({Variant, _NONE}),
    BuiltInType.DiagnosticInfo: frozenset({DiagnosticInfo, _NONE}),
}
"""What a value of each type may be in Python: a file's value is wrong or is one of these."""


class ValueWriter:
    """Writes values; NodeIds and names go into the tables."""

    def __init__(self, entries: NewEntries) -> None:
        """Use ``entries``."""
        self._entries = entries

    def write(self, value: Value) -> object:
        """Give a value as JSON has it."""
        return value if type(value) in _SCALARS else self.written[type(value)](self, value)

    def variant(self: ValueWriter, value: Variant) -> Raw:
        """Give a Variant as JSON has it."""
        raw: Raw = ["v", int(value.type), self.write(value.value)]
        if value.dimensions is not None:
            raw.append(list(value.dimensions))
        return raw

    def _node(self: ValueWriter, value: NodeName) -> Raw:
        return ["n", self._entries.node(value)]

    def _qualified(self: ValueWriter, value: QualifiedName) -> Raw:
        return ["q", self._entries.name(value)]

    def _data_value(self: ValueWriter, value: DataValue) -> Raw:
        return ["d", *map(self.write, value)]

    def _diagnostics(self: ValueWriter, value: DiagnosticInfo) -> Raw:
        return ["i", *map(self.write, value)]

    def _tuple(self: ValueWriter, values: tuple[Value, ...]) -> Raw:
        return ["t", *map(self.write, values)]

    def _expanded(self: ValueWriter, value: ExpandedNodeName) -> Raw:
        return ["e", self._entries.node(value.node), value.server]

    def _structure(self: ValueWriter, value: Structure) -> Raw:
        fields = {name: self.write(field) for name, field in value.fields.items()}
        return ["s", self._entries.node(value.type), fields]

    def _encoded(self: ValueWriter, value: EncodedStructure) -> Raw:
        return ["u", self._entries.node(value.encoding), self.write(value.body)]

    def _matrix(self: ValueWriter, value: Matrix) -> Raw:
        return ["m", list(value.dimensions), *map(self.write, value.elements)]

    # Of the class, as is ModelLines.taken: bound methods would be a circle.
    written: ClassVar[Mapping[type, Callable[[ValueWriter, Any], Raw]]] = {
        tuple: _tuple,
        bytes: lambda _, value: ["b", base64.b64encode(value).decode()],
        UUID: lambda _, value: ["g", value.hex],
        NodeName: _node,
        ExpandedNodeName: _expanded,
        QualifiedName: _qualified,
        LocalizedText: lambda _, value: ["l", *value],
        Structure: _structure,
        EncodedStructure: _encoded,
        DataValue: _data_value,
        Variant: variant,
        Matrix: _matrix,
        DiagnosticInfo: _diagnostics,
    }
    """How the values of each class are written."""


class ValueReader:
    """Reads values back, checking all of it."""

    def __init__(self, entries: Entries) -> None:
        """Use ``entries``."""
        self._entries = entries

    def read(self, raw: object) -> Value:
        """Give the value. Raises :class:`CompiledError`, and what Python raises for parts that are not there."""
        if type(raw) in _SCALARS:
            return cast("Value", raw)
        tagged = cast("Raw", the(list, raw))
        return self.tagged[the(str, tagged[0])](self, tagged)

    def variant(self: ValueReader, raw: object) -> Variant:
        """Give the Variant; its value is of its type."""
        tagged = cast("Raw", the(list, raw))
        if tagged[0] != "v":
            message = "not a Variant"
            raise CompiledError(message)
        kind = BuiltInType(the(int, tagged[1]))
        dimensions = _dimensions(tagged[3]) if len(tagged) > 3 else None  # noqa: PLR2004 - they are last
        return self.checked(Variant(kind, self.read(tagged[2]), dimensions))

    def checked(self, value: Variant) -> Variant:
        """Give a Variant whose value is of its type."""
        _check(value.type, value.value)
        return value

    def _tuple(self: ValueReader, raw: Raw) -> Value:
        read = self.read
        return tuple([read(one) for one in raw[1:]])

    def _structure(self: ValueReader, raw: Raw) -> Value:
        fields = cast("dict[str, object]", the(dict, raw[2]))
        return Structure(self._entries.node(raw[1]), {name: self.read(field) for name, field in fields.items()})

    def _encoded(self: ValueReader, raw: Raw) -> Value:
        body = self.read(raw[2])
        if body is None or isinstance(body, (str, bytes)):
            return EncodedStructure(self._entries.node(raw[1]), body)
        message = "not the body of a structure"
        raise CompiledError(message)

    def _matrix(self: ValueReader, raw: Raw) -> Value:
        return Matrix(_dimensions(raw[1]), tuple([self.read(one) for one in raw[2:]]))

    def _data_value(self: ValueReader, raw: Raw) -> Value:
        _, value, *numbers = raw
        given = None if value is None else self.variant(value)
        return DataValue(given, *map(_int_or_none, numbers))

    def _diagnostics(self: ValueReader, raw: Raw) -> Value:
        _, symbol, namespace, locale, text, more, status, inner = raw
        below = self.read(inner)
        if below is not None and type(below) is not DiagnosticInfo:
            message = "not diagnostics"
            raise CompiledError(message)
        return DiagnosticInfo(
            _int_or_none(symbol),
            _int_or_none(namespace),
            _int_or_none(locale),
            _int_or_none(text),
            text_or_none(more),
            _int_or_none(status),
            below,
        )

    def _bytes(self: ValueReader, raw: Raw) -> Value:
        _, text = raw
        return base64.b64decode(the(str, text), validate=True)

    def _guid(self: ValueReader, raw: Raw) -> Value:
        return UUID(hex=the(str, raw[1]))

    def _node(self: ValueReader, raw: Raw) -> Value:
        return self._entries.node(raw[1])

    def _expanded(self: ValueReader, raw: Raw) -> Value:
        return ExpandedNodeName(self._entries.node(raw[1]), _uint32(raw[2]))

    def _qualified(self: ValueReader, raw: Raw) -> Value:
        return self._entries.name(raw[1])

    def _localized(self: ValueReader, raw: Raw) -> Value:
        _, locale, text = raw
        return LocalizedText(text_or_none(locale), text_or_none(text))

    tagged: ClassVar[Mapping[str, Callable[[ValueReader, Raw], Value]]] = {
        "t": _tuple,
        "b": _bytes,
        "g": _guid,
        "n": _node,
        "e": _expanded,
        "q": _qualified,
        "l": _localized,
        "s": _structure,
        "u": _encoded,
        "d": _data_value,
        "v": variant,
        "m": _matrix,
        "i": _diagnostics,
    }
    """How a value is read by its tag."""


def _check(kind: BuiltInType, value: Value) -> None:
    values = cast("tuple[Value, ...]", value) if type(value) is tuple else (value,)
    if value is None:  # the null value, the null array
        return
    kinds, bounds = _KINDS[kind], _RANGES.get(kind)
    # A million at once would hold whoever else is running for tens of milliseconds.
    for begin in range(0, len(values), _SLICE):
        part = values[begin : begin + _SLICE]
        if not set(map(type, part)) <= kinds:
            message = f"not a value of {kind.name}"
            raise CompiledError(message)
        if bounds is not None:
            within(cast("list[int]", part), *bounds)


def _dimensions(raw: object) -> tuple[int, ...]:
    return tuple(within(all_of(int, raw), 0, MAX_NUMERIC))


def _uint32(raw: object) -> int:
    return within([the(int, raw)], 0, MAX_NUMERIC)[0]


def _int_or_none(raw: object) -> int | None:
    return None if raw is None else within([the(int, raw)], -_INT64, 2 * _INT64 - 1)[0]
