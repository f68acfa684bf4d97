"""The nodes of a model as a NodeSet2 file says them (Part 6 v1.05 Annex F): every attribute, nothing lost.

A record a node, of one class for each of the eight NodeClasses. Attributes that the file leaves out have the defaults
of UANodeSet.xsd. Namespaces are named by URI everywhere.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from nodesets.built_in_types import LocalizedText, QualifiedName, Variant
from nodesets.names import NodeName
from nodesets.standard import BASE_DATA_TYPE


class NodeClass(enum.IntEnum):
    """NodeClasses by their numbers (Part 3 v1.05 8.29)."""

    OBJECT = 1
    VARIABLE = 2
    METHOD = 4
    OBJECT_TYPE = 8
    VARIABLE_TYPE = 16
    REFERENCE_TYPE = 32
    DATA_TYPE = 64
    VIEW = 128


class Reference(NamedTuple):
    """One reference, as the node it is written at has it."""

    type: NodeName
    target: NodeName
    forward: bool = True


class RolePermission(NamedTuple):
    """What a role may do (Part 3 v1.05 8.55, PermissionType)."""

    role: NodeName
    permissions: int


@dataclass(slots=True, kw_only=True)
class Node:
    """What nodes of all classes have. ``position`` counts a file's top elements from 0: it finds the node's place."""

    node_class: ClassVar[NodeClass]

    name: NodeName
    browse_name: QualifiedName
    display_name: tuple[LocalizedText, ...] = ()
    description: tuple[LocalizedText, ...] = ()
    references: tuple[Reference, ...] = ()
    write_mask: int = 0
    user_write_mask: int = 0
    access_restrictions: int | None = None
    role_permissions: tuple[RolePermission, ...] | None = None
    has_no_permissions: bool = False
    symbolic_name: str | None = None
    release_status: str = "Released"
    categories: tuple[str, ...] = ()
    documentation: str | None = None
    design_tool_only: bool = False
    extensions: tuple[str, ...] = ()
    """The XML of each ``Extension``, canonical (C14N)."""
    position: int = 0


@dataclass(slots=True, kw_only=True)
class InstanceNode(Node):
    """A node that may name its parent (UAInstance)."""

    parent: NodeName | None = None


@dataclass(slots=True, kw_only=True)
class TypeNode(Node):
    """A type (UAType)."""

    is_abstract: bool = False


@dataclass(slots=True, kw_only=True)
class ObjectNode(InstanceNode):
    """UAObject."""

    node_class: ClassVar[NodeClass] = NodeClass.OBJECT
    event_notifier: int = 0


@dataclass(slots=True, kw_only=True)
class ViewNode(InstanceNode):
    """UAView."""

    node_class: ClassVar[NodeClass] = NodeClass.VIEW
    contains_no_loops: bool = False
    event_notifier: int = 0


class Translation(NamedTuple):
    """Texts of an enumeration-like value in other languages: ``fields`` by name, or one ``text`` (F.13)."""

    texts: tuple[LocalizedText, ...] = ()
    fields: tuple[tuple[str, tuple[LocalizedText, ...]], ...] = ()


@dataclass(slots=True, kw_only=True)
class VariableNode(InstanceNode):
    """UAVariable. ``value`` is None where the file gives none; ExtensionObjects in it may wait to be decoded."""

    node_class: ClassVar[NodeClass] = NodeClass.VARIABLE
    value: Variant | None = None
    translations: tuple[Translation, ...] = ()
    data_type: NodeName = BASE_DATA_TYPE
    value_rank: int = -1
    array_dimensions: tuple[int, ...] = ()
    access_level: int = 1
    user_access_level: int = 1
    minimum_sampling_interval: float = 0.0
    historizing: bool = False


class MethodArgument(NamedTuple):
    """What a file says in words of one argument of a method (F.14)."""

    name: str
    descriptions: tuple[LocalizedText, ...] = ()


@dataclass(slots=True, kw_only=True)
class MethodNode(InstanceNode):
    """UAMethod."""

    node_class: ClassVar[NodeClass] = NodeClass.METHOD
    executable: bool = True
    user_executable: bool = True
    method_declaration: NodeName | None = None
    arguments: tuple[MethodArgument, ...] = ()


@dataclass(slots=True, kw_only=True)
class ObjectTypeNode(TypeNode):
    """UAObjectType."""

    node_class: ClassVar[NodeClass] = NodeClass.OBJECT_TYPE


@dataclass(slots=True, kw_only=True)
class VariableTypeNode(TypeNode):
    """UAVariableType."""

    node_class: ClassVar[NodeClass] = NodeClass.VARIABLE_TYPE
    value: Variant | None = None
    data_type: NodeName = BASE_DATA_TYPE
    value_rank: int = -1
    array_dimensions: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class ReferenceTypeNode(TypeNode):
    """UAReferenceType."""

    node_class: ClassVar[NodeClass] = NodeClass.REFERENCE_TYPE
    symmetric: bool = False
    inverse_name: tuple[LocalizedText, ...] = ()


@dataclass(slots=True, kw_only=True)
class DataTypeField:
    """One field of a structure, or one name of an enumeration or option set (F.12)."""

    name: str
    symbolic_name: str | None = None
    display_name: tuple[LocalizedText, ...] = ()
    description: tuple[LocalizedText, ...] = ()
    data_type: NodeName = BASE_DATA_TYPE
    value_rank: int = -1
    array_dimensions: tuple[int, ...] = ()
    max_string_length: int = 0
    value: int = -1
    """The number of an enumeration's name, or the bit of an option set's."""
    is_optional: bool = False
    allow_subtypes: bool = False


@dataclass(slots=True, kw_only=True)
class DataTypeDefinition:
    """What a DataType is made of (F.11). ``fields`` are the type's own, without inherited ones."""

    name: QualifiedName
    symbolic_name: str | None = None
    is_union: bool = False
    is_option_set: bool = False
    fields: tuple[DataTypeField, ...] = field(default_factory=tuple[DataTypeField, ...])


@dataclass(slots=True, kw_only=True)
class DataTypeNode(TypeNode):
    """UADataType. ``purpose``: ``Normal``, ``ServicesOnly`` or ``CodeGenerator``."""

    node_class: ClassVar[NodeClass] = NodeClass.DATA_TYPE
    definition: DataTypeDefinition | None = None
    purpose: str = "Normal"
