"""Members at several paths that are one node.

By Part 3 v1.05 6.3.3.2 several BrowsePaths to one declaration may be several nodes of an instance, or one. They are one
here, as they are one in the type: a sensor that belongs to two groups stays one sensor.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from nodesets.instances.members import Contribution, Member, Scope
from nodesets.names import NodeName


class SharedNodes:
    """The nodes that the members of a tree are. A node goes by the member at its canonical path.

    That is the path with the fewest optional steps, then the shortest, then the first in the alphabet: choosing more
    optional children does not change it, unless the node is beneath optional children only.
    """

    def __init__(self, root: Member) -> None:
        """Find the members that share a declaration, and by this whatever their types say of both."""
        self._leader: dict[Member, Member] = {}
        self.members = list(_walk(root))
        while self._join():
            pass
        self.by_node: dict[Member, list[Member]] = {}
        for member in sorted(self.members, key=_rank):
            self.by_node.setdefault(self._find(member), []).append(member)
        self._canonical = {leader: members[0] for leader, members in self.by_node.items()}
        self._tokens: dict[tuple[Member, bool, NodeName], Member] = {}
        for member in self.members:
            for one in member.declarations:
                self._tokens[self._token(one.scope, one.node)] = member

    def node(self, member: Member) -> Member:
        """Give the member that stands for a member's node."""
        return self._canonical[self._find(member)]

    def nodes(self) -> Iterator[tuple[Member, list[Member]]]:
        """Give each node by its canonical member, with all members that it is; from the instance itself downwards."""
        for leader, members in self.by_node.items():
            yield self._canonical[leader], members

    def declared(self, scope: Scope, name: NodeName) -> Member | None:
        """Give the node that a declaration means to someone in a scope, or None where it is none of the instance."""
        inner: Scope | None = scope
        while inner is not None:
            member = self._tokens.get(self._token(inner, name))
            if member is not None:
                return self.node(member)
            inner = inner.outer
        return None

    def contributions(self, members: Iterable[Member]) -> list[Contribution]:
        """Give what contributes to a node, each but once, the nearest first."""
        found: dict[Hashable, Contribution] = {}
        for member in members:
            for one in member.declarations:
                found.setdefault(self._token(one.scope, one.node), one)
        return sorted(found.values(), key=lambda one: one.level)

    def _join(self) -> bool:
        """Join the members that must be one for what is known so far; tell whether there were any."""
        joined = False
        first: dict[Hashable, Member] = {}
        for member in self.members:
            tokens: list[Hashable] = [self._token(one.scope, one.node) for one in member.declarations]
            if member.parent is not None:
                tokens.append((self._find(member.parent), member.browse_name))
            for token in tokens:
                one, other = self._find(first.setdefault(token, member)), self._find(member)
                if one is not other:
                    self._leader[other] = one
                    joined = True
        return joined

    def _token(self, scope: Scope, name: NodeName) -> tuple[Member, bool, NodeName]:
        # Scopes of one node at several paths mean the same.
        return self._find(scope.owner), scope.of_placeholder, name

    def _find(self, member: Member) -> Member:
        while (leader := self._leader.get(member)) is not None:
            member = leader
        return member


def _walk(root: Member) -> Iterator[Member]:
    queue = [root]
    for member in queue:
        yield member
        queue += member.children


def _rank(member: Member) -> tuple[int, int, tuple[str, ...]]:
    optional = sum(not above.is_mandatory for above in member.upwards())
    return optional, len(member.segments), member.segments
