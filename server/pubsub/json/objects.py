"""Values that are Python objects as JSON: Variants, structures, and whatever else a driver gave."""

# The seam on asyncua, in whose Variants columns of objects keep what clients wrote.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
from __future__ import annotations

import struct
from enum import Enum
from typing import Final, NamedTuple, cast

from asyncua import ua

from core import quality
from nodesets.built_in_types import BuiltInType, Structure, Value, Variant
from nodesets.datatypes.binary import decode_variant
from nodesets.datatypes.deprecated_json import DeprecatedJsonEncoder
from nodesets.datatypes.json_values import Json, JsonEncoder
from nodesets.datatypes.problems import DataTypeError, DecodingError, EncodingError
from nodesets.names import NodeName
from server.address_space import asyncua_values
from server.address_space.structured import StructureCodec
from server.pubsub.json.plain_objects import PlainTexts, dumped, guessed_type, numbers_of
from server.pubsub.json.settings import JsonForm

_UNREADABLE: Final = (ua.UaError, struct.error, DecodingError, DataTypeError, LookupError, TypeError, ValueError)
_STRUCTURE, _VARIANT = BuiltInType.ExtensionObject, BuiltInType.Variant
_ANY_RANKS: Final = (-3, -2, 0)
"""ValueRanks by which a value may be a scalar or an array, or of any dimensions (Part 3 v1.05 5.6.2)."""


class FieldType(NamedTuple):
    """What a field's metadata say of its values. ``built_in`` is Variant where they may be of any type."""

    built_in: BuiltInType
    data_type: NodeName | None = None
    is_enumeration: bool = False
    rank: int = -1

    @property
    def is_fixed(self) -> bool:
        """Tell whether a value can be read with these alone (Part 14 v1.05 7.2.5.4.3)."""
        return self.built_in is not _VARIANT and self.rank not in _ANY_RANKS


class Shown(NamedTuple):
    """A value's text. ``is_members``: members of an object to be, such as ``"UaType":11,"Value":1.5``."""

    text: str
    is_members: bool = False


class ObjectTexts:
    """Writes objects in one of the forms; ``raw`` leaves types out of the verbose one."""

    def __init__(self, form: JsonForm, codec: StructureCodec, *, raw: bool) -> None:
        """Read structures by the types of ``codec``."""
        self._form = form
        self._raw = raw
        self._codec = codec
        self._encoder: JsonEncoder
        if form in {"verbose", "compact"}:
            self._encoder = JsonEncoder(
                codec.types, quality.symbol, verbose=form == "verbose", raw=raw and form == "verbose"
            )
        else:
            self._encoder = DeprecatedJsonEncoder(codec.types, quality.symbol, reversible=form == "reversible")
        self._plain = PlainTexts(self._other, self._status, nests=form == "non-reversible")

    def show(self, value: object, kind: FieldType) -> Shown | None:
        """Give a value as a field of ``kind`` shows it; None for null."""
        if value is None:
            return None
        variant = self._variant(value)
        if variant is None and kind.is_enumeration:
            variant = numbers_of(value)
        if variant is None:
            return self._show_plain(value, kind)
        if variant.type is BuiltInType.Null:
            return None
        try:
            return self._show_variant(variant, kind)
        except EncodingError:
            # A structure that the model describes otherwise than its maker does.
            return self._show_plain(value, kind)

    def _variant(self, value: object) -> Variant | None:
        """Take a Variant of either kind, or an object of OPC UA; None for Python's own."""
        if isinstance(value, Variant):
            return value
        if isinstance(value, Structure):
            return Variant(_STRUCTURE, value)
        if not isinstance(value, ua.Variant) and not type(value).__module__.startswith("asyncua"):
            return None
        if isinstance(value, Enum):
            return None
        try:
            return decode_variant(asyncua_values.encode_variant(value), self._codec.types, self._codec.namespaces)
        except _UNREADABLE:
            return None

    def _show_variant(self, variant: Variant, kind: FieldType) -> Shown:
        if self._form == "verbose" and (self._raw or (kind.is_fixed and kind.built_in is variant.type)):
            return Shown(dumped(self._bare(variant, kind)))
        if self._form == "non-reversible":
            return Shown(dumped(self._bare(variant, kind)))
        text = dumped(self._encoder.variant(variant))
        return Shown(text) if self._form == "reversible" else Shown(text[1:-1], is_members=True)

    def _bare(self, variant: Variant, kind: FieldType) -> Json:
        """Give a value whose type the metadata tell."""
        encoder, data_type, value = self._encoder, kind.data_type, variant.value
        if kind.is_enumeration and data_type is not None:
            if isinstance(value, int):
                return encoder.enumeration(data_type, value)
            if type(value) is tuple and not variant.dimensions:
                return [encoder.enumeration(data_type, one) for one in value if isinstance(one, int)]
        if isinstance(value, Structure) and value.type == data_type:
            return encoder.inline(value)
        if type(value) is tuple and variant.type is _STRUCTURE and not variant.dimensions:
            return [self._element(one, data_type) for one in value]
        return encoder.unwrapped(variant)

    def _element(self, value: Value, data_type: NodeName | None) -> Json:
        if isinstance(value, Structure) and value.type == data_type:
            return self._encoder.inline(value)
        return self._encoder.shaped(_STRUCTURE, value)

    def _show_plain(self, value: object, kind: FieldType) -> Shown | None:
        """Write what has no type of its own: by the field's, or by the nearest there is."""
        if isinstance(value, ua.Variant):
            value = cast("object", value.Value)
            if value is None:
                return None
        is_bare = self._form == "non-reversible" or (self._form == "verbose" and (self._raw or kind.is_fixed))
        built_in = kind.built_in if kind.built_in is not _VARIANT or is_bare else guessed_type(value)
        text, dimensions = self._plain.text(value, built_in)
        if is_bare:
            if not dimensions or self._form == "non-reversible":
                return Shown(text)
            return Shown(f'{{"Array":{text},"Dimensions":{dumped(dimensions)}}}')
        shape = f',"Dimensions":{dumped(dimensions)}' if dimensions else ""
        if self._form == "reversible":
            return Shown(f'{{"Type":{int(built_in)},"Body":{text}{shape}}}')
        return Shown(f'"UaType":{int(built_in)},"Value":{text}{shape}', is_members=True)

    def _other(self, value: object) -> object:
        """Write an object of OPC UA inside another value; NotImplemented for what is none."""
        variant = self._variant(value)
        if variant is None:
            return NotImplemented
        try:
            return self._encoder.unwrapped(variant)
        except EncodingError:
            return NotImplemented

    def _status(self, status: int) -> Json:
        return self._encoder.shaped(BuiltInType.StatusCode, status)
