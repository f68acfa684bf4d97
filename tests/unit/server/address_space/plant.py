"""A small plant's address space for tests: points of several types, constants, and the standard's own types."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.server.address_space import AddressSpace as UaOwnSpace
from asyncua.server.address_space import NodeManagementService
from asyncua.server.standard_address_space import standard_address_space
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import encode_variant
from server.address_space.attributes import Attributes
from server.address_space.keys import NodeKey, key_of, numeric_key
from server.address_space.node import BrowseName, Flag, SpaceNode, VariableAttributes
from server.address_space.points import Points
from server.address_space.space import AddressSpace

NOW = 133_000_000_000_000_000
FOLDER = numeric_key(0, 85)
ORGANIZES = numeric_key(0, 35)
ABSTRACT = frozenset({31, 32, 33, 34, 44, 62})
"""Types that the standard says are abstract; asyncua says so of many that are not."""


def key(name: str) -> NodeKey:
    return (2, name)


def node(name: str, node_class: NodeClass = NodeClass.OBJECT, **attributes: Any) -> SpaceNode:
    return SpaceNode(key(name), node_class, BrowseName(2, name), (LocalizedText(None, name),), **attributes)


def variable(name: str, data_type: int, value: Any = None, **attributes: Any) -> SpaceNode:
    """A variable; ``value`` is a Variant, or what a SpaceNode holds."""
    held = encode_variant(value) if isinstance(value, ua.Variant) else value
    described = VariableAttributes(numeric_key(0, data_type), **attributes)
    return node(name, NodeClass.VARIABLE, variable=described, value=held)


def bind(attributes: Attributes, types: list[DataType], prefix: str = "p") -> ProcessImage:
    """Points ``p0 …`` of the types, each with a first value."""
    image = ProcessImage([Point(f"nsu=urn:x;s={prefix}{i}", kind) for i, kind in enumerate(types)], NOW)
    for index, kind in enumerate(types):
        attributes.space.add(variable(f"{prefix}{index}", min(int(kind), 24), access_level=3, user_access_level=3))
    attributes.bind(Points(image, {key(f"{prefix}{index}"): index for index in range(len(types))}))
    for slot, kind in enumerate(types):
        put(image, slot, FIRST[kind])
    return image


def put(image: ProcessImage, slot: int, value: Any, status: int = 0, moment: int = NOW) -> None:
    column = np.empty(1, image.points[slot].datatype.dtype)
    column[0] = value
    image.apply(Batch(np.array([slot], np.int32), column, status, moment, moment + 5))


FIRST: dict[DataType, Any] = {
    DataType.BOOLEAN: True,
    DataType.SBYTE: -3,
    DataType.BYTE: 250,
    DataType.INT16: -300,
    DataType.UINT16: 60_000,
    DataType.INT32: -70_000,
    DataType.UINT32: 4_000_000_000,
    DataType.INT64: -(2**60),
    DataType.UINT64: 2**63 + 1,
    DataType.FLOAT: 1.5,
    DataType.DOUBLE: 2.25,
    DataType.STRING: "grün",
    DataType.DATETIME: NOW,
    DataType.GUID: UUID(int=77),
    DataType.BYTESTRING: b"\x00\x01",
    DataType.STATUSCODE: 0x80310000,
    DataType.VARIANT: ua.Variant([1, 2, 3], ua.VariantType.Int16),
}


def read_body(*items: ua.ReadValueId, timestamps: Any = ua.TimestampsToReturn.Both, max_age: float = 0.0) -> bytes:
    parameters = ua.ReadParameters()
    parameters.MaxAge = max_age
    parameters.TimestampsToReturn = timestamps
    parameters.NodesToRead = list(items)
    return struct_to_binary(parameters)


def item(name: str, attribute: int = 13, index_range: str | None = None, encoding: Any = None) -> ua.ReadValueId:
    wanted = ua.ReadValueId()
    wanted.NodeId = ua.NodeId(name, 2)
    wanted.AttributeId = attribute
    wanted.IndexRange = index_range
    if encoding is not None:
        wanted.DataEncoding = encoding
    return wanted


def results(answer: bytes) -> list[ua.DataValue]:
    """A foreign reading of what a Read was answered with."""
    data = Buffer(answer)
    count = int.from_bytes(data.read(4), "little")
    values = [struct_from_binary(ua.DataValue, data) for _ in range(count)]
    assert data.read(4) == b"\xff\xff\xff\xff"
    assert not len(data)
    return values


def standard_space() -> AddressSpace:
    """The standard namespace, from asyncua's own."""
    own = UaOwnSpace()
    standard_address_space.fill_address_space(NodeManagementService(own))
    space = AddressSpace()
    links: dict[Any, Any] = {}
    nodeids = list(own.keys())
    for nodeid in nodeids:
        space.add(_standard_node(own[nodeid]))
    for nodeid in nodeids:
        for reference in own[nodeid].references:
            here, there = key_of(nodeid), key_of(reference.NodeId)
            source, target = (here, there) if reference.IsForward else (there, here)
            links[source, key_of(reference.ReferenceTypeId), target] = None
    for source, kind, target in links:
        space.refer(source, kind, target)
    return space


def _standard_node(data: Any) -> SpaceNode:
    held = {int(attribute): value.value.Value.Value for attribute, value in data.attributes.items()}
    name, shown = held[ua.AttributeIds.BrowseName], held[ua.AttributeIds.DisplayName]
    made = SpaceNode(
        key_of(data.nodeid),
        NodeClass(int(held[ua.AttributeIds.NodeClass])),
        BrowseName(name.NamespaceIndex, name.Name),
        (LocalizedText(shown.Locale, shown.Text),),
    )
    if ua.AttributeIds.DataType in held:
        made.variable = VariableAttributes(
            key_of(held[ua.AttributeIds.DataType]),
            held[ua.AttributeIds.ValueRank],
            tuple(held.get(ua.AttributeIds.ArrayDimensions) or ()),
        )
        value = data.attributes[ua.AttributeIds.Value].value.Value if ua.AttributeIds.Value in data.attributes else None
        made.value = None if value is None or value.Value is None else encode_variant(value)
    made.flags = held.get(ua.AttributeIds.EventNotifier, 0) | (Flag.IS_ABSTRACT if made.key in ABSTRACT else 0)
    if made.node_class is NodeClass.METHOD:
        made.flags = Flag.EXECUTABLE
    definition = held.get(ua.AttributeIds.DataTypeDefinition)
    if isinstance(definition, ua.EnumDefinition | ua.StructureDefinition):
        made.definition = encode_variant(ua.Variant(definition, ua.VariantType.ExtensionObject))
    return made
