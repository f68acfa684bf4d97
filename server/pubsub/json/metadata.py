"""DataSetMetaData messages (Part 14 v1.05 7.2.5.5.2), in CompactEncoding: what a consumer needs to read the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from uuid import uuid4

from core.time import now, to_iso
from nodesets import units
from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.json.field_types import NO_TYPES, data_type_name, field_type
from server.pubsub.json.type_descriptions import type_descriptions

_EU_INFORMATION = "i=887"
_RANGE = "i=884"
_EXTENSION_OBJECT = 22
_NODE_ID = 17
_NO_CODE = -1
"""UnitId of a unit that has no UNECE code (Part 8 v1.05 5.6.3)."""

Field = dict[str, object]


def field_metadata(field: DataSetField, codec: StructureCodec = NO_TYPES) -> Field:
    """Give a field's FieldMetaData. A field of an event is no node's and has no NodeId among its properties."""
    made: Field = {"Name": field.name}
    if field.description:
        made["Description"] = {"Text": field.description}
    made["BuiltInType"] = int(field_type(field, codec.types).built_in)
    made["DataType"] = field.data_type or f"i={int(field.wire_type)}"
    made["ValueRank"] = field.value_rank
    made["DataSetFieldId"] = field.field_id
    properties = [_property("NodeId", _NODE_ID, field.node)] if field.slot >= 0 else []
    if field.unit:
        properties.append(_property("EngineeringUnits", _EXTENSION_OBJECT, _unit(field.unit)))
    if field.range is not None:
        low, high = field.range
        properties.append(
            _property("EURange", _EXTENSION_OBJECT, {"UaTypeId": _RANGE, "Low": float(low), "High": float(high)})
        )
    if properties:
        made["Properties"] = properties
    return made


def _property(name: str, kind: int, value: object) -> Field:
    return {"Key": name, "Value": {"UaType": kind, "Value": value}}


def _unit(written: str) -> Field:
    unit = units.by_code(written) or units.by_symbol(written)
    if unit is None:
        return {"UaTypeId": _EU_INFORMATION, "UnitId": _NO_CODE, "DisplayName": {"Text": written}}
    return {
        "UaTypeId": _EU_INFORMATION,
        "NamespaceUri": units.UNECE_URI,
        "UnitId": unit.unit_id,
        "DisplayName": {"Text": unit.symbol},
        "Description": {"Text": unit.description},
    }


def field_digests(fields: Sequence[DataSetField], codec: StructureCodec = NO_TYPES) -> list[str]:
    """Give a digest of each field's metadata, its DataType's included: what the ConfigurationVersion is decided by."""
    return [_digest(field_metadata(field, codec), _types_of([field], codec)) for field in fields]


def _digest(field: Field, types: Field) -> str:
    said: object = [field, types] if types else field
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=8).hexdigest()


def _types_of(fields: Sequence[DataSetField], codec: StructureCodec) -> Field:
    names = (data_type_name(field) for field in fields)
    return dict(type_descriptions((name for name in names if name is not None), codec.types))


def metadata_message(
    identity: WriterIdentity,
    description: str,
    fields: Sequence[DataSetField],
    codec: StructureCodec = NO_TYPES,
    class_id: str = "",
) -> bytes:
    """Give the ua-metadata message. ``codec`` has the model's types; ``class_id``: the DataSetClassId."""
    major, minor = identity.version
    metadata: Field = _types_of(fields, codec)
    metadata["Name"] = identity.writer
    if description:
        metadata["Description"] = {"Text": description}
    metadata["Fields"] = [field_metadata(field, codec) for field in fields]
    if class_id:
        metadata["DataSetClassId"] = class_id
    metadata["ConfigurationVersion"] = {"MajorVersion": major, "MinorVersion": minor}
    message = {
        "MessageId": str(uuid4()),
        "MessageType": "ua-metadata",
        "PublisherId": identity.publisher,
        "DataSetWriterId": identity.writer_id,
        "WriterGroupName": identity.group,
        "DataSetWriterName": identity.writer,
        "Timestamp": to_iso(now()),
        "MetaData": metadata,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
