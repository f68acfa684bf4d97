"""The references of one node that a Browse asks for, from where the last answer ended.

The address space may change between answers. So the references that are still to come are remembered as they were when
the cursor reached their list, and each is looked up again before it is given: one that was there all along is given
exactly once, one that went away is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from weakref import WeakValueDictionary

from server.address_space.keys import NULL_KEY, NodeKey
from server.address_space.node import Link, SpaceNode
from server.address_space.rights import Sight
from server.address_space.space import AddressSpace
from server.address_space.view.request import Direction, Wanted

CHUNK = 256
"""References that are looked at in one step."""


_SLICE = 10_000
"""References that are copied in one step."""
_STARTS = 4
"""How often copying may begin anew because of a change, before it is done at once."""


class Snapshot:
    """A long list of references as it is in one version of the address space."""

    __slots__ = ("__weakref__", "links")

    def __init__(self) -> None:
        """Begin to copy."""
        self.links: list[Link] = []

    def fill(self, links: Sequence[Link], most: int) -> bool:
        """Copy up to ``most`` further references; tell whether all of them are copied."""
        at = len(self.links)
        self.links += links[at : at + most]
        return len(self.links) == len(links)


class Snapshots:
    """Gives cursors on the same list the same copy, so that many clients browsing one folder keep it once."""

    def __init__(self, space: AddressSpace) -> None:
        """Begin without any."""
        self._space = space
        self._held: WeakValueDictionary[tuple[NodeKey, bool, int], Snapshot] = WeakValueDictionary()

    def take(self, node: SpaceNode, *, forward: bool) -> Snapshot:
        """Give the copy of a node's references in one direction, as it is in this version; it may want filling."""
        key = (node.key, forward, self._space.version)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = Snapshot()
        return held


class _Run:
    """One pass over the references of one direction; ``only`` and ``but`` choose by ReferenceType."""

    __slots__ = ("but", "forward", "is_forward", "links", "only", "position", "snapshot", "starts", "version")

    def __init__(
        self, *, forward: bool, is_forward: bool, only: Collection[NodeKey] | None, but: Collection[NodeKey] = ()
    ) -> None:
        self.forward = forward
        self.is_forward = is_forward
        self.only = only
        self.but = but
        self.links: Sequence[Link] | None = None
        self.snapshot: Snapshot | None = None
        self.position = 0
        self.starts = 0
        self.version = -1


def _runs(direction: int, kinds: frozenset[NodeKey] | None, symmetric: frozenset[NodeKey]) -> list[_Run]:
    """Part 4 v1.05 5.9.2.2: a symmetric reference is forward from both ends, and never inverse."""
    both_ways = symmetric if kinds is None else kinds & symmetric
    runs: list[_Run] = []
    if direction != Direction.INVERSE:
        runs.append(_Run(forward=True, is_forward=True, only=kinds))
        if both_ways:
            runs.append(_Run(forward=False, is_forward=True, only=both_ways))
    if direction != Direction.FORWARD:
        runs.append(_Run(forward=False, is_forward=False, only=kinds, but=both_ways))
    runs.reverse()  # the last is the one being worked on
    return runs


class Cursor:
    """Where a Browse of one node stands. ``most`` and ``view`` are those of the Browse, for each BrowseNext."""

    __slots__ = (
        "_checked",
        "_pending",
        "_pending_run",
        "_runs",
        "_snapshots",
        "_space",
        "members",
        "most",
        "sight",
        "view",
        "wanted",
    )

    def __init__(
        self,
        space: AddressSpace,
        snapshots: Snapshots,
        wanted: Wanted,
        kinds: frozenset[NodeKey] | None,
        symmetric: frozenset[NodeKey],
    ) -> None:
        """Stand before the first reference. ``kinds``: the ReferenceTypes wanted, None for all."""
        self._space = space
        self._snapshots = snapshots
        self._runs = _runs(wanted.direction, kinds, symmetric)
        self._pending: list[Link] = []
        self._pending_run: _Run | None = None
        self._checked = space.version
        self.wanted = wanted
        self.most = 0
        self.view: NodeKey = NULL_KEY
        self.members: Container[NodeKey] | None = None
        """The nodes of the View, None for the whole address space."""
        self.sight: Sight | None = None
        """What who asks may browse, None for everything."""

    def see(self, sight: Sight | None) -> None:
        """Go on with what who asks may browse now; what is at hand is looked through again."""
        if self._pending and sight is not None:
            self._pending = sight.seen(self._pending)
        self.sight = sight

    @property
    def done(self) -> bool:
        """Tell whether there is nothing left to look at."""
        return not self._pending and not self._runs

    @property
    def found(self) -> bool:
        """Tell whether a reference that is wanted is at hand."""
        return bool(self._pending)

    def take(self, most: int) -> tuple[bool, list[Link]]:
        """Look one chunk further where nothing is at hand, and give up to ``most`` references with their IsForward."""
        self.look()
        pending, run = self._pending, self._pending_run
        if run is None or not pending:
            return True, []
        if len(pending) > most:
            self._pending = pending[most:]
            return run.is_forward, pending[:most]
        self._pending = []
        return run.is_forward, pending

    def look(self) -> None:
        """Do one step towards the next reference; what is at hand is looked up again after a change."""
        if self._pending:
            if self._checked != self._space.version and self._pending_run is not None:
                self._checked = self._space.version
                self._pending = self._chosen(self._standing(self._pending, self._pending_run), self._pending_run)
            return
        if not self._runs:
            return
        run = self._runs[-1]
        node = self._space.get(self.wanted.node)
        if node is None:
            self._runs.clear()
            return
        links = run.links if run.links is not None else self._start(run, node)
        if links is None:
            return
        end = run.position + CHUNK
        chunk: Sequence[Link] = links[run.position : end]
        if run.version != self._space.version:
            chunk = self._standing(chunk, run)
        run.position = end
        if end >= len(links):
            self._runs.pop()
        self._pending = self._chosen(chunk, run)
        self._pending_run = run
        self._checked = self._space.version

    def _start(self, run: _Run, node: SpaceNode) -> Sequence[Link] | None:
        """Give the references of a run; None while a long list is still being copied."""
        links: Sequence[Link] = node.forward if run.forward else node.inverse
        if len(links) > CHUNK:  # a shorter one is looked at in one step, as it stands
            if run.snapshot is None or run.version != self._space.version:
                run.snapshot = self._snapshots.take(node, forward=run.forward)
                run.starts += 1
            run.version = self._space.version
            if not run.snapshot.fill(links, _SLICE if run.starts < _STARTS else len(links)):
                return None
            links = run.snapshot.links
        run.version = self._space.version
        run.links = links
        return links

    def _chosen(self, links: Sequence[Link], run: _Run) -> list[Link]:
        """Part 4 v1.05 5.9.2.2: choose by ReferenceType, NodeClass of the target, View, and what may be browsed."""
        only, but, classes, members = run.only, run.but, self.wanted.classes, self.members
        nodes = self._space.nodes
        chosen = list(links) if only is None else [link for link in links if link[0] in only]
        if but:
            chosen = [link for link in chosen if link[0] not in but]
        if classes:
            chosen = [link for link in chosen if (node := nodes.get(link[1])) is not None and node.node_class & classes]
        if members is not None:
            chosen = [link for link in chosen if link[1] in members]
        if self.sight is not None:
            chosen = self.sight.seen(chosen)
        if run.is_forward and not run.forward and chosen:  # symmetric, and perhaps written at both ends
            forward = _Run(forward=True, is_forward=True, only=None)
            twice = set(self._standing(chosen, forward))
            chosen = [link for link in chosen if link not in twice]
        return chosen

    def _standing(self, links: Sequence[Link], run: _Run) -> list[Link]:
        """Give those references that there are; looked up at the end that has fewer, so a long list costs no more."""
        source, nodes = self.wanted.node, self._space.nodes
        node = nodes.get(source)
        if node is None:
            return []
        own = node.forward if run.forward else node.inverse
        standing: list[Link] = []
        for link in links:
            other = nodes.get(link[1])
            if other is None:
                continue
            back = other.inverse if run.forward else other.forward
            if (link[0], source) in back if len(back) < len(own) else link in own:
                standing.append(link)
        return standing
