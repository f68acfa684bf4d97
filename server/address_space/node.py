"""One node of the address space."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from asyncua import ua

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.decoding import GivenValue
from server.address_space.keys import NodeKey

Link = tuple[NodeKey, NodeKey]
"""A reference as one of its ends has it: the ReferenceType and the node at the other end."""

ReadValue = Callable[[], ua.DataValue | GivenValue]
CallMethod = Callable[..., Awaitable[Any]]

ACCESS_READ = 0x01
ACCESS_WRITE = 0x02
ACCESS_HISTORY_READ = 0x04
ACCESS_HISTORY_WRITE = 0x08
"""Bits of AccessLevel (Part 3 v1.05 8.57)."""


class BrowseName(NamedTuple):
    """A BrowseName with its namespace's index."""

    namespace: int
    name: str


class VariableAttributes(NamedTuple):
    """What Variables and VariableTypes have beside their value. Equal ones are one object, shared by many nodes.

    The access levels have the 32 bits of AccessLevelEx (Part 3 v1.05 8.58); the lowest eight are the AccessLevel.
    ``minimum_sampling_interval`` is in milliseconds.
    """

    data_type: NodeKey
    value_rank: int = -1
    array_dimensions: tuple[int, ...] = ()
    access_level: int = 1
    user_access_level: int = 1
    minimum_sampling_interval: float = 0.0
    historizing: bool = False


@dataclass(slots=True)
class HeldValue:
    """A value that is written now and then: the encoded Variant, its StatusCode and its times in 100 ns ticks."""

    variant: bytes
    status: int = 0
    source_time: int = 0
    server_time: int = 0


class RolePermission(NamedTuple):
    """What a role may do with a node (Part 3 v1.05 8.55)."""

    role: NodeKey
    permissions: int


class AccessAttributes(NamedTuple):
    """Attributes that few nodes have. Equal ones are one object.

    ``within``: another node, without whose rights nobody has any on this one; it was made for that one.
    """

    write_mask: int = 0
    access_restrictions: int | None = None
    role_permissions: tuple[RolePermission, ...] | None = None
    within: NodeKey | None = None


@dataclass(slots=True, eq=False)
class SpaceNode:
    """A node. Texts in several languages are all kept; which one is told depends on the session.

    ``value`` of a Variable or VariableType: the bytes of a constant's encoded Variant, a :class:`HeldValue`, a function
    that gives the DataValue, or None for a point (its value is in the process image) and where there is none.

    References are added and removed by :class:`~server.address_space.space.AddressSpace`, which keeps both ends right,
    and whole lists of them swapped by :mod:`server.model_change`.
    """

    key: NodeKey
    node_class: NodeClass
    browse_name: BrowseName
    display_name: tuple[LocalizedText, ...]
    description: tuple[LocalizedText, ...] = ()
    variable: VariableAttributes | None = None
    value: bytes | HeldValue | ReadValue | None = None
    flags: int = 0
    """EventNotifier of Objects and Views, else bits of :class:`Flag`."""
    definition: bytes | tuple[LocalizedText, ...] | CallMethod | None = None
    """DataTypes: the DataTypeDefinition as an encoded Variant; ReferenceTypes: InverseName; Methods: what is called."""
    access: AccessAttributes | None = None
    forward: list[Link] = field(default_factory=list[Link], init=False)
    inverse: list[Link] = field(default_factory=list[Link], init=False)


class Flag:
    """Bits of :attr:`SpaceNode.flags`; a View's stand beside the eight bits of its EventNotifier."""

    IS_ABSTRACT = 1
    SYMMETRIC = 2
    EXECUTABLE = 4
    CONTAINS_NO_LOOPS = 256


EVENT_NOTIFIER = 0xFF
"""The bits of :attr:`SpaceNode.flags` that are the EventNotifier."""
