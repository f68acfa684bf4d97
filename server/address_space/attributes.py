"""The attributes of nodes as encoded Variants (Part 3 v1.05 5, Part 4 v1.05 5.11.2).

Which NodeClass has which attribute is told by :mod:`~server.address_space.attribute_encoding`. An optional attribute
that a node does not have is answered like one that its class does not have: BadAttributeIdInvalid.
"""

from __future__ import annotations

import logging
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
from server.address_space.namespace_defaults import ACCESS_RESTRICTIONS, DEFAULTS, ROLE_PERMISSIONS
from server.address_space.node import HeldValue, ReadValue, SpaceNode
from server.address_space.points import Points
from server.address_space.rights import READING, Use
from server.address_space.role_permissions import encode_role_permissions
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.address_space.structured import StructuredVariable
from server.users.well_known import Permission

_log = logging.getLogger("plantspace.address_space")
_BROWSE = int(Permission.BROWSE)


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
            rights = self.space.rights
            # Part 3 v1.05 8.55: who may browse a node may read its attributes, but for Value and RolePermissions.
            permissions = rights.permissions(node, context)
            if not permissions & _BROWSE or not rights.are_met(node, context, browsing=True):
                raise AttributeRefused(rights.refusal(node, context, _BROWSE, browsing=True))
            encoded = encode(node, context, permissions)
            if encoded is not None:
                if attribute == AttributeIds.RolePermissions:
                    refused = rights.refusal(node, context, Permission.READ_ROLE_PERMISSIONS)
                    if refused:
                        raise AttributeRefused(refused)
                return GivenValue(encoded, 0, None, self.clock())
        elif attribute == AttributeIds.Value and node.variable is not None:
            return self._value(node, context)
        raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)

    def _value(self, node: SpaceNode, context: SessionContext) -> GivenValue:
        check_access(self.space, node, context, READING)
        if node.node_class is NodeClass.VARIABLE:
            told = self._default_permissions(node, context) if node.browse_name.name in DEFAULTS else None
            return self.value(node) if told is None else told
        if node.value is None:
            raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)
        return self.value(node)

    def _default_permissions(self, node: SpaceNode, context: SessionContext) -> GivenValue | None:
        """Give DefaultRolePermissions or DefaultUserRolePermissions of a namespace (Part 5 v1.05 6.3.14).

        None where the node is none of them, or holds the value itself.
        """
        rights, held = self.space.rights, node.value
        told = rights.told(node)
        if told is None or told.name == ACCESS_RESTRICTIONS:
            return None
        said, roles = rights.defaults_of(told.namespace), context.roles
        if told.name == ROLE_PERMISSIONS:
            if held is not None and held != NULL_VARIANT:
                return None
            if not rights.permissions(node, context) & Permission.READ_ROLE_PERMISSIONS:
                raise AttributeRefused(StatusCodes.BadUserAccessDenied)
        else:
            said = [one for one in said if roles is None or one[0] in roles]
        return GivenValue(encode_role_permissions(said), 0, self._started, self.clock())

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
        return self._asked(node, held)

    def _asked(self, node: SpaceNode, tell: ReadValue) -> GivenValue:
        """Give what a function tells; its fault is this value's alone (Part 4 v1.05 5.11.2.2, results)."""
        moment = self.clock()
        try:
            told = tell()
            given = told if isinstance(told, GivenValue) else given_value(told)
        except Exception:  # noqa: BLE001 - as said: whatever it is, the other items of a Read are answered
            _log.exception("the value of %s cannot be told", node.browse_name.name)
            return GivenValue(None, StatusCodes.BadInternalError, moment, moment)
        return given._replace(
            status=given.status or 0,
            source_time=moment if given.source_time is None else given.source_time,
            server_time=moment if given.server_time is None else given.server_time,
        )


def check_access(space: AddressSpace, node: SpaceNode, context: SessionContext, use: Use) -> None:
    """Raise :class:`AttributeRefused` where a session may not use a Variable's value so (:class:`Rights`)."""
    refused = space.rights.value_refusal(node, context, use)
    if refused:
        raise AttributeRefused(refused)


def has_attribute(node: SpaceNode, attribute: int) -> bool:
    """Tell whether the node's class has an attribute at all."""
    if attribute == AttributeIds.Value:
        return node.variable is not None
    return attribute in ATTRIBUTES[node.node_class]
