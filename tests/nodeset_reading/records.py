"""What a UANodeSet file says, as plain records."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tests.nodeset_reading.identifiers import Names, QualifiedName

Tree: TypeAlias = "bool | int | float | str | bytes | tuple[Tree, ...] | list[Tree] | dict[str, Tree] | None"

LocalizedTexts = tuple[tuple[str, str], ...]  # (locale, text) in the order of the file; no Locale attribute is ''


class Reference(NamedTuple):
    """In the forward sense, whichever node it was written at."""

    source: str
    reference_type: str
    target: str


@dataclass(frozen=True)
class Problem:
    """What the file does not say as the specification wants it said; `node` is '' for the file itself."""

    kind: str
    source: str
    node: str
    detail: str


@dataclass(frozen=True)
class Model:
    """ModelTableEntry (Part 6 F.2); dates in ticks."""

    model_uri: str
    xml_schema_uri: str | None
    version: str | None
    publication_date: int | None
    model_version: str | None
    access_restrictions: int
    role_permissions: tuple[tuple[str, int], ...] | None
    required_models: tuple[Model, ...]


@dataclass(frozen=True)
class DataTypeField:
    """DataTypeField (Part 6 F.13)."""

    name: str
    symbolic_name: str | None
    display_name: LocalizedTexts
    description: LocalizedTexts
    data_type: str
    value_rank: int
    array_dimensions: tuple[int, ...]
    max_string_length: int
    value: int
    is_optional: bool
    allow_sub_types: bool


@dataclass(frozen=True)
class DataTypeDefinition:
    """DataTypeDefinition (Part 6 F.12); own fields only, inherited ones are found through HasSubtype."""

    name: QualifiedName
    symbolic_name: str | None
    is_union: bool
    is_option_set: bool
    base_type: str
    fields: tuple[DataTypeField, ...]


@dataclass
class Node:
    """One node; `attributes` has every XML attribute that its NodeClass has in the schema, defaults filled in.

    `role_permissions` is None where the element is missing. `value_element` is the undecoded Value element.
    """

    node_id: str
    node_class: str
    browse_name: QualifiedName
    attributes: dict[str, Tree]
    display_name: LocalizedTexts = ()
    description: LocalizedTexts = ()
    category: tuple[str, ...] = ()
    documentation: str | None = None
    role_permissions: tuple[tuple[str, int], ...] | None = None
    extensions: tuple[str, ...] = ()
    inverse_name: LocalizedTexts = ()
    definition: DataTypeDefinition | None = None
    argument_descriptions: tuple[tuple[str | None, LocalizedTexts], ...] = ()
    translations: tuple[str, ...] = ()
    value_element: ET.Element | None = field(default=None, compare=False, repr=False)


@dataclass
class FileContent:
    """One file. `nodes` in the order of the file; `references` are those written in it, nothing implied."""

    source: str
    names: Names
    models: tuple[Model, ...] = ()
    last_modified: int | None = None
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    extensions: tuple[str, ...] = ()
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    references: set[Reference] = field(default_factory=set[Reference])
    problems: list[Problem] = field(default_factory=list[Problem])
