"""Values of variables as people write them in a configuration, checked against the variable's DataType."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn, cast

from core.errors import PlantspaceError
from core.settings import nearest
from nodesets.built_in_types import (
    BuiltInType,
    ExpandedNodeName,
    LocalizedText,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.defaults import default_of_field
from nodesets.datatypes.description import StructureDescription
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_texts import PLAIN, TextProblem
from nodesets.names import NodeName, NodeNameError
from nodesets.units import UNECE_URI, by_code, by_symbol

_RANGE, _EU_INFORMATION = NodeName.standard(884), NodeName.standard(887)
_ENUMERATION = NodeName.standard(29)
_SPAN = re.compile(r"\s*(.+?)\s*\.\.\s*(.+?)\s*")
_BETWEEN = "|"
_SCALAR, _SCALAR_OR_ONE, _ANY = -1, -3, -2
_TEXTS = {BuiltInType.String, BuiltInType.XmlElement, BuiltInType.LocalizedText, BuiltInType.QualifiedName}
_MOST_SHOWN = 8


class WrittenValueError(PlantspaceError):
    """A value is not of its variable's type; ``problem`` and ``mend`` say why and what to write."""

    def __init__(self, problem: str, mend: str = "") -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(problem)


def written_value(given: object, data_type: NodeName, rank: int, types: TypeRegistry, *, cell: bool = False) -> Variant:
    """Read a value of a variable with this DataType and ValueRank; ``cell``: it stands in a table, as text alone.

    Raises :class:`WrittenValueError`.
    """
    try:
        built_in = types.built_in(data_type)
        reader = _Reader(types, loose=cell)
        if rank == _SCALAR:
            return Variant(built_in, reader.one(given, data_type))
        if rank > 1:
            _refuse("the variable is a matrix, which cannot be written here", "write it into the NodeSet")
        items = given.split(_BETWEEN) if cell and isinstance(given, str) else given
        values = cast("list[object]", items) if isinstance(items, list) else None
        if values is not None and not (cell and len(values) == 1 and rank in (_SCALAR_OR_ONE, _ANY)):
            return Variant(built_in, tuple(reader.one(one, data_type) for one in values))
        if rank in (_SCALAR_OR_ONE, _ANY):
            return Variant(built_in, reader.one(given, data_type))
        _refuse(f"the variable is an array, and {_shown(given)} is one value", "write a list")
    except DataTypeError as error:
        raise WrittenValueError(problem=f"the DataType {error.type_name}: {error.problem}", mend=error.mend) from None


class _Reader:
    def __init__(self, types: TypeRegistry, *, loose: bool) -> None:
        """``loose``: texts stand for numbers too."""
        self._types = types
        self._loose = loose

    def one(self, given: object, data_type: NodeName) -> Value:
        """Read one value."""
        built_in = self._types.built_in(data_type)
        if built_in is BuiltInType.ExtensionObject:
            return self._structure(given, data_type)
        if built_in is BuiltInType.Variant:
            problem = f"the DataType {self._types.type_tag(data_type)} is abstract, so nothing can be written for it"
            _refuse(problem, "write the value into a NodeSet, or choose a type of the member that says more")
        if self._types.is_subtype(data_type, _ENUMERATION) and data_type != _ENUMERATION:
            return self._number_of(given, data_type)
        if built_in in _TEXTS:
            return self._text(given, built_in)
        if built_in in (BuiltInType.NodeId, BuiltInType.ExpandedNodeId):
            name = _node(given)
            return name if built_in is BuiltInType.NodeId else ExpandedNodeName(name)
        return self._plain(given, built_in)

    def _plain(self, given: object, built_in: BuiltInType) -> Value:
        read = PLAIN.get(built_in)
        if read is None:
            _refuse(f"a {built_in.name} cannot be written here", "write it into the NodeSet")
        is_number = BuiltInType.SByte <= built_in <= BuiltInType.Double
        if isinstance(given, bool):
            text, fits = str(given).lower(), built_in is BuiltInType.Boolean
        elif isinstance(given, (int, float)):
            whole = isinstance(given, float) and given.is_integer() and built_in < BuiltInType.Float
            text, fits = str(int(given) if whole else given), is_number
        else:
            text = given if isinstance(given, str) else ""
            fits = isinstance(given, str) and (self._loose or not is_number) and bool(text.strip())
        if not fits:
            _refuse(f"{_shown(given)} is no {built_in.name}", _example(built_in))
        try:
            return read({"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(text, text))
        except TextProblem as error:
            raise WrittenValueError(error.problem, error.mend) from None

    def _text(self, given: object, built_in: BuiltInType) -> Value:
        texts = cast("dict[str, object]", given) if isinstance(given, dict) else dict[str, object]()
        if built_in is BuiltInType.LocalizedText and len(texts) == 1:
            ((locale, text),) = texts.items()
            if isinstance(text, str):
                return LocalizedText(locale, text)
        if not isinstance(given, str):
            mend = f'put it in quotes: "{given}"' if isinstance(given, (int, float)) else "write a text"
            _refuse(f"{_shown(cast('object', given))} is no {built_in.name}", mend)
        if built_in is BuiltInType.LocalizedText:
            return LocalizedText(None, given)
        if built_in is BuiltInType.QualifiedName:
            prefix, sign, name = given.rpartition(";")
            return QualifiedName(prefix.removeprefix("nsu=") if sign else NodeName.standard(0).namespace, name)
        return given

    def _number_of(self, given: object, data_type: NodeName) -> int:
        described = self._types.enumeration(data_type)
        text = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
        number = described.numbers.get(text)
        if number is None and text.removeprefix("-").isdecimal() and int(text) in described.names:
            number = int(text)
        if number is None:
            near = nearest(text, described.numbers)
            mend = (
                f"did you mean {near}?" if near else f"write one of {', '.join(list(described.numbers)[:_MOST_SHOWN])}"
            )
            _refuse(f"{described.name} has no {_shown(given)}", mend)
        return number

    def _structure(self, given: object, data_type: NodeName) -> Structure:
        if isinstance(given, str) and data_type == _EU_INFORMATION:
            return _unit(given)
        if isinstance(given, str) and data_type == _RANGE and (match := _SPAN.fullmatch(given)):
            low, high = (self._loosely(text) for text in match.groups())
            return Structure(data_type, {"Low": low, "High": high})
        described = self._types.structure(data_type)
        if not isinstance(given, dict):
            names = ", ".join(field.name for field in described.fields[:_MOST_SHOWN])
            _refuse(f"{_shown(given)} is no {described.name}", f"write its fields in the configuration: {{{names}}}")
        return self._fields(cast("Mapping[str, object]", given), described)

    def _loosely(self, text: str) -> Value:
        return _Reader(self._types, loose=True).one(text, NodeName.standard(int(BuiltInType.Double)))

    def _fields(self, given: Mapping[str, object], described: StructureDescription) -> Structure:
        if described.is_union or described.is_abstract:
            _refuse(f"a {described.name} cannot be written here", "write it into the NodeSet")
        names = [field.name for field in described.fields]
        for name in given:
            if name not in names:
                near = nearest(name, names)
                mend = f"did you mean {near}?" if near else f"it has {', '.join(names[:_MOST_SHOWN])}"
                _refuse(f"{described.name} has no field {name!r}", mend)
        optional = {field.name for field in described.optional_fields} if described.has_mask else set[str]()
        fields: dict[str, Value] = {}
        for field in described.fields:
            if field.name in given:
                try:
                    fields[field.name] = self._field(given[field.name], field.data_type, field.rank)
                except WrittenValueError as error:
                    raise WrittenValueError(problem=f"{field.name}: {error.problem}", mend=error.mend) from None
            elif field.name not in optional:
                fields[field.name] = default_of_field(field, self._types)
        return Structure(described.type, fields)

    def _field(self, given: object, data_type: NodeName, rank: int) -> Value:
        return written_value(given, data_type, rank, self._types).value


def _unit(text: str) -> Structure:
    """Give the EUInformation of a unit's symbol or UNECE code (Part 8 v1.05 5.6.3.3)."""
    unit = by_symbol(text) or by_code(text)
    if unit is None:
        _refuse(f"there is no unit {text!r}", "write a symbol such as °C, bar, 1/min, or the UNECE code")
    return Structure(
        _EU_INFORMATION,
        {
            "NamespaceUri": UNECE_URI,
            "UnitId": unit.unit_id,
            "DisplayName": LocalizedText(None, unit.symbol),
            "Description": LocalizedText(None, unit.description),
        },
    )


def _node(given: object) -> NodeName:
    try:
        return NodeName.parse(given if isinstance(given, str) else "")
    except NodeNameError as error:
        raise WrittenValueError(error.problem, error.mend) from None


def _example(built_in: BuiltInType) -> str:
    if built_in is BuiltInType.Boolean:
        return "write true or false"
    if BuiltInType.SByte <= built_in <= BuiltInType.Double:
        return "write a number, without quotes"
    return {BuiltInType.DateTime: 'write "2024-05-01T12:00:00Z"'}.get(built_in, "write a text")


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 - what a line has room for


def _refuse(problem: str, mend: str = "") -> NoReturn:
    raise WrittenValueError(problem, mend)
