"""Values of any built-in type as JSON and back. What JSON has itself stays as it is, all else is a tagged list."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, cast
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
        how: list[tuple[type, Callable[[Any], Raw]]] = [
            (tuple, self._tuple),
            (bytes, _bytes_row),
            (UUID, _guid),
            (NodeName, self._node),
            (ExpandedNodeName, self._expanded),
            (QualifiedName, self._qualified),
            (LocalizedText, _text),
            (Structure, self._structure),
            (EncodedStructure, self._encoded),
            (DataValue, self._data_value),
            (Variant, self.variant),
            (Matrix, self._matrix),
            (DiagnosticInfo, self._diagnostics),
        ]
        self._how = dict(how)

    def write(self, value: Value) -> object:
        """Give a value as JSON has it."""
        return value if type(value) in _SCALARS else self._how[type(value)](value)

    def variant(self, value: Variant) -> Raw:
        """Give a Variant as JSON has it."""
        raw: Raw = ["v", int(value.type), self.write(value.value)]
        if value.dimensions is not None:
            raw.append(list(value.dimensions))
        return raw

    def _node(self, value: NodeName) -> Raw:
        return ["n", self._entries.node(value)]

    def _qualified(self, value: QualifiedName) -> Raw:
        return ["q", self._entries.name(value)]

    def _data_value(self, value: DataValue) -> Raw:
        return ["d", *map(self.write, value)]

    def _diagnostics(self, value: DiagnosticInfo) -> Raw:
        return ["i", *map(self.write, value)]

    def _tuple(self, values: tuple[Value, ...]) -> Raw:
        return ["t", *map(self.write, values)]

    def _expanded(self, value: ExpandedNodeName) -> Raw:
        return ["e", self._entries.node(value.node), value.server]

    def _structure(self, value: Structure) -> Raw:
        fields = {name: self.write(field) for name, field in value.fields.items()}
        return ["s", self._entries.node(value.type), fields]

    def _encoded(self, value: EncodedStructure) -> Raw:
        return ["u", self._entries.node(value.encoding), self.write(value.body)]

    def _matrix(self, value: Matrix) -> Raw:
        return ["m", list(value.dimensions), *map(self.write, value.elements)]


class ValueReader:
    """Reads values back, checking all of it."""

    def __init__(self, entries: Entries) -> None:
        """Use ``entries``."""
        self._entries = entries
        self._how: Mapping[str, Callable[[Raw], Value]] = {
            "t": self._tuple,
            "b": lambda raw: _bytes(*raw[1:]),
            "g": lambda raw: UUID(hex=the(str, raw[1])),
            "n": lambda raw: entries.node(raw[1]),
            "e": lambda raw: ExpandedNodeName(self._entries.node(raw[1]), _uint32(raw[2])),
            "q": lambda raw: entries.name(raw[1]),
            "l": _localized,
            "s": self._structure,
            "u": self._encoded,
            "d": self._data_value,
            "v": self.variant,
            "m": self._matrix,
            "i": self._diagnostics,
        }

    def read(self, raw: object) -> Value:
        """Give the value. Raises :class:`CompiledError`, and what Python raises for parts that are not there."""
        if type(raw) in _SCALARS:
            return cast("Value", raw)
        tagged = cast("Raw", the(list, raw))
        return self._how[the(str, tagged[0])](tagged)

    def variant(self, raw: object) -> Variant:
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

    def _tuple(self, raw: Raw) -> Value:
        read = self.read
        return tuple([read(one) for one in raw[1:]])

    def _structure(self, raw: Raw) -> Value:
        fields = cast("dict[str, object]", the(dict, raw[2]))
        return Structure(self._entries.node(raw[1]), {name: self.read(field) for name, field in fields.items()})

    def _encoded(self, raw: Raw) -> Value:
        body = self.read(raw[2])
        if body is None or isinstance(body, (str, bytes)):
            return EncodedStructure(self._entries.node(raw[1]), body)
        message = "not the body of a structure"
        raise CompiledError(message)

    def _matrix(self, raw: Raw) -> Value:
        return Matrix(_dimensions(raw[1]), tuple([self.read(one) for one in raw[2:]]))

    def _data_value(self, raw: Raw) -> Value:
        _, value, *numbers = raw
        given = None if value is None else self.variant(value)
        return DataValue(given, *map(_int_or_none, numbers))

    def _diagnostics(self, raw: Raw) -> Value:
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


def _bytes_row(value: bytes) -> Raw:
    return ["b", base64.b64encode(value).decode()]


def _guid(value: UUID) -> Raw:
    return ["g", value.hex]


def _text(value: LocalizedText) -> Raw:
    return ["l", *value]


def _check(kind: BuiltInType, value: Value) -> None:
    values = cast("tuple[Value, ...]", value) if type(value) is tuple else (value,)
    if value is None:  # the null value, the null array
        return
    if not set(map(type, values)) <= _KINDS[kind]:
        message = f"not a value of {kind.name}"
        raise CompiledError(message)
    bounds = _RANGES.get(kind)
    if bounds is not None:
        within(cast("list[int]", values), *bounds)


def _bytes(raw: object) -> bytes:
    return base64.b64decode(the(str, raw), validate=True)


def _localized(raw: Raw) -> LocalizedText:
    _, locale, text = raw
    return LocalizedText(text_or_none(locale), text_or_none(text))


def _dimensions(raw: object) -> tuple[int, ...]:
    return tuple(within(all_of(int, raw), 0, MAX_NUMERIC))


def _uint32(raw: object) -> int:
    return within([the(int, raw)], 0, MAX_NUMERIC)[0]


def _int_or_none(raw: object) -> int | None:
    return None if raw is None else within([the(int, raw)], -_INT64, 2 * _INT64 - 1)[0]
