"""The 25 built-in types and the Python values that stand for them in a model (Part 6 v1.05 5.1.2).

Values name namespaces by URI and not by an index, so they mean the same in every file and in every run of a server.

=================  ==============================================================================
built-in type      Python value
=================  ==============================================================================
Boolean            ``bool``
SByte to UInt64    ``int``
Float, Double      ``float``
String             ``str``, or None for the null string
DateTime           ``int``: 100 ns ticks since 1601-01-01 UTC; 0 for null
Guid               ``uuid.UUID``
ByteString         ``bytes``, or None for null
XmlElement         ``str``, or None for null
NodeId             :class:`~nodesets.names.NodeName`; ``i=0`` for null
ExpandedNodeId     :class:`ExpandedNodeName`
StatusCode         ``int``
QualifiedName      :class:`QualifiedName`
LocalizedText      :class:`LocalizedText`
ExtensionObject    :class:`Structure`, :class:`EncodedStructure` where its type is not known, or None for null
DataValue          :class:`DataValue`
Variant            :class:`Variant`
DiagnosticInfo     :class:`DiagnosticInfo`
=================  ==============================================================================

An array is a plain ``tuple`` (``type(value) is tuple``: some of the classes above are named tuples), the null array
None. A matrix is a ``tuple`` of its elements in row-major order, with its dimensions beside it: in :class:`Variant`, or
as :class:`Matrix` in a field of a structure.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from nodesets.names import STANDARD_NAMESPACE, NodeName


class BuiltInType(enum.IntEnum):
    """Built-in types by their numbers; the members are called as the XML elements of their values are."""

    Null = 0
    Boolean = 1
    SByte = 2
    Byte = 3
    Int16 = 4
    UInt16 = 5
    Int32 = 6
    UInt32 = 7
    Int64 = 8
    UInt64 = 9
    Float = 10
    Double = 11
    String = 12
    DateTime = 13
    Guid = 14
    ByteString = 15
    XmlElement = 16
    NodeId = 17
    ExpandedNodeId = 18
    StatusCode = 19
    QualifiedName = 20
    LocalizedText = 21
    ExtensionObject = 22
    DataValue = 23
    Variant = 24
    DiagnosticInfo = 25


class QualifiedName(NamedTuple):
    """A name in a namespace. The null name is empty in the standard namespace."""

    namespace: str
    name: str | None


class LocalizedText(NamedTuple):
    """A text in a language; None for a part that is not there, which differs from an empty one."""

    locale: str | None
    text: str | None


class ExpandedNodeName(NamedTuple):
    """A node of this server (``server`` 0) or of another one, by its index in the ServerArray."""

    node: NodeName
    server: int = 0


class Variant(NamedTuple):
    """A value with its built-in type. ``dimensions`` is given for matrices only."""

    type: BuiltInType
    value: Value
    dimensions: tuple[int, ...] | None = None


class Matrix(NamedTuple):
    """A field of a structure that has two or more dimensions."""

    dimensions: tuple[int, ...]
    elements: tuple[Value, ...]


class DataValue(NamedTuple):
    """A value with status and times; None for parts that are not there. Picoseconds are units of 10 ps."""

    value: Variant | None = None
    status: int | None = None
    source_time: int | None = None
    source_picoseconds: int | None = None
    server_time: int | None = None
    server_picoseconds: int | None = None


class DiagnosticInfo(NamedTuple):
    """Diagnostics of a service; indexes point into a response's string table, so in a model they say little."""

    symbolic_id: int | None = None
    namespace_uri: int | None = None
    locale: int | None = None
    localized_text: int | None = None
    additional_info: str | None = None
    inner_status: int | None = None
    inner: DiagnosticInfo | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """A structure's value: its DataType and its fields by name.

    A field that is optional and absent is not in ``fields``. A union has the one field that is set, or none.
    """

    type: NodeName
    fields: dict[str, Value] = field(default_factory=dict[str, "Value"])


@dataclass(frozen=True, slots=True)
class EncodedStructure:
    """An ExtensionObject as it was encoded: its DataType or one of that type's encodings, and the body.

    ``body`` is XML text, bytes of the binary encoding, or None where there is no body. ``place`` in a file is kept by
    whoever reads it.
    """

    encoding: NodeName
    body: str | bytes | None


Value = (
    bool
    | int
    | float
    | str
    | bytes
    | UUID
    | NodeName
    | ExpandedNodeName
    | QualifiedName
    | LocalizedText
    | Structure
    | EncodedStructure
    | DataValue
    | Variant
    | Matrix
    | DiagnosticInfo
    | None
    | tuple["Value", ...]
)
"""Whatever a value, or a part of one, can be."""

NULL_NODE = NodeName(STANDARD_NAMESPACE, "i", 0)
NULL_NAME = QualifiedName(STANDARD_NAMESPACE, None)
NULL_TEXT = LocalizedText(None, None)
NULL_GUID = UUID(int=0)
