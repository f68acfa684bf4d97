"""What hosts ask for: NCMD and DCMD taken apart, names and aliases resolved, values checked against their types."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from core.datatypes import DataType
from server.pubsub.commands.json_document import read_document
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.contract import MqttMessage
from server.pubsub.sparkplug.device import Device
from server.pubsub.sparkplug.names import REBIRTH
from server.pubsub.sparkplug.payload import Limits, Metric, decode_payload
from server.pubsub.sparkplug.types import SparkplugType
from server.pubsub.sparkplug.values import metric_value
from server.pubsub.sparkplug.wire import PayloadError

MOST_PARTS = 5_000
"""Metrics and their parts in one command."""
MOST_WRITES = 1_000
"""Metrics that one command writes, as many as one request of an OPC UA client."""
_MOST_SHOWN = 128


@dataclass(frozen=True, slots=True)
class MetricWrite:
    """One value to be written. ``node``: NodeId text; ``slot``: the point's place in the process image.

    ``value``: as JSON has it (DateTime as text, arrays as lists, a structure as an object), bytes for a ByteString,
    None for a null; ``datatype``: what it or its elements are, VARIANT where only the node says it.
    """

    metric: str
    node: str
    slot: int
    value: object
    datatype: DataType
    is_array: bool = False


@dataclass(frozen=True, slots=True)
class SparkplugCommand:
    """Writes that one message asks for.

    ``device``: the device id, empty for the node. ``identifier``: the same for the same message, however often it
    comes; empty where the message has no time, for then a second wish cannot be told from a second delivery.
    ``refusals``: why parts of the message are no writes, by metric (empty for the message as a whole); where there are
    any, ``writes`` is empty: a command is carried out whole or not at all.
    """

    device: str
    writes: tuple[MetricWrite, ...] = ()
    identifier: str = ""
    refusals: tuple[tuple[str, str], ...] = ()


class CommandReader:
    """Reads commands for the metrics of some devices."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        """Know the metrics by name and by alias."""
        self._by_name = {
            (device.name, name): (device, place)
            for device in devices.values()
            for place, name in enumerate(device.names)
        }
        self._by_alias = {
            (device.name, alias): (device, place)
            for device in devices.values()
            for place, alias in enumerate(device.aliases)
        }

    def read(self, message: MqttMessage, device: str) -> tuple[SparkplugCommand, bool]:
        """Take a message for ``device`` apart; tells whether it asks for a rebirth, too."""
        try:
            payload = decode_payload(message.payload, Limits(MOST_PARTS))
        except PayloadError as error:
            return SparkplugCommand(device, refusals=(("", str(error)),)), False
        writes: list[MetricWrite] = []
        refusals: list[tuple[str, str]] = []
        rebirth = False
        for metric in payload.metrics:
            if metric.name == REBIRTH and not device:
                rebirth = rebirth or metric.boolean_value is True
                continue
            called = _printable(metric.name) if metric.name is not None else f"alias {metric.alias}"
            try:
                writes.append(self._write(device, metric))
            except PayloadError as error:
                refusals.append((called, str(error)))
        if len(writes) > MOST_WRITES:
            refusals.append(("", f"the command writes {len(writes)} metrics, more than {MOST_WRITES}"))
        timed = payload.timestamp is not None or any(one.timestamp is not None for one in payload.metrics)
        digest = hashlib.blake2b(message.topic.encode() + b"\0" + message.payload, digest_size=16).hexdigest()
        command = SparkplugCommand(device, () if refusals else tuple(writes), digest if timed else "", tuple(refusals))
        return command, rebirth

    def _write(self, device: str, metric: Metric) -> MetricWrite:
        found = (
            self._by_name.get((device, metric.name))
            if metric.name is not None
            else self._by_alias.get((device, metric.alias or 0))
        )
        if found is None:
            message = "there is no such metric"
            raise PayloadError(message)
        owner, place = found
        if metric.name is not None and metric.alias is not None and metric.alias != owner.aliases[place]:
            message = f"the alias {metric.alias} is another metric's"
            raise PayloadError(message)
        kind, target = owner.kinds[place], owner.fields[place]
        if metric.datatype not in (None, 0, kind) and not _is_text(metric.datatype, kind):
            message = f"the metric is {kind.name}, not of type {metric.datatype}"
            raise PayloadError(message)
        return MetricWrite(
            owner.names[place],
            target.node,
            target.slot,
            _value(metric, kind, target.wire_type),
            target.wire_type,
            kind >= SparkplugType.INT8_ARRAY,
        )


def _value(metric: Metric, kind: SparkplugType, datatype: DataType) -> object:
    value = metric_value(metric, kind)
    if not isinstance(value, str) or datatype in (DataType.STRING, DataType.GUID, DataType.DATETIME):
        return value
    try:
        return read_document(value.encode(), len(value) * 4)
    except CommandRefused as refused:
        raise PayloadError(refused.problem) from None


def _printable(name: str) -> str:
    """Give as much of a stranger's name as the log and the audit trail have room for, without control characters."""
    text = name if name.isprintable() else ascii(name)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _is_text(given: int | None, kind: SparkplugType) -> bool:
    texts = (SparkplugType.STRING, SparkplugType.TEXT, SparkplugType.UUID)
    return given in texts and kind in texts
