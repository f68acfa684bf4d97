"""Sparkplug B's payload as objects (Sparkplug 3.0.0, 6.4.1): for births, deaths and commands, not for much data."""

# ruff: noqa: RUF009 - spec and one_of are dataclasses.field, with a field's number

from __future__ import annotations

from dataclasses import dataclass

from server.pubsub.sparkplug.messages import Limits, WireMessage, decode_message, encode_message, one_of, spec


@dataclass(slots=True)
class PropertyValue(WireMessage):
    """A value of a property. Of the fields from ``int_value`` on one is set at most, here and below."""

    type: int | None = spec(1, "uint")
    is_null: bool | None = spec(2, "bool")
    int_value: int | None = one_of(3, "uint32")
    long_value: int | None = one_of(4, "uint")
    float_value: float | None = one_of(5, "float")
    double_value: float | None = one_of(6, "double")
    boolean_value: bool | None = one_of(7, "bool")
    string_value: str | None = one_of(8, "string")
    propertyset_value: PropertySet | None = one_of(9, lambda: PropertySet)
    propertysets_value: PropertySetList | None = one_of(10, lambda: PropertySetList)


@dataclass(slots=True)
class PropertySet(WireMessage):
    """Properties: as many ``keys`` as ``values``."""

    keys: list[str] = spec(1, "string", repeated=True)
    values: list[PropertyValue] = spec(2, lambda: PropertyValue, repeated=True)


@dataclass(slots=True)
class PropertySetList(WireMessage):
    """Several sets of properties."""

    propertyset: list[PropertySet] = spec(1, lambda: PropertySet, repeated=True)


@dataclass(slots=True)
class MetaData(WireMessage):
    """What bytes and files are."""

    is_multi_part: bool | None = spec(1, "bool")
    content_type: str | None = spec(2, "string")
    size: int | None = spec(3, "uint")
    seq: int | None = spec(4, "uint")
    file_name: str | None = spec(5, "string")
    file_type: str | None = spec(6, "string")
    md5: str | None = spec(7, "string")
    description: str | None = spec(8, "string")


@dataclass(slots=True)
class DataSetValue(WireMessage):
    """One cell of a DataSet."""

    int_value: int | None = one_of(1, "uint32")
    long_value: int | None = one_of(2, "uint")
    float_value: float | None = one_of(3, "float")
    double_value: float | None = one_of(4, "double")
    boolean_value: bool | None = one_of(5, "bool")
    string_value: str | None = one_of(6, "string")


@dataclass(slots=True)
class Row(WireMessage):
    """One row of a DataSet."""

    elements: list[DataSetValue] = spec(1, lambda: DataSetValue, repeated=True)


@dataclass(slots=True)
class DataSet(WireMessage):
    """A table: as many ``types`` as ``columns``."""

    num_of_columns: int | None = spec(1, "uint")
    columns: list[str] = spec(2, "string", repeated=True)
    types: list[int] = spec(3, "uint32", repeated=True)
    rows: list[Row] = spec(4, lambda: Row, repeated=True)


@dataclass(slots=True)
class Parameter(WireMessage):
    """A parameter of a Template."""

    name: str | None = spec(1, "string")
    type: int | None = spec(2, "uint32")
    int_value: int | None = one_of(3, "uint32")
    long_value: int | None = one_of(4, "uint")
    float_value: float | None = one_of(5, "float")
    double_value: float | None = one_of(6, "double")
    boolean_value: bool | None = one_of(7, "bool")
    string_value: str | None = one_of(8, "string")


@dataclass(slots=True)
class Template(WireMessage):
    """A user-defined type, or an instance of one."""

    version: str | None = spec(1, "string")
    metrics: list[Metric] = spec(2, lambda: Metric, repeated=True)
    parameters: list[Parameter] = spec(3, lambda: Parameter, repeated=True)
    template_ref: str | None = spec(4, "string")
    is_definition: bool | None = spec(5, "bool")


@dataclass(slots=True)
class Metric(WireMessage):
    """One value with its name or alias; ``timestamp`` in milliseconds since 1970."""

    name: str | None = spec(1, "string")
    alias: int | None = spec(2, "uint")
    timestamp: int | None = spec(3, "uint")
    datatype: int | None = spec(4, "uint32")
    is_historical: bool | None = spec(5, "bool")
    is_transient: bool | None = spec(6, "bool")
    is_null: bool | None = spec(7, "bool")
    metadata: MetaData | None = spec(8, lambda: MetaData)
    properties: PropertySet | None = spec(9, lambda: PropertySet)
    int_value: int | None = one_of(10, "uint32")
    long_value: int | None = one_of(11, "uint")
    float_value: float | None = one_of(12, "float")
    double_value: float | None = one_of(13, "double")
    boolean_value: bool | None = one_of(14, "bool")
    string_value: str | None = one_of(15, "string")
    bytes_value: bytes | None = one_of(16, "bytes")
    dataset_value: DataSet | None = one_of(17, lambda: DataSet)
    template_value: Template | None = one_of(18, lambda: Template)


@dataclass(slots=True)
class Payload(WireMessage):
    """A whole payload; ``timestamp`` in milliseconds since 1970."""

    timestamp: int | None = spec(1, "uint")
    metrics: list[Metric] = spec(2, lambda: Metric, repeated=True)
    seq: int | None = spec(3, "uint")
    uuid: str | None = spec(4, "string")
    body: bytes | None = spec(5, "bytes")


def encode_payload(payload: Payload) -> bytes:
    """Encode a payload."""
    return encode_message(payload)


def decode_payload(data: bytes, limits: Limits | None = None) -> Payload:
    """Decode a payload; fields that 3.0.0 does not know are passed over.

    Raises :class:`~server.pubsub.sparkplug.wire.PayloadError` for anything else, however it is meant.
    """
    return decode_message(Payload, data, limits or Limits())
