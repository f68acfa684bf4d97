"""Nodes for what the model does not hold: devices, and tags without a node of their own (the contract's section 4)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from asyncua import ua

from core.datatypes import DataType
from nodesets.ua_units import eu_information
from nodesets.units import by_code, by_symbol
from server.ua_stack.nodes import ORGANIZES, READ, WRITE, NodeBuilder

_OBJECTS = ua.NodeId(ua.Int32(ua.ObjectIds.ObjectsFolder))
_ANALOG_UNIT_RANGE = ua.NodeId(ua.Int32(ua.ObjectIds.AnalogUnitRangeType))
_ANALOG_UNIT = ua.NodeId(ua.Int32(ua.ObjectIds.AnalogUnitType))
_ANALOG_ITEM = ua.NodeId(ua.Int32(ua.ObjectIds.AnalogItemType))
_EU = ua.NodeId(ua.Int32(ua.ObjectIds.EUInformation))
_RANGE = ua.NodeId(ua.Int32(ua.ObjectIds.Range))
_ENUM_VALUE = ua.NodeId(ua.Int32(ua.ObjectIds.EnumValueType))
_UNKNOWN_UNIT = -1
"""UnitId of a unit without a UNECE code (Part 8 v1.05 5.6.3.3)."""


@dataclass(frozen=True, slots=True)
class TagNode:
    """What a generated variable shows of its tag."""

    name: str
    datatype: DataType
    unit: str
    minimum: float
    maximum: float
    description: str
    writable: bool
    scan: float
    states: tuple[tuple[int, str], ...] = ()


class Generator:
    """Makes nodes in the gateway's own namespace, ``urn:plantspace:<name>``."""

    def __init__(self, builder: NodeBuilder, namespace: int, device_type: ua.NodeId | None) -> None:
        """``namespace``: the index of the gateway's namespace; ``device_type``: the type of device objects."""
        self._builder = builder
        self._namespace = namespace
        self._device_type = device_type
        self._devices: dict[str, ua.NodeId] = {}

    def nodeid(self, identifier: str) -> ua.NodeId:
        """Give the NodeId of a name in the gateway's namespace."""
        return ua.NodeId(ua.String(identifier), ua.Int16(self._namespace))

    def device(self, name: str) -> ua.NodeId:
        """Give the object ``/Objects/<name>``, making it the first time."""
        known = self._devices.get(name)
        if known is None:
            known = self._builder.add_object(
                _OBJECTS, self.nodeid(name), name, reference=ORGANIZES, type_definition=self._device_type, notifies=True
            )
            self._devices[name] = known
        return known

    def tag(self, device: str, tag: TagNode) -> ua.NodeId:
        """Make ``/Objects/<device>/<tag>``. Raises :class:`ValueError` where it is there already."""
        parent = self.device(device)
        identifier = f"{device}.{tag.name}"
        bounded = math.isfinite(tag.minimum) and math.isfinite(tag.maximum)
        kind = None
        if tag.datatype.is_number and not tag.states:
            if bounded:
                kind = _ANALOG_UNIT_RANGE if tag.unit else _ANALOG_ITEM
            elif tag.unit:
                kind = _ANALOG_UNIT
        node = self._builder.add_variable(
            parent,
            self.nodeid(identifier),
            tag.name,
            ua.NodeId(ua.Int32(int(tag.datatype))),
            access=READ | WRITE if tag.writable else READ,
            type_definition=kind,
            interval=tag.scan * 1e3,
            description=tag.description,
        )
        if tag.unit:
            unit = self.nodeid(f"{identifier}.EngineeringUnits")
            self._builder.add_property(node, unit, "EngineeringUnits", _EU, _unit(tag.unit))
        if bounded and kind is not None:
            value = _range(tag.minimum, tag.maximum)
            self._builder.add_property(node, self.nodeid(f"{identifier}.EURange"), "EURange", _RANGE, value)
        if tag.states:
            states = [
                ua.EnumValueType(Value=ua.Int64(number), DisplayName=ua.LocalizedText(ua.String(text)))
                for number, text in tag.states
            ]
            value = ua.Variant(states, ua.VariantType.ExtensionObject)
            identifier = f"{identifier}.EnumValues"
            self._builder.add_property(node, self.nodeid(identifier), "EnumValues", _ENUM_VALUE, value, value_rank=1)
        return node


@cache
def _unit(text: str) -> ua.Variant:
    """Give the value of an EngineeringUnits property; the same unit is one object."""
    unit = by_symbol(text) or by_code(text)
    if unit is not None:
        return ua.Variant(eu_information(unit), ua.VariantType.ExtensionObject)
    unknown = ua.EUInformation(UnitId=ua.Int32(_UNKNOWN_UNIT), DisplayName=ua.LocalizedText(ua.String(text)))
    return ua.Variant(unknown, ua.VariantType.ExtensionObject)


@cache
def _range(low: float, high: float) -> ua.Variant:
    """Give the value of an EURange property; the same range is one object."""
    return ua.Variant(ua.Range(Low=ua.Double(low), High=ua.Double(high)), ua.VariantType.ExtensionObject)
