"""The DataSetReaders of a connection, as PublishSubscribe shows them (Part 14 v1.05 9.1.8); methods change none."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final
from uuid import UUID, uuid5

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.asyncua_values import encode_variant
from server.address_space.encoding import (
    array_variant,
    double_variant,
    encode_string,
    int32_variant,
    uint16_variant,
    uint32_variant,
    variant,
)
from server.address_space.keys import numeric_key
from server.plan import Plan
from server.pubsub.commands.settings import SubscribedSettings
from server.pubsub.frames import PubSubState
from server.pubsub_model.instances import Parts

GROUP: Final = "subscribed"
"""The name of the one ReaderGroup of a connection: the key of the configuration that its readers stand under."""
_TARGETS: Final = numeric_key(0, ObjectIds.TargetVariablesType)
_FIELD_IDS: Final = UUID("8d0c7c5e-5a0b-4c53-8a55-0a9a0c0f6b6b")
"""Namespace of the DataSetFieldIds made from fields' names (RFC 9562, 5.5)."""
_STRUCTURE: Final = ua.VariantType.ExtensionObject
_VALUE: Final = 13
_NO_SECURITY: Final = 1
_MODES: Final = {"Sign": 2, "SignAndEncrypt": 3}
_MILLISECONDS: Final = 1000.0

State = Callable[[], PubSubState]


def reader_group(largest: int, state: State) -> Parts:
    """Give the parts of the ReaderGroup. ``largest``: bytes of a message."""
    return Parts(
        {
            "SecurityMode": partial(int32_variant, _NO_SECURITY),
            "MaxNetworkMessageSize": partial(uint32_variant, largest),
            "GroupProperties": partial(array_variant, BuiltInType.ExtensionObject, []),
            "Status/State": lambda: int32_variant(state()),
        }
    )


def reader(name: str, settings: SubscribedSettings, state: State, plan: Plan) -> Parts:
    """Give the parts of a DataSetReader. The publisher's metadata is not known before it has come."""
    empty = variant(BuiltInType.String, encode_string(""))
    publisher = variant(BuiltInType.String, encode_string(settings.publisher)) if settings.publisher else b"\x00"
    metadata = ua.DataSetMetaDataType(Namespaces=[], Name=name, Fields=[_described(field) for field in settings.fields])
    values: dict[str, Callable[[], bytes]] = {
        "PublisherId": lambda: publisher,
        "WriterGroupId": partial(uint16_variant, settings.group or 0),
        "DataSetWriterId": partial(uint16_variant, settings.writer or 0),
        "DataSetMetaData": partial(encode_variant, ua.Variant(metadata, _STRUCTURE)),
        "DataSetFieldContentMask": partial(uint32_variant, 0),
        "MessageReceiveTimeout": partial(double_variant, (settings.stale_after or 0.0) * _MILLISECONDS),
        "KeyFrameCount": partial(uint32_variant, 0),
        "HeaderLayoutUri": lambda: empty,
        "DataSetReaderProperties": partial(array_variant, BuiltInType.ExtensionObject, []),
        "Status/State": lambda: int32_variant(state()),
        "SubscribedDataSet/TargetVariables": lambda: _targets(settings, plan),
    }
    if settings.security is not None:  # of the reader, not of its group (Part 14 v1.05 9.1.8.2)
        values["SecurityMode"] = partial(int32_variant, _MODES[settings.security.mode])
        group = variant(BuiltInType.String, encode_string(settings.security.group))
        values["SecurityGroupId"] = lambda: group
    return Parts(values, types={"SubscribedDataSet": _TARGETS})


def _described(field: str) -> ua.FieldMetaData:
    return ua.FieldMetaData(Name=field, DataSetFieldId=uuid5(_FIELD_IDS, field))


def _targets(settings: SubscribedSettings, plan: Plan) -> bytes:
    targets = [
        ua.FieldTargetDataType(
            DataSetFieldId=uuid5(_FIELD_IDS, field),
            TargetNodeId=plan.directory.known(node) or ua.NodeId(),
            AttributeId=ua.UInt32(_VALUE),
        )
        for field, node in settings.fields.items()
    ]
    return encode_variant(ua.Variant(targets, _STRUCTURE, is_array=True))
