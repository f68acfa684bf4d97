"""The members of connections, groups, writers and datasets: what they show, and what answers their methods."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.asyncua_values import encode_variant
from server.address_space.encoding import (
    array_variant,
    byte_variant,
    double_variant,
    encode_string,
    int32_variant,
    uint16_variant,
    uint32_variant,
    variant,
)
from server.address_space.keys import numeric_key
from server.address_space.node import CallMethod
from server.plan import Plan
from server.pubsub.fields import DataSetField
from server.pubsub.frames import PubSubState
from server.pubsub.json.topics import Topics
from server.pubsub_model import names
from server.pubsub_model.answering import Answer, Call, answering
from server.pubsub_model.configuration import PubSubConfiguration
from server.pubsub_model.connection_methods import ConnectionMethods
from server.pubsub_model.dataset_methods import DataSetMethods
from server.pubsub_model.diagnostics import Diagnostics
from server.pubsub_model.event_values import event_values
from server.pubsub_model.instances import Parts
from server.pubsub_model.metadata import Version, metadata_value, variables_value, version_of, version_value
from server.pubsub_model.profiles import (
    GROUP_MESSAGES,
    PROFILES,
    WRITER_MESSAGES,
    field_mask,
    message_mask,
    network_mask,
)
from server.pubsub_model.shown import Shown, ShownConnection, ShownGroup, ShownWriter

_AT_LEAST_ONCE: Final = 2
_NO_SECURITY: Final = 1
_DAY: Final = 86_400_000.0
_ADDRESS: Final = numeric_key(0, ObjectIds.NetworkAddressUrlType)
_GROUP_TRANSPORT: Final = numeric_key(0, ObjectIds.BrokerWriterGroupTransportType)
_WRITER_TRANSPORT: Final = numeric_key(0, ObjectIds.BrokerDataSetWriterTransportType)
_Values = dict[str, Callable[[], bytes]]


def text_variant(text: str) -> bytes:
    """Encode a String."""
    return variant(BuiltInType.String, encode_string(text))


def texts_variant(texts: list[str]) -> bytes:
    """Encode a String[]."""
    return array_variant(BuiltInType.String, [encode_string(text) for text in texts])


_PROFILE_TEXTS: Final = [text_variant(profile) for profile in PROFILES.values()]


class PartsOf:
    """Gives the parts of each object. Values are asked for when they are read, so they follow every change."""

    def __init__(
        self,
        plan: Plan,
        configuration: PubSubConfiguration,
        show: Callable[[], Shown],
        connections: ConnectionMethods,
        datasets: DataSetMethods,
    ) -> None:
        """``show`` gives what there is now."""
        self._plan = plan
        self._configuration = configuration
        self._running = configuration.running
        self._show = show
        self._connections = connections
        self._datasets = datasets
        self._metadata: dict[str, tuple[tuple[DataSetField, ...], Version, bytes, bytes]] = {}

    def connection(self, name: str) -> Parts:
        """Give those of a PubSubConnectionType (9.1.5.2)."""

        def held() -> ShownConnection:
            return self._show().connections[name]

        values: _Values = {
            "PublisherId": lambda: text_variant(held().settings.publisher or self._plan.settings.name),
            "TransportProfileUri": lambda: text_variant(_profile(held())),
            "TransportProfileUri/Selections": partial(array_variant, BuiltInType.Variant, _PROFILE_TEXTS),
            "ConnectionProperties": lambda: _properties(held()),
            "Address/NetworkInterface": partial(text_variant, ""),
            "Address/NetworkInterface/Selections": partial(array_variant, BuiltInType.Variant, []),
            "Address/Url": lambda: text_variant(held().settings.broker),
            "Status/State": lambda: int32_variant(self.state(name)),
        }
        diagnostics = Diagnostics(lambda: self._connection_counts(name), lambda: self.state(name), frozenset())
        values |= diagnostics.values()
        methods = {
            "Diagnostics/Reset": _resetting(diagnostics),
            "AddWriterGroup": answering("AddWriterGroup", partial(self._connections.add_group, name)),
            "RemoveGroup": answering("RemoveGroup", partial(self._connections.remove_group, name)),
            **self._status(name),
        }
        return Parts(values, methods, {"Address": _ADDRESS})

    def group(self, name: names.GroupName) -> Parts:
        """Give those of a WriterGroupType (9.1.6.3)."""
        connection = self._show().connections[name.connection]
        encoding = "uadp" if connection.settings.encoding == "uadp" else "json"

        def held() -> ShownGroup:
            return self._show().connections[name.connection].groups[name.group]

        def mask() -> bytes:
            writer = next(iter(held().writers.values()), None)
            return uint32_variant(0 if writer is None else network_mask(writer.settings, encoding))

        def group_id() -> int:
            writer = next(iter(held().writers.values()), None)
            return 0 if writer is None or encoding == "json" else writer.settings.uadp.group_id

        values: _Values = {
            "SecurityMode": partial(int32_variant, _NO_SECURITY),
            "MaxNetworkMessageSize": lambda: uint32_variant(connection.settings.max_message),
            "GroupProperties": partial(array_variant, BuiltInType.ExtensionObject, []),
            "Status/State": lambda: int32_variant(self.state(name.connection, name.group)),
            "WriterGroupId": lambda: uint16_variant(group_id()),
            "PublishingInterval": lambda: double_variant(held().interval * 1000.0),
            "KeepAliveTime": partial(double_variant, 0.0),
            "Priority": partial(byte_variant, 0),
            "LocaleIds": partial(texts_variant, []),
            "HeaderLayoutUri": partial(text_variant, ""),
            "MessageSettings/NetworkMessageContentMask": mask,
            **_transport(
                lambda: "" if (topics := self._topics(connection)) is None else topics.data(name.group, "")[:-1]
            ),
        }
        if encoding == "uadp":
            values["MessageSettings/GroupVersion"] = partial(uint32_variant, 0)
            values["MessageSettings/DataSetOrdering"] = partial(int32_variant, 0)
            values["MessageSettings/PublishingOffset"] = partial(array_variant, BuiltInType.Double, [])
        errors = ("FailedTransmissions", "EncryptionErrors")
        diagnostics = Diagnostics(
            lambda: self._group_counts(name),
            lambda: self.state(name.connection, name.group),
            frozenset(errors),
            ("SentNetworkMessages", *errors),
        )
        values |= diagnostics.values()
        methods = {
            "Diagnostics/Reset": _resetting(diagnostics),
            "AddDataSetWriter": answering("AddDataSetWriter", partial(self._connections.add_writer, name)),
            "RemoveDataSetWriter": answering("RemoveDataSetWriter", partial(self._connections.remove_writer, name)),
            **self._status(name),
        }
        types = {"MessageSettings": GROUP_MESSAGES[encoding], "TransportSettings": _GROUP_TRANSPORT}
        return Parts(values, methods, types)

    def writer(self, name: names.WriterName) -> Parts:
        """Give those of a DataSetWriterType (9.1.7.2)."""
        connection = self._show().connections[name.connection]
        encoding = "uadp" if connection.settings.encoding == "uadp" else "json"

        def held() -> ShownWriter:
            return self._show().connections[name.connection].groups[name.group].writers[name.writer]

        def writer_id() -> int:
            identity = self._running.identity(name.connection, name.writer)
            return 0 if identity is None else identity.writer_id

        values: _Values = {
            "DataSetWriterId": lambda: uint16_variant(writer_id()),
            "DataSetFieldContentMask": lambda: uint32_variant(field_mask(held().settings)),
            "KeyFrameCount": lambda: uint32_variant(getattr(held().settings, "keyframe", 0)),
            "DataSetWriterProperties": partial(array_variant, BuiltInType.ExtensionObject, []),
            "MessageSettings/DataSetMessageContentMask": lambda: uint32_variant(
                message_mask(held().settings, encoding)
            ),
            "Status/State": lambda: int32_variant(self.state(*name)),
            **_transport(
                lambda: (
                    ""
                    if (topics := self._topics(connection, name.writer)) is None
                    else topics.data(name.group, name.writer)
                )
            ),
            "TransportSettings/MetaDataQueueName": lambda: text_variant(
                ""
                if (topics := self._topics(connection, name.writer)) is None
                else topics.metadata(name.group, name.writer)
            ),
            "TransportSettings/MetaDataUpdateTime": partial(double_variant, _DAY),
        }
        if encoding == "uadp":
            for size in ("ConfiguredSize", "DataSetOffset"):
                values[f"MessageSettings/{size}"] = partial(uint16_variant, 0)
            values["MessageSettings/NetworkMessageNumber"] = lambda: uint16_variant(
                held().settings.uadp.network_message_number
            )
        types = {"MessageSettings": WRITER_MESSAGES[encoding], "TransportSettings": _WRITER_TRANSPORT}
        return Parts(values, self._status(name), types)

    def dataset(self, name: str) -> Parts:
        """Give those of a PublishedDataItemsType (9.1.4.3), or of a PublishedEventsType (9.1.4.4)."""
        configuration, plan = self._configuration, self._plan

        def metadata() -> bytes:
            shown = self._show()
            held = shown.datasets[name]
            version = version_of(name, shown, configuration)
            known = self._metadata.get(name)
            if known is None or known[0] is not held.fields or known[1] != version:
                # Thousands of fields take long, and any number of clients may ask.
                encoded = metadata_value(name, held.description, held.fields, version, plan)
                known = self._metadata[name] = (held.fields, version, encoded, variables_value(held.fields, plan))
            return known[2]

        def variables() -> bytes:
            metadata()
            return self._metadata[name][3]

        values: _Values = {
            "ConfigurationVersion": lambda: version_value(version_of(name, self._show(), configuration)),
            "DataSetMetaData": metadata,
        }
        if self._show().datasets[name].events is not None:
            return Parts(values | event_values(lambda: self._show().datasets[name], plan))
        values["PublishedData"] = variables
        methods = {
            "AddVariables": answering("AddVariables", partial(self._datasets.add_variables, name)),
            "RemoveVariables": answering("RemoveVariables", partial(self._datasets.remove_variables, name)),
        }
        return Parts(values, methods)

    def folder(self, path: str) -> Parts:
        """Give those of a DataSetFolderType (9.1.4.5); the outermost one has the path ''."""
        own = self._datasets
        calls: dict[str, Call] = {
            "AddPublishedDataItems": partial(own.add_data_items, path),
            "AddPublishedEvents": partial(own.add_events, path),
            "AddPublishedDataItemsTemplate": partial(own.add_data_items_template, path),
            "RemovePublishedDataSet": own.remove,
            "AddDataSetFolder": partial(own.add_folder, path),
            "RemoveDataSetFolder": own.remove_folder,
        }
        return Parts(methods={name: answering(name, call) for name, call in calls.items()})

    def state(self, connection: str, group: str = "", writer: str = "") -> PubSubState:
        """Give the state of a connection, or of what is beneath it (6.2.1)."""
        shown = self._show().connections[connection]
        states = [shown.enabled]
        if group:
            states.append(shown.groups[group].enabled)
        if writer:
            states.append(shown.groups[group].writers[writer].enabled)
        if not states[-1]:
            return PubSubState.DISABLED
        if not all(states):
            return PubSubState.PAUSED
        if not any(one.writers for one in shown.groups.values()) and connection not in self._planned():
            return PubSubState.PRE_OPERATIONAL
        return self._running.state(connection)

    def _connection_counts(self, name: str) -> dict[str, int]:
        counts = self._running.counts(name)
        return {
            "StateError": counts.losses,
            "StateOperationalByParent": min(counts.connects, 1),
            "StateOperationalFromError": max(counts.connects - 1, 0),
        }

    def _group_counts(self, name: names.GroupName) -> dict[str, int]:
        writers = self._show().connections[name.connection].groups[name.group].writers
        counted = [self._running.messages(name.connection, writer) for writer in writers]
        counts = self._connection_counts(name.connection)
        counts["SentNetworkMessages"] = sum(sent for sent, _ in counted)
        counts["FailedTransmissions"] = sum(failed for _, failed in counted)
        return counts

    def _planned(self) -> dict[str, object]:
        planned = self._configuration.planned.pubsub
        return dict(planned.connections) if planned is not None else {}

    def _status(self, name: str | names.GroupName | names.WriterName) -> dict[str, CallMethod]:
        return {
            f"Status/{word}": answering(word, partial(self._connections.set_enabled, name, enabled=enabled))
            for word, enabled in (("Enable", True), ("Disable", False))
        }

    def _topics(self, connection: ShownConnection, writer: str = "") -> Topics | None:
        """Give where data go; None for encodings that have other topics than Part 14's."""
        settings = connection.settings
        if settings.encoding not in ("json", "uadp"):
            return None
        return Topics(settings.prefix_of(writer), settings.publisher or self._plan.settings.name, settings.encoding)


def _resetting(diagnostics: Diagnostics) -> CallMethod:
    async def reset() -> Answer:
        diagnostics.reset()
        return []

    return answering("Reset", reset)


def _transport(queue: Callable[[], str]) -> _Values:
    empty = partial(text_variant, "")
    return {
        "TransportSettings/QueueName": lambda: text_variant(queue()),
        "TransportSettings/ResourceUri": empty,
        "TransportSettings/AuthenticationProfileUri": empty,
        "TransportSettings/RequestedDeliveryGuarantee": partial(int32_variant, _AT_LEAST_ONCE),
    }


def _profile(connection: ShownConnection) -> str:
    """Give the TransportProfileUri; encodings of others than the OPC Foundation have none."""
    return PROFILES.get(connection.settings.encoding, "")


def _properties(connection: ShownConnection) -> bytes:
    """Give the keys that have no property of their own in Part 14; nothing secret."""
    settings = connection.settings
    shown = {
        "encoding": settings.encoding,
        "prefix": settings.prefix,
        "protocol": settings.protocol,
        "client_id": settings.client_id,
        "username": settings.username,
    }
    pairs = [
        ua.KeyValuePair(Key=ua.QualifiedName(key), Value=ua.Variant(text, ua.VariantType.String))
        for key, text in shown.items()
        if text
    ]
    return encode_variant(ua.Variant(pairs, ua.VariantType.ExtensionObject))
