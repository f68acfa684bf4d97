"""The members of an instance that is being made: a tree by BrowsePaths (Part 3 v1.05 6.3.3.2).

A member is described by everything that declares it at its path: the declaration of the type itself, those that it
overrides, those of the type of the object around it, and so on outwards. They are its contributions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from nodesets.built_in_types import QualifiedName
from nodesets.names import NodeName
from nodesets.nodes import NodeClass


@dataclass(slots=True, eq=False)
class Scope:
    """Types as they are made into one instance: within it a declaration means one node.

    ``owner`` is that instance. ``outer`` is the scope that declares the owner; None for that of the whole instance.
    ``of_placeholder``: not of the owner's types but of what is declared beneath the placeholder that it stands for.
    """

    owner: Member
    outer: Scope | None = None
    depth: int = 0
    of_placeholder: bool = False


class Contribution(NamedTuple):
    """A declaration, or a type, that says something of a member. ``level``: the less, the nearer."""

    scope: Scope
    node: NodeName
    level: tuple[int, int]

    @property
    def token(self) -> tuple[Scope, NodeName]:
        """What is one node in the instance."""
        return self.scope, self.node


@dataclass(slots=True, eq=False)
class Member:
    """A node of the instance at one path. ``contributions`` are in the order of precedence, types behind declarations.

    ``references`` are the types of the references from the parent.
    """

    browse_name: QualifiedName
    segment: str
    node_class: NodeClass
    parent: Member | None = None
    references: list[NodeName] = field(default_factory=list[NodeName])
    contributions: list[Contribution] = field(default_factory=list[Contribution])
    declared: int = 0
    """How many of the contributions are declarations; the others are types and interfaces."""
    type: NodeName | None = None
    is_mandatory: bool = True
    is_placeholder: bool = False
    children: list[Member] = field(default_factory=list["Member"])
    circles: list[tuple[list[NodeName], Member]] = field(default_factory=list[tuple[list[NodeName], "Member"]])
    """References down to a member that this one is beneath of."""

    def upwards(self) -> Iterator[Member]:
        """Give the member and those above it, up to the instance itself."""
        member: Member | None = self
        while member is not None:
            yield member
            member = member.parent

    @property
    def declarations(self) -> list[Contribution]:
        """The contributions that are declarations."""
        return self.contributions[: self.declared]

    @property
    def segments(self) -> tuple[str, ...]:
        """The path from the instance, as identifiers have it."""
        return tuple(member.segment for member in self.upwards())[-2::-1]

    @property
    def path(self) -> str:
        """The path from the instance, as people write it."""
        names = [member.browse_name.name or "" for member in self.upwards()]
        return "/".join(names[-2::-1])

    def path_of(self, child: QualifiedName) -> str:
        """Give the path that a child has, as people write it."""
        return f"{self.path}/{child.name}" if self.parent is not None else child.name or ""
