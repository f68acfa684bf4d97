"""The edge node: its devices with their aliases, and the messages of births and deaths without numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.object_json import ObjectJson
from server.pubsub.sparkplug.device import Device, RetiredMetric
from server.pubsub.sparkplug.encoding import SparkplugEncoding
from server.pubsub.sparkplug.names import BD_SEQ, REBIRTH, NodeTopics, metric_names
from server.pubsub.sparkplug.payload import Metric, Payload, encode_payload
from server.pubsub.sparkplug.settings import SparkplugSettings
from server.pubsub.sparkplug.state import NodeState
from server.pubsub.sparkplug.types import SparkplugType, sparkplug_type
from server.pubsub.topics import check_level

_NODE: Final = ""


class EdgeNode:
    """What does not change from link to link. Made anew when the model changes."""

    def __init__(
        self,
        settings: SparkplugSettings,
        publisher: str,
        fields: Mapping[str, Sequence[DataSetField]],
        state: NodeState,
        codec: StructureCodec = NO_TYPES,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Give aliases to the metrics of the DataSets; ``state`` is loaded before and saved after, by the caller.

        ``publisher``: the node's id where the settings have none; ``properties``: texts for the NBIRTH, such as
        ``{"Software": "Plantspace"}``. Takes some 70 us a metric, so it belongs on a thread.

        Raises :class:`~core.errors.SettingError` for a name that cannot stand in a topic, :class:`ValueError` for two
        metrics of one name.
        """
        self.settings = settings
        self.topics = NodeTopics(settings.group, check_level(settings.node or publisher))
        self.devices: dict[str, Device] = {}
        self._properties = dict(properties or {})
        on_node = settings.devices == "node"
        names = {name: metric_names(members, name if on_node else "") for name, members in fields.items()}
        aliases: dict[str, list[int]] = {}
        if on_node:
            every = [
                (name, sparkplug_type(field))
                for dataset, members in fields.items()
                for name, field in zip(names[dataset], members, strict=True)
            ]
            given = iter(state.admit(_NODE, every))
            aliases = {name: [next(given) for _ in members] for name, members in fields.items()}
        else:
            aliases = {
                name: state.admit(
                    name, [(metric, sparkplug_type(field)) for metric, field in zip(names[name], members, strict=True)]
                )
                for name, members in fields.items()
            }
        state.retire_others([_NODE] if on_node else list(fields))
        self.retired = state.retired()
        for name, members in fields.items():
            self.devices[name] = Device(
                _NODE if on_node else name,
                members,
                names[name],
                aliases[name],
                ObjectJson(members, codec).text,
                settings.uint32,
                data_types=settings.data_types,
            )

    def encoding(self, dataset: str) -> SparkplugEncoding:
        """Give the encoding of a DataSet's writer."""
        device = self.devices[dataset]
        return SparkplugEncoding(device, self.topics.data(device.name), self.settings.qos)

    def death(self, bd_seq: int, now: int) -> bytes:
        """Give the payload of NDEATH (Sparkplug 3.0.0, 6.4.25): no ``seq``."""
        return encode_payload(Payload(timestamp=now, metrics=[_bd_seq(bd_seq, now)]))

    def birth(
        self, bd_seq: int, now: int, values: Mapping[str, Sequence[FieldValues]], retired: Sequence[RetiredMetric]
    ) -> bytes:
        """Give the metrics of NBIRTH; ``values``: those of the DataSets that are the node's own."""
        metrics = [
            _bd_seq(bd_seq, now),
            # Without an alias: Sparkplug 3.0.0, 5.17, tck-id-operational-behavior-data-commands-rebirth-name-aliases.
            Metric(name=REBIRTH, timestamp=now, datatype=SparkplugType.BOOLEAN, boolean_value=False),
        ]
        metrics += [
            Metric(name=f"Properties/{name}", timestamp=now, datatype=SparkplugType.STRING, string_value=text)
            for name, text in self._properties.items()
        ]
        parts = [encode_payload(Payload(metrics=metrics))]
        own = [(name, device) for name, device in self.devices.items() if device.name == _NODE]
        parts += [device.birth(values[name], now) for name, device in own]
        parts.append(_retired(retired, now))
        return b"".join(parts)

    def device_birth(
        self, dataset: str, now: int, values: Sequence[FieldValues], retired: Sequence[RetiredMetric]
    ) -> bytes:
        """Give the metrics of a DBIRTH; of a device that is no more, the retired ones alone."""
        device = self.devices.get(dataset)
        return (device.birth(values, now) if device is not None else b"") + _retired(retired, now)


def _bd_seq(number: int, now: int) -> Metric:
    return Metric(name=BD_SEQ, timestamp=now, datatype=SparkplugType.INT64, long_value=number)


def _retired(metrics: Sequence[RetiredMetric], now: int) -> bytes:
    return encode_payload(
        Payload(
            metrics=[
                Metric(name=one.name, alias=one.alias, timestamp=now, datatype=one.kind, is_null=True)
                for one in metrics
            ]
        )
    )
