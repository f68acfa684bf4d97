"""What changed in a DataType, and whether values of it are encoded otherwise now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

from nodesets.differences.difference import Change
from nodesets.names import NodeName
from nodesets.nodes import DataTypeDefinition, DataTypeField
from nodesets.parsing.attributes import OF_FIELD

Renamed = Callable[[NodeName], NodeName]
"""Gives the NodeId that a node has now."""

_ENCODING = "values that were encoded before, by devices, clients and in history, are read wrongly"
_NUMBER = "the number means something else to clients, and in history"
_GONE = "clients and history may hold this number"
_LAYOUT = ("data_type", "value_rank", "is_optional", "allow_subtypes")
_LABELS = {name: key for key, (name, _) in OF_FIELD.items()} | {"display_name": "DisplayName"}
_LABELS["description"] = "Description"


def definition_changes(
    old: DataTypeDefinition | None, new: DataTypeDefinition | None, renamed: Renamed, *, is_structure: bool
) -> Iterator[Change]:
    """Give what is different between two definitions of one DataType."""
    if old is None or new is None:
        if old is not new:
            yield Change("DataTypeDefinition", old, new, _ENCODING if is_structure and old is not None else "")
        return
    for what in ("name", "symbolic_name"):
        if getattr(old, what) != getattr(new, what):
            yield Change(f"DataTypeDefinition {_LABELS[what]}", getattr(old, what), getattr(new, what))
    for what, label in (("is_union", "IsUnion"), ("is_option_set", "IsOptionSet")):
        if getattr(old, what) != getattr(new, what):
            yield Change(label, getattr(old, what), getattr(new, what), _ENCODING)
    yield from _fields(old, new, renamed, is_structure=is_structure)


def _fields(
    old: DataTypeDefinition, new: DataTypeDefinition, renamed: Renamed, *, is_structure: bool
) -> Iterator[Change]:
    before, after = ({field.name: field for field in one.fields} for one in (old, new))
    for name, field in before.items():
        if name not in after:
            yield Change(f"Field {name}", field, None, _ENCODING if is_structure else _GONE)
        else:
            yield from _field(field, after[name], renamed, is_structure=is_structure)
    for name, field in after.items():
        if name not in before:
            yield Change(f"Field {name}", None, field, _ENCODING if is_structure else "")
    kept_before, kept_after = [one for one in before if one in after], [one for one in after if one in before]
    if kept_before != kept_after:
        yield Change("order of fields", tuple(before), tuple(after), _ENCODING if is_structure else "")


def _field(old: DataTypeField, new: DataTypeField, renamed: Renamed, *, is_structure: bool) -> Iterator[Change]:
    for one in fields(old):
        before: object = getattr(old, one.name)
        after: object = getattr(new, one.name)
        if isinstance(before, NodeName):
            before = renamed(before)
        if before != after:
            breaks = ""
            if is_structure and one.name in _LAYOUT:
                breaks = _ENCODING
            elif not is_structure and one.name == "value":
                breaks = _NUMBER
            yield Change(f"Field {old.name} {_LABELS[one.name]}", before, after, breaks)
