"""What a Browse asks for (Part 4 v1.05 5.9.2.2), with NodeIds as keys of the address space."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import NamedTuple

from server.address_space.keys import NULL_KEY, NodeKey


class Direction(enum.IntEnum):
    """BrowseDirection (7.5)."""

    FORWARD = 0
    INVERSE = 1
    BOTH = 2


class Field:
    """BrowseResultMask: the fields of a ReferenceDescription that are asked for, bits of a plain number."""

    REFERENCE_TYPE = 1
    IS_FORWARD = 2
    NODE_CLASS = 4
    BROWSE_NAME = 8
    DISPLAY_NAME = 16
    TYPE_DEFINITION = 32
    ALL = 63


class Wanted(NamedTuple):
    """One node to browse. ``direction`` may be none of :class:`Direction`; that is refused for this node alone."""

    node: NodeKey
    direction: int = Direction.FORWARD
    reference_type: NodeKey = NULL_KEY
    subtypes: bool = True
    classes: int = 0
    fields: int = Field.ALL


class ViewWanted(NamedTuple):
    """The View to browse in. ``timestamp``: 100 ns ticks; null values ask for the present View."""

    view: NodeKey = NULL_KEY
    timestamp: int = 0
    version: int = 0


class BrowseRequest(NamedTuple):
    """A Browse. ``most``: references a node; 0 is no limit of the client's."""

    nodes: Sequence[Wanted]
    view: ViewWanted = ViewWanted()
    most: int = 0
