"""What a NodeSet2 file says of its nodes, read as a stream and by our own eyes.

The outline is what validation works on and what loading is measured against: every node with its place, its attributes
as the file has them, and its references with namespaces by URI and aliases resolved. Values are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.errors import Finding, Place
from nodesets.names import NodeName


class NodeClass(StrEnum):
    """The element that a node is written as (Part 6 v1.05 F.6)."""

    OBJECT = "UAObject"
    VARIABLE = "UAVariable"
    METHOD = "UAMethod"
    VIEW = "UAView"
    OBJECT_TYPE = "UAObjectType"
    VARIABLE_TYPE = "UAVariableType"
    DATA_TYPE = "UADataType"
    REFERENCE_TYPE = "UAReferenceType"


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference of a node, as the file writes it."""

    type: NodeName
    target: NodeName
    forward: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a DataType's definition."""

    name: str
    data_type: NodeName
    place: Place


@dataclass(frozen=True, slots=True)
class OutlineNode:
    """One node. ``browse_name`` is (namespace URI, name); attributes that the file leaves out have their defaults."""

    name: NodeName
    node_class: NodeClass
    browse_name: tuple[str, str]
    place: Place
    parent: NodeName | None = None
    data_type: NodeName | None = None
    value_rank: int = -1
    array_dimensions: tuple[int, ...] = ()
    access_level: int = 1
    minimum_sampling_interval: float = 0.0
    historizing: bool = False
    executable: bool = True
    is_abstract: bool = False
    has_value: bool = False
    references: tuple[Reference, ...] = ()
    fields: tuple[Field, ...] = ()

    def targets(self, reference_type: NodeName, *, forward: bool = True) -> Iterator[NodeName]:
        """Give the nodes that references of exactly this type lead to."""
        return (ref.target for ref in self.references if ref.forward == forward and ref.type == reference_type)


@dataclass(frozen=True, slots=True)
class Outline:
    """All nodes of one file, in the file's order, and what was wrong with the text of single ones.

    ``complete`` is False where the XML broke off, so that nodes may be missing.
    """

    file: Path
    namespaces: tuple[str, ...]
    nodes: tuple[OutlineNode, ...]
    findings: tuple[Finding, ...] = ()
    complete: bool = True
