"""The columns that nodes' attributes travel in: how each field of a record is written, read back and checked.

What a node has in common with most others (the default) is not in a column at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from nodesets.built_in_types import Variant
from nodesets.compiled.problems import all_of, rows_of, text_or_none, the, within
from nodesets.compiled.tables import Entries, NewEntries, Raw, Texts
from nodesets.compiled.values import ValueReader, ValueWriter
from nodesets.names import MAX_NUMERIC, NodeName
from nodesets.nodes import DataTypeDefinition, DataTypeField, MethodArgument, RolePermission, Translation


class Tables(NamedTuple):
    """What a column is written with."""

    entries: NewEntries
    values: ValueWriter


class Known(NamedTuple):
    """What a column is read with."""

    entries: Entries
    values: ValueReader


@dataclass(frozen=True, slots=True)
class Column:
    """How the values of a field, of several nodes, are written and read."""

    write: Callable[[Tables, Sequence[object]], Raw]
    read: Callable[[Known, object], Sequence[object]]


def _as_is(read: Callable[[object], Sequence[object]]) -> Column:
    return Column(lambda _, values: list(values), lambda _, raw: read(raw))


def _whole(least: int, most: int) -> Column:
    return _as_is(lambda raw: within(all_of(int, raw), least, most))


def _numbers(raw: object) -> tuple[int, ...]:
    return tuple(within(all_of(int, raw), 0, MAX_NUMERIC))


def _node_names(tables: Tables, values: Sequence[object]) -> Raw:
    return [tables.entries.node(cast("NodeName", one)) for one in values]


def _texts(tables: Tables, values: Sequence[object]) -> Raw:
    return [tables.entries.texts(cast("Texts", one)) for one in values]


def _translations(tables: Tables, values: Sequence[object]) -> Raw:
    number = tables.entries.texts
    return [
        [[number(one.texts), [[name, number(texts)] for name, texts in one.fields]] for one in translations]
        for translations in cast("Sequence[tuple[Translation, ...]]", values)
    ]


def _read_translations(known: Known, raw: object) -> list[object]:
    def read(one: object) -> Translation:
        texts, fields = cast("Raw", the(list, one))
        pairs = [cast("Raw", the(list, pair)) for pair in cast("Raw", the(list, fields))]
        read_fields = tuple((the(str, name), known.entries.text(number)) for name, number in pairs)
        return Translation(known.entries.text(texts), read_fields)

    return [tuple(map(read, rows_of(rows))) for rows in rows_of(raw)]


def _arguments(tables: Tables, values: Sequence[object]) -> Raw:
    return [
        [[one.name, tables.entries.texts(one.descriptions)] for one in arguments]
        for arguments in cast("Sequence[tuple[MethodArgument, ...]]", values)
    ]


def _read_arguments(known: Known, raw: object) -> list[object]:
    def read(one: Raw) -> MethodArgument:
        name, texts = one
        return MethodArgument(the(str, name), known.entries.text(texts))

    return [tuple(map(read, rows_of(rows))) for rows in rows_of(raw)]


def _permissions(tables: Tables, values: Sequence[object]) -> Raw:
    return [
        [[tables.entries.node(one.role), one.permissions] for one in permissions]
        for permissions in cast("Sequence[tuple[RolePermission, ...]]", values)
    ]


def _read_permissions(known: Known, raw: object) -> list[object]:
    def read(one: Raw) -> RolePermission:
        role, permissions = one
        return RolePermission(known.entries.node(role), within([the(int, permissions)], 0, MAX_NUMERIC)[0])

    return [tuple(map(read, rows_of(rows))) for rows in rows_of(raw)]


def _definitions(tables: Tables, values: Sequence[object]) -> Raw:
    entries = tables.entries
    written: Raw = []
    for definition in cast("Sequence[DataTypeDefinition]", values):
        fields: Raw = []
        for one in definition.fields:
            row: Raw = [one.name, one.symbolic_name, entries.texts(one.display_name), entries.texts(one.description)]
            row += [entries.node(one.data_type), one.value_rank, list(one.array_dimensions), one.max_string_length]
            row += [one.value, one.is_optional, one.allow_subtypes]
            fields.append(row)
        name, symbol = entries.name(definition.name), definition.symbolic_name
        written.append([name, symbol, definition.is_union, definition.is_option_set, fields])
    return written


def _read_definitions(known: Known, raw: object) -> list[object]:
    found: list[object] = []
    for one in rows_of(raw):
        name, symbol, is_union, is_option_set, fields = one
        definition = DataTypeDefinition(
            name=known.entries.name(name),
            symbolic_name=text_or_none(symbol),
            is_union=the(bool, is_union),
            is_option_set=the(bool, is_option_set),
            fields=tuple(_field(known.entries, row) for row in rows_of(fields)),
        )
        found.append(definition)
    return found


def _field(known: Entries, row: Raw) -> DataTypeField:
    name, symbol, display_name, description, data_type, rank, dimensions, length, value, optional, subtypes = row
    return DataTypeField(
        name=the(str, name),
        symbolic_name=text_or_none(symbol),
        display_name=known.text(display_name),
        description=known.text(description),
        data_type=known.node(data_type),
        value_rank=within([the(int, rank)], -3, 0x7FFF_FFFF)[0],
        array_dimensions=_numbers(dimensions),
        max_string_length=within([the(int, length)], 0, MAX_NUMERIC)[0],
        value=within([the(int, value)], -(1 << 63), (1 << 63) - 1)[0],
        is_optional=the(bool, optional),
        allow_subtypes=the(bool, subtypes),
    )


_MASK = _whole(0, MAX_NUMERIC)
_BOOLEAN = _as_is(lambda raw: all_of(bool, raw))
_TEXT = _as_is(lambda raw: all_of(str, raw))
_NODE = Column(_node_names, lambda known, raw: known.entries.nodes(raw))
_LOCALIZED = Column(_texts, lambda known, raw: known.entries.texts(raw))
_STRINGS = Column(
    lambda _, values: [list(cast("tuple[str, ...]", one)) for one in values],
    lambda _, raw: [tuple(all_of(str, one)) for one in rows_of(raw)],
)

COLUMNS: Mapping[str, Column] = {
    "display_name": _LOCALIZED,
    "description": _LOCALIZED,
    "write_mask": _MASK,
    "user_write_mask": _MASK,
    "access_restrictions": _whole(0, 0xFFFF),
    "role_permissions": Column(_permissions, _read_permissions),
    "has_no_permissions": _BOOLEAN,
    "symbolic_name": _TEXT,
    "release_status": _TEXT,
    "categories": _STRINGS,
    "documentation": _TEXT,
    "design_tool_only": _BOOLEAN,
    "extensions": _STRINGS,
    "position": _whole(0, MAX_NUMERIC),
    "parent": _NODE,
    "is_abstract": _BOOLEAN,
    "event_notifier": _whole(0, 0xFF),
    "contains_no_loops": _BOOLEAN,
    "value": Column(
        lambda tables, values: [tables.values.variant(cast("Variant", one)) for one in values],
        lambda known, raw: [known.values.variant(one) for one in rows_of(raw)],
    ),
    "translations": Column(_translations, _read_translations),
    "data_type": _NODE,
    "value_rank": _whole(-3, 0x7FFF_FFFF),
    "array_dimensions": Column(
        lambda _, values: [list(cast("tuple[int, ...]", one)) for one in values],
        lambda _, raw: [_numbers(one) for one in rows_of(raw)],
    ),
    "access_level": _MASK,
    "user_access_level": _MASK,
    "minimum_sampling_interval": _as_is(lambda raw: all_of(float, raw)),
    "historizing": _BOOLEAN,
    "executable": _BOOLEAN,
    "user_executable": _BOOLEAN,
    "method_declaration": _NODE,
    "arguments": Column(_arguments, _read_arguments),
    "symmetric": _BOOLEAN,
    "inverse_name": _LOCALIZED,
    "definition": Column(_definitions, _read_definitions),
    "purpose": _TEXT,
}
"""By the field's name. What every node has (NodeId, BrowseName, references) stands elsewhere."""
