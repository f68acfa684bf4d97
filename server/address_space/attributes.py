"""The attributes of nodes as encoded Variants (Part 3 v1.05 5, Part 4 v1.05 5.11.2).

Which NodeClass has which attribute is told by :mod:`~server.address_space.attribute_encoding`. An optional attribute
that a node does not have is answered like one that its class does not have: BadAttributeIdInvalid.
"""

from __future__ import annotations

from collections.abc import Callable

from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import given_value
from server.address_space.attribute_encoding import ATTRIBUTES
from server.address_space.decoding import GivenValue
from server.address_space.encoding import NULL_VARIANT
from server.address_space.node import ACCESS_READ, HeldValue, SpaceNode
from server.address_space.points import Points
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.structured import StructuredVariable


class AttributeRefused(PlantspaceError):  # noqa: N818 - the name says what became of the request
    """An attribute cannot be read or written; ``status`` is the operation's StatusCode."""

    def __init__(self, status: int) -> None:
        """Keep the StatusCode."""
        self.status = status
        super().__init__(f"0x{status:08X}")


class Attributes:
    """Answers any attribute of any node."""

    def __init__(self, space: AddressSpace, clock: Callable[[], int] = now) -> None:
        """Answer for the nodes of ``space``; ``clock`` gives DateTime ticks."""
        self.space = space
        self.points: Points | None = None
        self.clock = clock
        self._started = clock()

    def bind(self, points: Points) -> None:
        """Answer the values of ``points`` from their image from now on."""
        self.points = points

    def slot_of(self, node: SpaceNode) -> int | None:
        """Give a Variable's slot, or None for a node that is no point."""
        if self.points is None or node.node_class is not NodeClass.VARIABLE:
            return None
        return self.points.slots.get(node.key)

    def structured(self, node: SpaceNode) -> StructuredVariable | None:
        """Give what composes a Variable's value of points, or None for one that is not composed."""
        return None if self.points is None else self.points.structured.get(node.key)

    def read(self, node: SpaceNode, attribute: int, context: SessionContext) -> GivenValue:
        """Give an attribute with status and times; attributes other than Value have no source time.

        Raises :class:`AttributeRefused`.
        """
        encode = ATTRIBUTES[node.node_class].get(attribute)
        if encode is not None:
            encoded = encode(node, context)
            if encoded is not None:
                return GivenValue(encoded, 0, None, self.clock())
        elif attribute == AttributeIds.Value and node.variable is not None:
            return self._value(node, context)
        raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)

    def _value(self, node: SpaceNode, context: SessionContext) -> GivenValue:
        if node.node_class is NodeClass.VARIABLE:
            check_access(node, context, ACCESS_READ, StatusCodes.BadNotReadable)
        elif node.value is None:
            raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)
        return self.value(node)

    def value(self, node: SpaceNode) -> GivenValue:
        """Give a Variable's or VariableType's value as it stands, whoever asks."""
        slot = self.slot_of(node)
        if slot is not None and self.points is not None:
            return self.points.read(*self.points.place(slot))
        structured = self.structured(node)
        if structured is not None and self.points is not None:
            return structured.read(self.points)
        held = node.value
        if isinstance(held, bytes):  # a constant: known since the start, and still so
            return GivenValue(held, 0, self._started, self.clock())
        if isinstance(held, HeldValue):
            return GivenValue(held.variant, held.status, held.source_time, held.server_time)
        if held is None:  # a variable that nobody has given a value yet
            return GivenValue(NULL_VARIANT, 0, self._started, self.clock())
        given = given_value(held())
        moment = self.clock()
        return given._replace(
            status=given.status or 0,
            source_time=moment if given.source_time is None else given.source_time,
            server_time=moment if given.server_time is None else given.server_time,
        )


def check_access(node: SpaceNode, context: SessionContext, bit: int, refusal: int) -> None:
    """Raise :class:`AttributeRefused` where AccessLevel has not got ``bit``, or the user's rights have not.

    ``refusal``: the StatusCode for the former; the latter is BadUserAccessDenied. The gateway itself may do anything.
    """
    if context.is_gateway or node.variable is None:
        return
    if not node.variable.access_level & bit:
        raise AttributeRefused(refusal)
    if not node.variable.user_access_level & context.access & bit:
        raise AttributeRefused(StatusCodes.BadUserAccessDenied)


def has_attribute(node: SpaceNode, attribute: int) -> bool:
    """Tell whether the node's class has an attribute at all."""
    if attribute == AttributeIds.Value:
        return node.variable is not None
    return attribute in ATTRIBUTES[node.node_class]
