"""Small address spaces for tests: points alone, or the standard namespace."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from asyncua import ua

from nodesets.built_in_types import LocalizedText
from nodesets.model import Model, read_model
from nodesets.nodes import NodeClass
from nodesets.resolver import Resolution
from server.address_space.asyncua_seam import UaAddressSpace
from server.address_space.attributes import Attributes
from server.address_space.keys import key_of, numeric_key
from server.address_space.node import BrowseName, SpaceNode, VariableAttributes
from server.address_space.space import AddressSpace
from server.address_space.writing import Writing
from server.ua_stack.point_access import PointAccess

_TEXT = (LocalizedText(None, "point"),)
_ATTRIBUTES = VariableAttributes(numeric_key(0, ua.ObjectIds.BaseDataType), access_level=7, user_access_level=7)


@cache
def standard_model() -> Model:
    """Read the standard namespace, once."""
    return read_model(Resolution(()))


def space_of_points(nodeids: Iterable[ua.NodeId]) -> AddressSpace:
    """Make Variables without references."""
    space = AddressSpace()
    for nodeid in nodeids:
        name = BrowseName(int(nodeid.NamespaceIndex), "point")
        space.add(SpaceNode(key_of(nodeid), NodeClass.VARIABLE, name, _TEXT, (), _ATTRIBUTES))
    return space


def access_to(space: AddressSpace) -> tuple[PointAccess, UaAddressSpace]:
    """Give the Read and Write services of a space, and what asyncua is shown of it."""
    attributes = Attributes(space)
    writing = Writing(attributes, 1000)
    shown = UaAddressSpace(attributes, writing)
    return PointAccess(attributes, writing), shown
