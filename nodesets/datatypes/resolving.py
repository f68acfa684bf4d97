"""From DataTypeDefinitions to descriptions: inheritance, the encoding of each field, and what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import (
    Encodings,
    EnumerationDescription,
    FieldDescription,
    OptionSetDescription,
    StructureDescription,
    StructureKind,
    element_name,
)
from nodesets.datatypes.problems import DataTypeError
from nodesets.names import NodeName
from nodesets.nodes import DataTypeField, DataTypeNode

if TYPE_CHECKING:
    from nodesets.datatypes.registry import TypeRegistry

MAX_INLINE_SIZE = 4096
"""Fields of a value with all structures inside it: the default value of a hostile type is no larger."""
_MAX_INLINE_DEPTH = 64
_MAX_SUPERTYPES = 100
_STRUCTURE = NodeName.standard(22)
_UNION = NodeName.standard(12756)
_ENUMERATION = NodeName.standard(29)
_OPTION_SET = NodeName.standard(12755)
_UNSIGNED = {BuiltInType.Byte, BuiltInType.UInt16, BuiltInType.UInt32, BuiltInType.UInt64}
# Part 6 v1.05 5.2.7: the mask of optional fields is a UInt32.
_MAX_OPTIONAL = 32


def describe_structure(registry: TypeRegistry, name: NodeName) -> StructureDescription:
    """Describe a structure. Raises :class:`DataTypeError`."""
    described = _describe_fields(registry, name)
    _measure(registry, described, (), 0)
    return described


def describe_enumeration(registry: TypeRegistry, name: NodeName) -> EnumerationDescription:
    """Describe an enumeration with the names of its supertypes. Raises :class:`DataTypeError`."""
    if not registry.is_subtype(name, _ENUMERATION):
        raise DataTypeError(name, "it is no enumeration")
    names = _names(registry, name)
    numbers = {text: number for number, text in reversed(names.items())}
    return EnumerationDescription(type=name, name=_name_of(registry, name), names=names, numbers=numbers)


def describe_option_set(registry: TypeRegistry, name: NodeName) -> OptionSetDescription:
    """Describe an option set with the bits of its supertypes. Raises :class:`DataTypeError`."""
    built_in = registry.built_in(name)
    node = registry.node(name)
    declared = node is not None and node.definition is not None and node.definition.is_option_set
    # Bits under an unsigned type are an option set even where IsOptionSet is not said: they can be nothing else.
    unsigned = built_in in _UNSIGNED and node is not None and node.definition is not None
    if not (registry.is_subtype(name, _OPTION_SET) or declared or unsigned):
        raise DataTypeError(name, "it is no option set")
    names = _names(registry, name)
    bits = {text: bit for bit, text in reversed(names.items())}
    return OptionSetDescription(type=name, name=_name_of(registry, name), built_in=built_in, names=names, bits=bits)


def _describe_fields(registry: TypeRegistry, name: NodeName) -> StructureDescription:
    if registry.built_in(name) is not BuiltInType.ExtensionObject:
        raise DataTypeError(name, "it is no structure")
    node = registry.node(name)
    if node is None:
        raise DataTypeError(name, "the model does not have it", "add the NodeSet that defines it")
    lineage = _lineage(registry, name)
    fields = tuple(field for one in lineage for field in _own_fields(registry, one))
    _refuse_twins(name, fields)
    if len({one.tag for one in fields}) < len(fields):
        # SymbolicNames that are not unique name nothing; the names are unique.
        fields = tuple(one._replace(tag=element_name(one.name)) for one in fields)
    definitions = [one.definition for one in lineage if one.definition is not None]
    is_union = registry.is_subtype(name, _UNION) or any(one.is_union for one in definitions)
    encodings = registry.encodings(name)
    return StructureDescription(
        type=name,
        name=_name_of(registry, name),
        tag=registry.type_tag(name),
        kind=_kind(name, fields, is_union=is_union),
        is_abstract=node.is_abstract or name == _STRUCTURE,
        fields=fields,
        encodings=Encodings(
            binary=encodings.get("Default Binary"),
            xml=encodings.get("Default XML"),
            json=encodings.get("Default JSON"),
        ),
    )


def _lineage(registry: TypeRegistry, name: NodeName) -> list[DataTypeNode]:
    """Give the types below Structure that a type is made of, the most general first."""
    found: list[DataTypeNode] = []
    supertypes = registry.supertypes(name)
    if len(supertypes) > _MAX_SUPERTYPES:
        raise DataTypeError(name, f"it has {len(supertypes)} supertypes; up to {_MAX_SUPERTYPES} are followed")
    for one in (name, *supertypes):
        if one == _STRUCTURE:
            break
        node = registry.node(one)
        if node is None:
            raise DataTypeError(name, f"its supertype {one} is not in the model", "add the NodeSet that defines it")
        if node.definition is None and not node.is_abstract:
            whose = "it" if one == name else f"its supertype {one}"
            raise DataTypeError(name, f"{whose} has no Definition, so its fields are not known", "add its Definition")
        found.append(node)
    return found[::-1]


def _own_fields(registry: TypeRegistry, node: DataTypeNode) -> Iterator[FieldDescription]:
    definition = node.definition
    # The definition of an OptionSet's subtype names bits; its fields are OptionSet's (Part 3 v1.05 8.40).
    if definition is None or definition.is_option_set:
        return
    if node.name != _OPTION_SET and registry.is_subtype(node.name, _OPTION_SET):
        return
    for field in definition.fields:
        yield _describe_field(registry, node, field)


def _describe_field(registry: TypeRegistry, node: DataTypeNode, field: DataTypeField) -> FieldDescription:
    data_type = field.data_type
    try:
        built_in = registry.built_in(data_type)
    except DataTypeError as error:
        problem = f"its field {field.name} is of the DataType {data_type}: {error.problem}"
        raise DataTypeError(node.name, problem, error.mend) from None
    is_inline = False
    rank = field.value_rank
    if built_in is BuiltInType.ExtensionObject:
        target = registry.node(data_type)
        abstract = data_type == _STRUCTURE or (target is not None and target.is_abstract)
        is_inline = not (field.allow_subtypes or abstract)
    elif field.allow_subtypes:
        built_in = BuiltInType.Variant
    if rank != -1 and rank < 1:
        # A rank that is not fixed leaves it to the value to say its shape, as only a Variant does.
        built_in, is_inline, rank = BuiltInType.Variant, False, -1
    return FieldDescription(
        name=field.name,
        tag=element_name(field.symbolic_name or field.name),
        type_tag=registry.type_tag(data_type),
        owner=node.name,
        data_type=data_type,
        built_in=built_in,
        is_inline=is_inline,
        is_enumeration=built_in is BuiltInType.Int32 and registry.is_subtype(data_type, _ENUMERATION),
        rank=rank,
        array_dimensions=field.array_dimensions,
        max_string_length=field.max_string_length,
        is_optional=field.is_optional,
        allow_subtypes=field.allow_subtypes,
    )


def _refuse_twins(name: NodeName, fields: tuple[FieldDescription, ...]) -> None:
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            raise DataTypeError(name, f"it has two fields named {field.name}", "name inherited fields in the supertype")
        seen.add(field.name)


def _kind(name: NodeName, fields: tuple[FieldDescription, ...], *, is_union: bool) -> StructureKind:
    subtyped = any(one.allow_subtypes for one in fields)
    if is_union:
        return StructureKind.UNION_WITH_SUBTYPED_VALUES if subtyped else StructureKind.UNION
    optional = sum(one.is_optional for one in fields)
    if optional > _MAX_OPTIONAL:
        raise DataTypeError(name, f"it has {optional} optional fields; the mask has room for {_MAX_OPTIONAL}")
    if optional:
        return StructureKind.WITH_OPTIONAL_FIELDS
    return StructureKind.WITH_SUBTYPED_VALUES if subtyped else StructureKind.STRUCTURE


def _measure(registry: TypeRegistry, described: StructureDescription, outer: tuple[NodeName, ...], size: int) -> int:
    """Count the fields that every value of a structure has; refuse one that contains itself or explodes."""
    if described.type in outer or len(outer) > _MAX_INLINE_DEPTH:
        raise DataTypeError(described.type, "it contains itself", "make the field optional, or an array")
    for field in described.fields:
        size += 1
        if size > MAX_INLINE_SIZE:
            raise DataTypeError(described.type, f"a value of it has more than {MAX_INLINE_SIZE} fields")
        if not field.is_inline:
            continue
        endless = field.rank == -1 and not field.is_optional and not described.is_union
        try:
            inner = _fields_of(registry, field.data_type)
            if endless:
                size = _measure(registry, inner, (*outer, described.type), size)
        except DataTypeError as error:
            if error.type_name == described.type:
                raise
            problem = f"its field {field.name} is of the DataType {error.type_name}: {error.problem}"
            raise DataTypeError(described.type, problem, error.mend) from None
    return size


def _fields_of(registry: TypeRegistry, name: NodeName) -> StructureDescription:
    return registry.memo(("fields", name), lambda: _describe_fields(registry, name))


def _names(registry: TypeRegistry, name: NodeName) -> dict[int, str]:
    names: dict[int, str] = {}
    described = False
    for one in (name, *registry.supertypes(name)):
        node = registry.node(one)
        if node is None or node.definition is None or one == _OPTION_SET:
            continue
        described = True
        for field in node.definition.fields:
            names.setdefault(field.value, field.name)
    if not described:
        raise DataTypeError(name, "it has no Definition, so its names are not known", "add its Definition")
    return names


def _name_of(registry: TypeRegistry, name: NodeName) -> str:
    node = registry.node(name)
    return (node.browse_name.name if node else None) or registry.type_tag(name)
