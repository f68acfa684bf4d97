"""All that is configured as one structure, as PubSubConfiguration gives it (Part 14 v1.05 6.2.12, 9.1.3.7)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone, and whose annotations call a
# plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownParameterType=false
from __future__ import annotations

from asyncua import ua
from asyncua.ua.ua_binary import extensionobject_to_binary

from server.address_space.asyncua_values import decode_variant
from server.plan import Plan
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.event_values import event_values
from server.pubsub_model.metadata import metadata_value, variables_value, version_of
from server.pubsub_model.profiles import PROFILES, field_mask, message_mask, network_mask
from server.pubsub_model.shown import Shown, ShownConnection, ShownDataSet, ShownGroup, ShownWriter

_AT_LEAST_ONCE = ua.BrokerTransportQualityOfService.AtLeastOnce
_MILLISECONDS = 1000.0


def configuration_file(plan: Plan, shown: Shown, configuration: PubSubConfiguration, version: int) -> bytes:
    """Give the file: a UABinaryFileDataType with a PubSubConfiguration2DataType. No password is in it."""
    whole = ua.PubSubConfiguration2DataType(
        PublishedDataSets=[_dataset(name, one, plan, shown, configuration) for name, one in shown.datasets.items()],
        Connections=[_connection(name, one, plan, configuration) for name, one in shown.connections.items()],
        Enabled=True,
        ConfigurationVersion=ua.UInt32(version),
    )
    file = ua.UABinaryFileDataType(
        Namespaces=list(plan.nodeids.uris), Body=ua.Variant(whole, ua.VariantType.ExtensionObject)
    )
    return extensionobject_to_binary(file)


def _dataset(
    name: str, dataset: ShownDataSet, plan: Plan, shown: Shown, configuration: PubSubConfiguration
) -> ua.PublishedDataSetDataType:
    version = version_of(name, shown, configuration)
    if dataset.events is None:
        published = decode_variant(variables_value(dataset.fields, plan)).Value
        source = ua.PublishedDataItemsDataType(PublishedData=published)
    else:
        held = {key: decode_variant(value()).Value for key, value in event_values(lambda: dataset, plan).items()}
        source = ua.PublishedEventsDataType(held["EventNotifier"], held["SelectedFields"], held["Filter"])
    return ua.PublishedDataSetDataType(
        Name=name,
        DataSetFolder=dataset.folder.split("/") if dataset.folder else [],
        DataSetMetaData=decode_variant(metadata_value(name, dataset.description, dataset.fields, version, plan)).Value,
        DataSetSource=source,
    )


def _connection(
    name: str, connection: ShownConnection, plan: Plan, configuration: PubSubConfiguration
) -> ua.PubSubConnectionDataType:
    settings = connection.settings
    return ua.PubSubConnectionDataType(
        Name=name,
        Enabled=connection.enabled,
        PublisherId=ua.Variant(settings.publisher or plan.settings.name, ua.VariantType.String),
        TransportProfileUri=PROFILES.get(settings.encoding, ""),
        Address=ua.NetworkAddressUrlDataType(Url=settings.broker),
        TransportSettings=None,
        WriterGroups=[_group(name, group, one, connection, configuration) for group, one in connection.groups.items()],
    )


def _group(
    connection: str, name: str, group: ShownGroup, above: ShownConnection, configuration: PubSubConfiguration
) -> ua.WriterGroupDataType:
    encoding = above.settings.encoding
    first = next(iter(group.writers.values()), None)
    mask = ua.UInt32(0 if first is None or encoding not in PROFILES else network_mask(first.settings, encoding))
    messages: object = None
    if encoding == "json":
        messages = ua.JsonWriterGroupMessageDataType(mask)
    elif encoding == "uadp":
        messages = ua.UadpWriterGroupMessageDataType(NetworkMessageContentMask=mask)
    return ua.WriterGroupDataType(
        Name=name,
        Enabled=group.enabled,
        SecurityMode=ua.MessageSecurityMode.None_,
        MaxNetworkMessageSize=ua.UInt32(above.settings.max_message),
        PublishingInterval=group.interval * _MILLISECONDS,
        TransportSettings=ua.BrokerWriterGroupTransportDataType(RequestedDeliveryGuarantee=_AT_LEAST_ONCE),
        MessageSettings=messages,
        DataSetWriters=[
            _writer(connection, writer, one, encoding, configuration) for writer, one in group.writers.items()
        ],
    )


def _writer(
    connection: str, name: str, writer: ShownWriter, encoding: str, configuration: PubSubConfiguration
) -> ua.DataSetWriterDataType:
    identity = configuration.running.identity(connection, name)
    messages: object = None
    if encoding == "json":
        messages = ua.JsonDataSetWriterMessageDataType(ua.UInt32(message_mask(writer.settings, encoding)))
    elif encoding == "uadp":
        mask = ua.UInt32(message_mask(writer.settings, encoding))
        messages = ua.UadpDataSetWriterMessageDataType(DataSetMessageContentMask=mask)
    return ua.DataSetWriterDataType(
        Name=name,
        Enabled=writer.enabled,
        DataSetWriterId=ua.UInt16(0 if identity is None else identity.writer_id),
        DataSetFieldContentMask=ua.UInt32(field_mask(writer.settings)),
        KeyFrameCount=ua.UInt32(getattr(writer.settings, "keyframe", 0)),
        DataSetName=writer.dataset,
        TransportSettings=ua.BrokerDataSetWriterTransportDataType(RequestedDeliveryGuarantee=_AT_LEAST_ONCE),
        MessageSettings=messages,
    )
