"""Structures taken apart into single fields and put together again."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Final, Union, cast

from nodesets.built_in_types import Structure, Value
from nodesets.datatypes.defaults import default_of_built_in, default_of_field, default_of_structure
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.field_paths import FieldPath, Step
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName


class Absence(enum.Enum):
    """What stands for a field that a value does not have."""

    ABSENT = enum.auto()


ABSENT: Final = Absence.ABSENT
Part = Value | Absence
_Tree = dict[Step, Union[int, "_Tree"]]


class FieldTree:
    """Chosen single fields of one structure DataType; ``paths`` as :func:`resolve_field` gave them, none twice.

    The parts of a value are its chosen fields in the order of ``paths``. Values given are never changed.
    """

    def __init__(self, data_type: NodeName, paths: Sequence[FieldPath], registry: TypeRegistry) -> None:
        """Lay out the tree of ``paths``."""
        self.data_type = data_type
        self.count = len(paths)
        self._registry = registry
        self._tree: _Tree = {}
        for position, path in enumerate(paths):
            branch = self._tree
            for step in path[:-1]:
                inner = branch.setdefault(step, {})
                assert isinstance(inner, dict)  # noqa: S101 - a path never ends where another goes on
                branch = inner
            branch[path[-1]] = position

    def complete(self, value: Structure | None) -> Structure:
        """Give ``value``, else the type's default, with all structures and elements that the paths lead through."""
        registry = self._registry
        whole = value if value is not None else default_of_structure(registry.structure(self.data_type), registry)
        return self._completed(whole, self._tree)

    def compose(self, value: Structure, parts: Sequence[Part]) -> Structure:
        """Put ``parts`` into a complete value. ABSENT leaves a field out, which only optional ones may be."""
        return _with_fields(value, self._tree, parts)

    def take_apart(self, value: Structure) -> list[Part]:
        """Give the parts of a value; ABSENT for those that it has not."""
        parts: list[Part] = [ABSENT] * self.count
        _collect(value, self._tree, parts)
        return parts

    def leaves_more(self, complete: Structure) -> bool:
        """Tell whether a value has anything beside its chosen fields."""
        return _more(complete, self._tree)

    def _completed(self, value: Structure, tree: _Tree) -> Structure:
        fields = dict(value.fields)
        described = {one.name: one for one in self._registry.structure(value.type).fields}
        for step, branch in tree.items():
            field = described[str(step)]
            if isinstance(branch, dict):
                held = fields.get(field.name)
                if field.rank == 1:
                    fields[field.name] = self._array(held, field, branch)
                    continue
                inner = held if isinstance(held, Structure) else default_of_field(field, self._registry)
                fields[field.name] = self._completed(_structure(inner), branch)
        return Structure(value.type, fields)

    def _array(self, held: Value, field: FieldDescription, tree: _Tree) -> tuple[Value, ...]:
        """Give an array that is long enough for its chosen elements."""
        elements = list(_elements(held))
        longest = 1 + max(int(step) for step in tree)
        if len(elements) < longest:
            scalar = default_of_field(field._replace(rank=-1), self._registry) if field.is_inline else None
            one = scalar if field.is_inline else default_of_built_in(field.built_in)
            elements += [one] * (longest - len(elements))
        for step, branch in tree.items():
            if isinstance(branch, dict):
                elements[int(step)] = self._completed(_structure(elements[int(step)]), branch)
        return tuple(elements)


def _structure(value: Value) -> Structure:
    assert isinstance(value, Structure)  # noqa: S101 - paths lead through inline structures only
    return value


def _with_fields(value: Structure, tree: _Tree, parts: Sequence[Part]) -> Structure:
    fields = dict(value.fields)
    for step, branch in tree.items():
        name = str(step)
        if isinstance(branch, int):
            part = parts[branch]
            if isinstance(part, Absence):
                fields.pop(name, None)
            else:
                fields[name] = part
            continue
        held = fields[name]
        is_structure = isinstance(held, Structure)
        fields[name] = _inside(held, branch, parts) if is_structure else _with_elements(held, branch, parts)
    return Structure(value.type, fields)


def _inside(held: Value, tree: _Tree, parts: Sequence[Part]) -> Structure:
    return _with_fields(_structure(held), tree, parts)


def _with_elements(held: Value, tree: _Tree, parts: Sequence[Part]) -> tuple[Value, ...]:
    elements = list(_elements(held))
    for step, branch in tree.items():
        index = int(step)
        if isinstance(branch, dict):
            elements[index] = _inside(elements[index], branch, parts)
            continue
        part = parts[branch]
        if not isinstance(part, Absence):
            elements[index] = part
    return tuple(elements)


def _more(value: Value, tree: _Tree) -> bool:
    inside = value.fields.items() if isinstance(value, Structure) else enumerate(_elements(value))
    for step, held in inside:
        branch = tree.get(step)
        if branch is None or (isinstance(branch, dict) and _more(held, branch)):
            return True
    return False


def _collect(value: Value, tree: _Tree, parts: list[Part]) -> None:
    for step, branch in tree.items():
        held: Part = ABSENT
        if isinstance(value, Structure):
            held = value.fields.get(str(step), ABSENT)
        else:
            elements = _elements(value)
            held = elements[int(step)] if int(step) < len(elements) else ABSENT
        if isinstance(branch, int):
            parts[branch] = held
        elif held is not ABSENT:
            _collect(held, branch, parts)


def _elements(value: Value) -> tuple[Value, ...]:
    """Give the elements of an array; the null array has none."""
    return cast("tuple[Value, ...]", value) if type(value) is tuple else ()
