"""Our address space as asyncua's own code knows it (seam: ``InternalServer.aspace``).

asyncua's Node API, EventGenerator and method service look nodes up by ``ua.NodeId`` and read and
write ``ua.DataValue``. Everything here is a view: nothing is kept, and what is asked for is made on the spot.
"""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import data_value, given_value
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.address_space.node import CallMethod, Link, SpaceNode
from server.address_space.read_request import node_of
from server.address_space.session_context import GATEWAY
from server.address_space.writing import WriteItem, Writing

ReadCallback = Callable[[ua.NodeId, ua.AttributeIds], ua.DataValue]


class UaAddressSpace:
    """What asyncua calls an address space."""

    def __init__(self, attributes: Attributes, writing: Writing) -> None:
        """Show the nodes of ``attributes.space``; what asyncua reads and writes, the gateway itself does."""
        self._attributes = attributes
        self._space = attributes.space
        self._writing = writing

    def __contains__(self, nodeid: ua.NodeId) -> bool:
        """Tell whether there is such a node."""
        return key_of(nodeid) in self._space

    def __getitem__(self, nodeid: ua.NodeId) -> UaNode:
        """Give a node. Raises :class:`KeyError`."""
        return UaNode(self, self._space[key_of(nodeid)])

    def get(self, nodeid: ua.NodeId) -> UaNode | None:
        """Give a node, or None."""
        node = self._space.get(key_of(nodeid))
        return None if node is None else UaNode(self, node)

    def keys(self) -> Iterator[ua.NodeId]:
        """Give all NodeIds."""
        return (nodeid_of(key) for key in self._space.nodes)

    def read_attribute_value(self, nodeid: ua.NodeId, attr: ua.AttributeIds) -> ua.DataValue:
        """Read an attribute; what is wrong is the DataValue's StatusCode."""
        try:
            node = node_of(self._space, key_of(nodeid))
            return data_value(self._attributes.read(node, int(attr), GATEWAY))
        except AttributeRefused as refused:
            return ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(refused.status)))

    async def write_attribute_value(
        self, nodeid: ua.NodeId, attr: ua.AttributeIds, value: ua.DataValue
    ) -> ua.StatusCode:
        """Write an attribute as the gateway itself."""
        item = WriteItem(key_of(nodeid), int(attr), given_value(value))
        return ua.StatusCode(ua.UInt32(await self._writing.write_one(item, GATEWAY)))

    def set_attribute_value_callback(
        self, nodeid: ua.NodeId, attr: ua.AttributeIds, callback: ReadCallback
    ) -> ua.StatusCode:
        """Answer a Variable's Value by ``callback`` from now on; other attributes cannot be."""
        node = self._space.get(key_of(nodeid))
        if node is None:
            return ua.StatusCode(ua.UInt32(StatusCodes.BadNodeIdUnknown))
        if attr != AttributeIds.Value or node.variable is None:
            return ua.StatusCode(ua.UInt32(StatusCodes.BadAttributeIdInvalid))
        node.value = lambda: callback(nodeid, attr)
        return ua.StatusCode()

    def add_method_callback(self, methodid: ua.NodeId, callback: CallMethod) -> ua.StatusCode:
        """Let a method call ``callback``. Raises :class:`KeyError` for a node that is not there."""
        self[methodid].call = callback
        return ua.StatusCode()

    def described(self, link: Link, *, forward: bool) -> ua.ReferenceDescription:
        """Give a reference as asyncua's own nodes hold it."""
        kind, other = link
        target = self._space[other]
        definition = self._space.type_of(target)
        shown = target.display_name[0]
        return ua.ReferenceDescription(
            ReferenceTypeId=nodeid_of(kind),
            IsForward=forward,
            NodeId=_expanded(other),
            BrowseName=ua.QualifiedName(ua.String(target.browse_name.name), ua.Int16(target.browse_name.namespace)),
            DisplayName=ua.LocalizedText(ua.String(shown.text), ua.LocaleId(shown.locale)),
            NodeClass=ua.NodeClass(target.node_class),
            TypeDefinition=_expanded(definition) if definition is not None else ua.ExpandedNodeId(),
        )


class UaNode:
    """One node; equal to any other view of the same node."""

    def __init__(self, aspace: UaAddressSpace, node: SpaceNode) -> None:
        """Show ``node``."""
        self._aspace = aspace
        self._node = node

    def __eq__(self, other: object) -> bool:
        """Tell whether the other one shows the same node."""
        return isinstance(other, UaNode) and other._node is self._node

    def __hash__(self) -> int:
        """Hash by the node."""
        return hash(self._node.key)

    @property
    def nodeid(self) -> ua.NodeId:
        """The NodeId."""
        return nodeid_of(self._node.key)

    @property
    def call(self) -> CallMethod | None:
        """What a Method calls."""
        if self._node.node_class is not NodeClass.METHOD:
            return None
        return cast("CallMethod | None", self._node.definition)

    @call.setter
    def call(self, callback: CallMethod) -> None:
        self._node.definition = callback

    @property
    def attributes(self) -> UaAttributes:
        """The attributes, by number."""
        return UaAttributes(self._aspace, self.nodeid)

    @property
    def references(self) -> list[ua.ReferenceDescription]:
        """All references, those from the node first."""
        forward = [self._aspace.described(link, forward=True) for link in self._node.forward]
        return forward + [self._aspace.described(link, forward=False) for link in self._node.inverse]


class UaAttributes:
    """A node's attributes as asyncua looks them up."""

    def __init__(self, aspace: UaAddressSpace, nodeid: ua.NodeId) -> None:
        """Show the attributes of the node ``nodeid``."""
        self._aspace = aspace
        self._nodeid = nodeid

    def get(self, attribute: ua.AttributeIds) -> UaAttribute | None:
        """Give an attribute, or None for one that the node has not got."""
        value = self._aspace.read_attribute_value(self._nodeid, attribute)
        refused = value.StatusCode is not None and value.StatusCode.value == StatusCodes.BadAttributeIdInvalid
        return None if refused else UaAttribute(value)


class UaAttribute:
    """An attribute's value as it was when it was asked for."""

    def __init__(self, value: ua.DataValue) -> None:
        """Hold ``value``."""
        self.value = value


def _expanded(key: NodeKey) -> ua.ExpandedNodeId:
    nodeid: Any = nodeid_of(key)  # asyncua keeps plain NodeIds where it declares expanded ones
    return nodeid
