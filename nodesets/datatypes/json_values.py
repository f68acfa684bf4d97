"""Values as JSON for ``json.dumps``: CompactEncoding and VerboseEncoding (Part 6 v1.05 5.4, as of 1.05.04).

Compact leaves out fields that are null or have the default of their type; verbose writes them all, gives enumerations
and StatusCodes their names, and does not say which fields of a structure are there. NodeIds name their namespace by
URI, so what is written means the same everywhere.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable
from typing import Literal
from uuid import UUID

from nodesets.built_in_types import (
    NULL_NODE,
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.date_times import format_date_time
from nodesets.datatypes.defaults import default_of_field
from nodesets.datatypes.description import FieldDescription, StructureDescription
from nodesets.datatypes.problems import MAX_DEPTH, DataTypeError, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName, escape_uri

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonForm = Literal["compact", "verbose"]
_MATRIX = 2
"""Dimensions from which an array is a matrix."""
_SYMBOLS = {0: "Good", 0x4000_0000: "Uncertain", 0x8000_0000: "Bad"}


def to_json(
    variant: Variant,
    registry: TypeRegistry,
    form: JsonForm = "compact",
    status_name: Callable[[int], str] = lambda status: _SYMBOLS.get(status, ""),
) -> Json:
    """Give a Variant as a JSON object with ``UaType`` and ``Value``; None for null.

    ``status_name`` gives the symbol of a StatusCode in the verbose form, empty where there is none. Raises
    :class:`EncodingError` for a value that does not fit its type.
    """
    return JsonEncoder(registry, status_name, verbose=form == "verbose").variant(variant)


def value_to_json(
    built_in: BuiltInType,
    value: Value,
    registry: TypeRegistry,
    form: JsonForm = "compact",
    status_name: Callable[[int], str] = lambda status: _SYMBOLS.get(status, ""),
) -> Json:
    """Give a scalar or an array of a built-in type without the Variant around it (RawData of Part 14)."""
    return JsonEncoder(registry, status_name, verbose=form == "verbose").shaped(built_in, value)


class JsonEncoder:
    """Writes values of one registry's types. Every method raises :class:`EncodingError`."""

    def __init__(
        self, registry: TypeRegistry, status_name: Callable[[int], str], *, verbose: bool, raw: bool = False
    ) -> None:
        """``raw``: no ``UaType`` and no ``UaTypeId``, in the verbose form (RawData of Part 14 v1.05 7.2.5.4.3)."""
        self._registry = registry
        self._status_name = status_name
        self._verbose = verbose
        self._raw = raw
        self._merges = not raw
        """The parts of a Variant are parts of the DataValue around it (5.4.2.18)."""
        self._depth = 0

    def variant(self, variant: Variant) -> Json:
        """Give a Variant as an object; None for null. A raw one is its value alone."""
        if variant.type is BuiltInType.Null:
            return None
        if self._raw:
            return self.unwrapped(variant)
        found: dict[str, Json] = {"UaType": int(variant.type)}
        if variant.value is not None:
            found["Value"] = self.shaped(variant.type, variant.value)
        if variant.dimensions is not None:
            found["Dimensions"] = list(variant.dimensions)
        return found

    def unwrapped(self, variant: Variant) -> Json:
        """Give a Variant's value as a field of that type has it: a matrix with its dimensions (5.4.5)."""
        value = self.shaped(variant.type, variant.value)
        if variant.dimensions is None or len(variant.dimensions) < _MATRIX:
            return value
        return {"Array": value, "Dimensions": list(variant.dimensions)}

    def shaped(self, built_in: BuiltInType, value: Value) -> Json:
        """Give a scalar or an array; a matrix as the list of its elements."""
        if type(value) is tuple:
            return [self._scalar(built_in, one) for one in value]
        return self._scalar(built_in, value)

    def _scalar(self, built_in: BuiltInType, value: Value) -> Json:  # noqa: C901, PLR0911, PLR0912 - one case a type
        match value:
            case None:
                return None
            case bool():
                return value
            case int() if built_in is BuiltInType.DateTime:
                return format_date_time(value)
            case int() if built_in is BuiltInType.StatusCode:
                return self._status(value)
            case int() if built_in in {BuiltInType.Int64, BuiltInType.UInt64}:
                return str(value)
            case float() if not math.isfinite(value):
                return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            case int() | float() | str():
                return value
            case UUID():
                return str(value)
            case bytes():
                return b64encode(value).decode()
            case NodeName():
                return str(value)
            case ExpandedNodeName():
                return f"svr={value.server};{value.node}" if value.server else str(value.node)
            case QualifiedName():
                name = value.name or ""
                return name if value.namespace == STANDARD_NAMESPACE else f"nsu={escape_uri(value.namespace)};{name}"
            case LocalizedText():
                return _present({"Locale": value.locale, "Text": value.text})
            case Variant():
                return self._deeper(lambda: self.variant(value))
            case DataValue():
                return self._deeper(lambda: self._data_value(value))
            case DiagnosticInfo():
                return self._deeper(lambda: self._diagnostic_info(value))
            case EncodedStructure():
                return _encoded(value)
            case Structure():
                return self.inline(value) if self._raw else {"UaTypeId": str(value.type), **self._structure(value)}
            case _:
                message = f"{type(value).__name__} is no {built_in.name}"
                raise EncodingError(message)

    def inline(self, value: Structure) -> Json:
        """Give a structure whose type is known from elsewhere."""
        return dict(self._structure(value))

    def enumeration(self, data_type: NodeName, value: int) -> Json:
        """Give the number of an enumeration; verbose with its name."""
        return self._enumeration(data_type, value) if self._verbose else value

    def _status(self, status: int) -> Json:
        symbol = self._status_name(status) if self._verbose else ""
        found: dict[str, Json] = {"Code": status} if status else {}
        return {**found, "Symbol": symbol} if symbol else found

    def _data_value(self, value: DataValue) -> Json:
        content = self.variant(value.value) if value.value is not None else None
        times = {"SourceTimestamp": value.source_time, "ServerTimestamp": value.server_time}
        # What is null, Good or 0 is not written (Part 6 v1.05 5.4.2.18).
        written = {key: format_date_time(ticks) if ticks else None for key, ticks in times.items()}
        return {
            **(
                {} if content is None else content if self._merges and isinstance(content, dict) else {"Value": content}
            ),
            **_present(
                {
                    "Status": self._status(value.status) if value.status else None,
                    "SourceTimestamp": written["SourceTimestamp"],
                    "SourcePicoseconds": value.source_picoseconds or None,
                    "ServerTimestamp": written["ServerTimestamp"],
                    "ServerPicoseconds": value.server_picoseconds or None,
                }
            ),
        }

    def _diagnostic_info(self, value: DiagnosticInfo) -> Json:
        return _present(
            {
                "SymbolicId": value.symbolic_id,
                "NamespaceUri": value.namespace_uri,
                "Locale": value.locale,
                "LocalizedText": value.localized_text,
                "AdditionalInfo": value.additional_info,
                "InnerStatusCode": None if value.inner_status is None else self._status(value.inner_status),
                "InnerDiagnosticInfo": None if value.inner is None else self._diagnostic_info(value.inner),
            }
        )

    def _structure(self, value: Structure) -> dict[str, Json]:
        try:
            described = self._registry.structure(value.type)
        except DataTypeError as error:
            raise EncodingError(str(error)) from None
        found: dict[str, Json] = {}
        if not self._verbose:
            found.update(_control(described, value.fields))
        for field in described.fields:
            if field.name not in value.fields:
                continue
            one = value.fields[field.name]
            always = self._verbose or described.is_union or (described.has_mask and field.is_optional)
            if always or one != default_of_field(field, self._registry):
                try:
                    found[field.name] = self._deeper(lambda field=field, one=one: self._field(field, one))
                except EncodingError as error:
                    raise error.inside(field.name) from None
        return found

    def _field(self, field: FieldDescription, value: Value) -> Json:
        if isinstance(value, Matrix):
            # Part 6 v1.05 5.4.5: a matrix in a field is its dimensions and its elements in one list.
            return {
                "Array": [self._element(field, one) for one in value.elements],
                "Dimensions": list(value.dimensions),
            }
        if type(value) is tuple:
            return [self._element(field, one) for one in value]
        return self._element(field, value)

    def _element(self, field: FieldDescription, value: Value) -> Json:
        if value is None and field.built_in is BuiltInType.ExtensionObject and field.rank == -1:
            return {}
        if field.is_inline and isinstance(value, Structure):
            return self.inline(value)
        if field.is_enumeration and self._verbose and isinstance(value, int):
            return self._enumeration(field.data_type, value)
        return self._scalar(field.built_in, value)

    def _enumeration(self, data_type: NodeName, value: int) -> Json:
        try:
            name = self._registry.enumeration(data_type).names.get(value)
        except DataTypeError:
            name = None
        return str(value) if name is None else f"{name}_{value}"

    def _deeper(self, make: Callable[[], Json]) -> Json:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            message = f"the value has more than {MAX_DEPTH} levels"
            raise EncodingError(message)
        try:
            return make()
        finally:
            self._depth -= 1


def _control(described: StructureDescription, fields: dict[str, Value]) -> dict[str, Json]:
    """Give what says which fields are there (Part 6 v1.05 5.4.7, 5.4.8)."""
    if described.is_union:
        chosen = next((place for place, one in enumerate(described.fields, 1) if one.name in fields), 0)
        return {"SwitchField": chosen} if chosen else {}
    mask = sum(1 << bit for bit, one in enumerate(described.optional_fields) if one.name in fields)
    return {"EncodingMask": mask} if mask else {}


def _encoded(value: EncodedStructure) -> Json:
    if value.body is None:
        return {} if value.encoding == NULL_NODE else {"UaTypeId": str(value.encoding)}
    body = value.body if isinstance(value.body, bytes) else value.body.encode()
    form = 1 if isinstance(value.body, bytes) else 2
    return {"UaTypeId": str(value.encoding), "UaEncoding": form, "UaBody": b64encode(body).decode()}


def _present(parts: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in parts.items() if value is not None}
