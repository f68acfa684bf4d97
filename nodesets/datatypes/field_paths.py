"""Paths to single values within structures, as people write them: ``Origin.X``, ``Axes[2].Speed``."""

from __future__ import annotations

import re
from typing import NamedTuple

from core.errors import PlantspaceError
from core.settings import nearest
from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import FieldDescription, StructureDescription
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName

Step = str | int
"""A field's name, or the index of an array's element."""
FieldPath = tuple[Step, ...]

MAX_INDEX = 4095
"""A path makes an array as long as it needs; a slip of the pen must not make it gigabytes."""
_INDEX = re.compile(r"\[([0-9]{1,9})\]")
_SHOWN = 8


class FieldPathError(PlantspaceError):
    """A path leads to no single value; ``problem`` and ``mend`` say why and what to write."""

    def __init__(self, *, problem: str, mend: str) -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} ({mend})")


class ResolvedField(NamedTuple):
    """A single value within a structure: the way to it, its DataType and how it is encoded."""

    path: FieldPath
    data_type: NodeName
    built_in: BuiltInType
    is_optional: bool = False
    """Whether values may go without it."""

    @property
    def text(self) -> str:
        """Give the path as it is written, in its one form."""
        return path_text(self.path)


def path_text(path: FieldPath) -> str:
    """Write a path."""
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def resolve_field(text: str, data_type: NodeName, registry: TypeRegistry) -> ResolvedField:
    """Follow a path into a structure.

    Raises :class:`FieldPathError`, and :class:`~nodesets.datatypes.problems.DataTypeError` for a type that is not
    described.
    """
    path: list[Step] = []
    rest = text
    while True:
        described = registry.structure(data_type)
        so_far = path_text(tuple(path))
        if described.is_union:
            problem = f"{so_far or 'it'} is of the union {described.name}, of which one field at a time is set"
            raise FieldPathError(problem=problem, mend="bind fields of structures; a union stays whole, as memory")
        field = _field(described, so_far, rest)
        rest = rest[len(field.name) :]
        path.append(field.name)
        rest = _element(field, path, rest)
        if not rest:
            found = _leaf(field, tuple(path), registry)
            return found._replace(is_optional=described.has_mask and field.is_optional and field.rank == -1)
        if not field.is_inline:
            raise FieldPathError(problem=_why_opaque(field, path_text(tuple(path))), mend="end the path here")
        rest = rest.removeprefix(".")
        data_type = field.data_type


def proposed_fields(data_type: NodeName, registry: TypeRegistry) -> list[str]:
    """Give fields of a structure, to be proposed. Raises as :func:`resolve_field`."""
    return [one.name for one in registry.structure(data_type).fields][:_SHOWN]


def _field(described: StructureDescription, so_far: str, rest: str) -> FieldDescription:
    """Give the field that the rest of a path begins with; the longest name counts, should names hold dots."""
    found = [one for one in described.fields if _begins(rest, one.name)]
    if found:
        return max(found, key=lambda one: len(one.name))
    name = re.split(r"[.\[]", rest, maxsplit=1)[0]
    known = [one.name for one in described.fields]
    begin = f"{so_far}." if so_far else ""
    near = nearest(name, known)
    mend = f"did you mean {begin}{near}?" if near else f"it has {', '.join(known[:_SHOWN]) or 'no fields'}"
    raise FieldPathError(problem=f"{so_far or described.name} has no field {name!r}", mend=mend)


def _begins(path: str, name: str) -> bool:
    return path.startswith(name) and path[len(name) :][:1] in ("", ".", "[")


def _element(field: FieldDescription, path: list[Step], rest: str) -> str:
    """Take an element's index off the rest of a path, where there is one and there must be."""
    here = path_text(tuple(path))
    match = _INDEX.match(rest)
    if field.rank > 1:
        raise FieldPathError(
            problem=f"{here} is a matrix", mend="bind single values, or elements of arrays of one dimension"
        )
    if match is None:
        if field.rank == 1:
            raise FieldPathError(problem=f"{here} is an array", mend=f"name its elements: {here}[0]")
        if rest.startswith("["):
            raise FieldPathError(problem=f"{here} is no array", mend=f"leave {rest.partition(']')[0]}] away")
        return rest
    if field.rank != 1:
        raise FieldPathError(problem=f"{here} is no array", mend=f"leave {match[0]} away")
    index = int(match[1])
    bound = field.array_dimensions[0] if field.array_dimensions and field.array_dimensions[0] else MAX_INDEX + 1
    if index >= min(bound, MAX_INDEX + 1):
        raise FieldPathError(
            problem=f"{here} has no element {index}", mend=f"its last one is {min(bound, MAX_INDEX + 1) - 1}"
        )
    path.append(index)
    rest = rest[match.end() :]
    if rest[:1] not in ("", "."):
        raise FieldPathError(problem=f"{here}[{index}] is no array", mend="separate fields by dots")
    return rest


def _leaf(field: FieldDescription, path: FieldPath, registry: TypeRegistry) -> ResolvedField:
    here = path_text(path)
    if field.is_inline:
        inner = registry.structure(field.data_type)
        if inner.is_union:
            problem = f"{here} is of the union {inner.name}, of which one field at a time is set"
            raise FieldPathError(problem=problem, mend="bind fields of structures; a union stays whole, as memory")
        fields = ", ".join(f"{here}.{one.name}" for one in inner.fields[:_SHOWN])
        raise FieldPathError(problem=f"{here} is a structure", mend=f"bind its fields: {fields}")
    if field.built_in in (BuiltInType.ExtensionObject, BuiltInType.Variant):
        raise FieldPathError(problem=_why_opaque(field, here), mend="bind fields whose types are fixed")
    return ResolvedField(path, field.data_type, field.built_in)


def _why_opaque(field: FieldDescription, here: str) -> str:
    if field.built_in is BuiltInType.ExtensionObject:
        return f"{here} may hold any subtype of {field.type_tag}, so its fields are not known"
    if field.built_in is BuiltInType.Variant:
        return f"{here} may hold values of several types"
    return f"{here} is {field.built_in.name}, which has no fields"
