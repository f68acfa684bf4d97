"""What DataTypes are made of, resolved: inherited fields included, each with the way it is encoded."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from nodesets.built_in_types import BuiltInType
from nodesets.names import NodeName

_NO_NAME_CHARACTER = re.compile(r"[^\w.\-]")


class StructureKind(enum.Enum):
    """How a structure is encoded (Part 3 v1.05 8.49, StructureType)."""

    STRUCTURE = "Structure"
    WITH_OPTIONAL_FIELDS = "StructureWithOptionalFields"
    UNION = "Union"
    WITH_SUBTYPED_VALUES = "StructureWithSubtypedValues"
    UNION_WITH_SUBTYPED_VALUES = "UnionWithSubtypedValues"


class FieldDescription(NamedTuple):
    """One field. ``built_in`` and ``is_inline`` say how its value is encoded.

    ``is_inline``: ``data_type`` is a structure whose fields stand there without an ExtensionObject around them. A field
    that allows subtypes, or whose type is abstract, is an ExtensionObject where it is of a structure and else a Variant
    (Part 6 v1.05 5.2.6, 5.2.7).
    ``rank``: -1 for a scalar, else the number of dimensions. A field whose rank is not fixed is a Variant.
    """

    name: str
    tag: str
    """The name of the field's XML element: its SymbolicName where it has one."""
    type_tag: str
    """The name of an XML element of ``data_type``, as in arrays."""
    owner: NodeName
    """The DataType that defines the field."""
    data_type: NodeName
    built_in: BuiltInType
    is_inline: bool = False
    is_enumeration: bool = False
    rank: int = -1
    array_dimensions: tuple[int, ...] = ()
    max_string_length: int = 0
    is_optional: bool = False
    allow_subtypes: bool = False


class Encodings(NamedTuple):
    """The NodeIds of a structure's encodings; None for one that the model does not have."""

    binary: NodeName | None = None
    xml: NodeName | None = None
    json: NodeName | None = None


class StructureDescription(NamedTuple):
    """A structure or union: all of its fields, inherited ones first (Part 3 v1.05 8.48)."""

    type: NodeName
    name: str
    tag: str
    kind: StructureKind
    is_abstract: bool
    fields: tuple[FieldDescription, ...]
    encodings: Encodings = Encodings()

    @property
    def is_union(self) -> bool:
        """Tell whether a value has one field at most."""
        return self.kind in {StructureKind.UNION, StructureKind.UNION_WITH_SUBTYPED_VALUES}

    @property
    def has_mask(self) -> bool:
        """Tell whether an encoded value begins with the mask of its optional fields."""
        return self.kind is StructureKind.WITH_OPTIONAL_FIELDS

    @property
    def optional_fields(self) -> tuple[FieldDescription, ...]:
        """Give the fields that may be absent, in the order of their bits in the mask."""
        return tuple(one for one in self.fields if one.is_optional) if self.has_mask else ()


class EnumerationDescription(NamedTuple):
    """An enumeration: its names by number, and its numbers by name."""

    type: NodeName
    name: str
    names: dict[int, str]
    numbers: dict[str, int]


class OptionSetDescription(NamedTuple):
    """An option set: the names of its bits, and bits by name.

    ``built_in`` is an unsigned integer, or ExtensionObject for subtypes of OptionSet, whose bits are in the bytes of
    the field ``Value`` (Part 3 v1.05 8.40).
    """

    type: NodeName
    name: str
    built_in: BuiltInType
    names: dict[int, str]
    bits: dict[str, int]


Description = StructureDescription | EnumerationDescription | OptionSetDescription


def element_name(name: str) -> str:
    """Make a name that XML elements may have: other characters become ``_``, and one stands before a digit."""
    cleaned = _NO_NAME_CHARACTER.sub("_", name)
    return cleaned if cleaned[:1].isalpha() or cleaned[:1] == "_" else f"_{cleaned}"
