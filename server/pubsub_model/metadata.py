"""A PublishedDataSet's metadata and variables as OPC UA structures (Part 14 v1.05 6.2.3)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import zlib
from collections.abc import Sequence
from uuid import UUID

from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.plan import Plan
from server.pubsub.fields import DataSetField
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.shown import Shown

Version = tuple[int, int]
_kinds = ua.VariantType
_STRUCTURE = _kinds.ExtensionObject
_VALUE = 13


def version_of(dataset: str, shown: Shown, configuration: PubSubConfiguration) -> Version:
    """Give the ConfigurationVersion of a dataset: that of its messages, where it has a writer that runs.

    One that nobody publishes has a number that is another one whenever its fields are.
    """
    held = shown.datasets[dataset]
    for connection, writer in held.writers:
        identity = configuration.running.identity(connection, writer)
        if identity is not None:
            return identity.version
    number = zlib.crc32(repr((held.description, held.fields)).encode())
    return number, number


def version_value(version: Version) -> bytes:
    """Encode a ConfigurationVersionDataType."""
    return encode_variant(ua.Variant(_version(version), _STRUCTURE))


def metadata_value(name: str, description: str, fields: Sequence[DataSetField], version: Version, plan: Plan) -> bytes:
    """Encode a DataSetMetaDataType."""
    described = [_field(field, plan) for field in fields]
    metadata = ua.DataSetMetaDataType(
        Namespaces=[],
        Name=name,
        Description=ua.LocalizedText(description or None),
        Fields=described,
        ConfigurationVersion=_version(version),
    )
    return encode_variant(ua.Variant(metadata, _STRUCTURE))


def variables_value(fields: Sequence[DataSetField], plan: Plan) -> bytes:
    """Encode PublishedData; a field of a structured variable is shown by that variable."""
    held = [
        ua.PublishedVariableDataType(
            PublishedVariable=_nodeid(field.node.partition("#")[0], plan), AttributeId=ua.UInt32(_VALUE)
        )
        for field in fields
    ]
    return encode_variant(ua.Variant(held, _STRUCTURE))


def _version(version: Version) -> ua.ConfigurationVersionDataType:
    return ua.ConfigurationVersionDataType(MajorVersion=ua.UInt32(version[0]), MinorVersion=ua.UInt32(version[1]))


def _field(field: DataSetField, plan: Plan) -> ua.FieldMetaData:
    built_in = int(field.wire_type)
    return ua.FieldMetaData(
        Name=field.name,
        Description=ua.LocalizedText(field.description or None),
        BuiltInType=ua.Byte(built_in),
        DataType=_nodeid(field.data_type, plan) if field.data_type else ua.NodeId(ua.Int32(built_in)),
        ValueRank=ua.Int32(field.value_rank),
        DataSetFieldId=UUID(field.field_id),
    )


def _nodeid(text: str, plan: Plan) -> ua.NodeId:
    return plan.directory.known(text) or ua.NodeId()
