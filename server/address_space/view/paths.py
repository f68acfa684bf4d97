"""TranslateBrowsePathsToNodeIds (Part 4 v1.05 5.9.4): from a node along BrowseNames to NodeIds.

All nodes are this server's own, so every path is followed to its end here: a RemainingPathIndex always says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from server.address_space.keys import NULL_KEY, NodeKey
from server.address_space.node import BrowseName, Link, SpaceNode
from server.address_space.rights import Sight
from server.address_space.space import AddressSpace
from server.address_space.view.limits import ViewLimits
from server.address_space.view.name_index import NameIndex
from server.address_space.view.records import type_definition
from server.address_space.view.steps import Steps
from server.address_space.view.validity import SymmetricTypes, kinds_of, refusal

FOLLOWED_TO_THE_END = 0xFFFF_FFFF
"""RemainingPathIndex of a target that is the path's last."""
Spend = Callable[[int], None]


class Element(NamedTuple):
    """A RelativePathElement (7.31). ``name`` is None where it is missing."""

    name: BrowseName | None
    reference_type: NodeKey = NULL_KEY
    inverse: bool = False
    subtypes: bool = True


class Targets(NamedTuple):
    """A BrowsePathResult; each of ``targets`` is the end of the whole path."""

    status: int
    targets: Sequence[NodeKey] = ()


class TooComplexError(PlantspaceError):
    """A browse path leads along more references than may be looked at."""


class Allowance:
    """What may be spent on one request, and on each path of it."""

    def __init__(self, limits: ViewLimits, *, targets: int) -> None:
        """``targets``: how many one answer may have in all."""
        self._path = limits.path_references
        self._request = limits.request_references
        self._left = 0
        self.targets = targets

    def begin(self) -> None:
        """Begin with another path."""
        self._left = min(self._path, self._request)

    def spend(self, references: int) -> None:
        """Look at references. Raises :class:`TooComplexError` where they are too many."""
        self._left -= references
        self._request -= references
        if self._left < 0:
            message = "too many references have to be looked at"
            raise TooComplexError(message)


class Paths:
    """Follows browse paths within the limits."""

    def __init__(self, space: AddressSpace, limits: ViewLimits) -> None:
        """Follow them in ``space``."""
        self._space = space
        self._limits = limits
        self._index = NameIndex(space)
        self._symmetric = SymmetricTypes(space)

    def follow(
        self, start: NodeKey, elements: Sequence[Element], allowance: Allowance, sight: Sight | None
    ) -> Steps[Targets]:
        """Give the targets of one path, or why there are none (5.9.4.4).

        ``sight``: what who asks may browse, None for everything; the path ends where it leads through anything else.
        """
        refused = self._refusal(start, elements, sight)
        if refused:
            return Targets(refused)
        allowance.begin()
        try:
            reached = yield from self._reached(start, elements, allowance.spend, sight)
        except TooComplexError:
            return Targets(StatusCodes.BadQueryTooComplex)
        if not reached:
            return Targets(StatusCodes.BadNoMatch)
        if len(reached) > min(self._limits.path_matches, allowance.targets):
            return Targets(StatusCodes.BadTooManyMatches)
        allowance.targets -= len(reached)
        return Targets(0, reached)

    def _reached(
        self, start: NodeKey, elements: Sequence[Element], spend: Spend, sight: Sight | None
    ) -> Steps[Sequence[NodeKey]]:
        reached: Sequence[NodeKey] = (start,)
        for element in elements:
            further: dict[NodeKey, None] = {}
            for key in reached:
                spend(1)
                links = yield from self._links(key, element, spend)
                if sight is not None:
                    links = sight.seen(links)
                further.update((target, None) for _, target in links)
                yield
            reached = tuple(further)
        return reached

    def _refusal(self, start: NodeKey, elements: Sequence[Element], sight: Sight | None) -> int:
        """Give the StatusCode of a path that cannot be followed at all, 0 where it can."""
        node = self._space.get(start)
        if node is None:
            return refusal(start)
        unseen = 0 if sight is None else sight.refusal(node)
        if unseen:
            return unseen
        if not elements:
            return StatusCodes.BadNothingToDo
        if any(element.name is None for element in elements):
            return StatusCodes.BadBrowseNameInvalid
        return StatusCodes.BadQueryTooComplex if len(elements) > self._limits.path_elements else 0

    def _links(self, key: NodeKey, element: Element, spend: Spend) -> Steps[Sequence[Link]]:
        """Give a node's references that an element names, the one that its type definition has before the others."""
        space = self._space
        node, name = space.get(key), element.name
        if node is None or name is None:
            return ()
        kinds = None
        if element.reference_type != NULL_KEY:
            kinds = kinds_of(space, element.reference_type, subtypes=element.subtypes)
            if kinds is None:
                return ()
        links = list((yield from self._index.named(node, name, inverse=element.inverse, spend=spend)))
        both_ways = self._symmetric.kinds() if kinds is None else kinds & self._symmetric.kinds()
        if both_ways:
            back = yield from self._index.named(node, name, inverse=not element.inverse, spend=spend)
            links += [link for link in back if link[0] in both_ways]
        if kinds is not None:
            links = [link for link in links if link[0] in kinds]
        if len(links) > 1 and not element.inverse:
            declared = yield from self._declared(node, name, spend)
            links.sort(key=lambda link: not self._is_made_from(link, declared))
        return links

    def _declared(self, node: SpaceNode, name: BrowseName, spend: Spend) -> Steps[Sequence[Link]]:
        """Give the references to the InstanceDeclarations of that name, of the nearest type that has any."""
        definition = type_definition(self._space, node)
        if definition is None:
            return ()
        for key in (definition, *self._space.supertypes(definition)):
            kind = self._space.get(key)
            if kind is not None:
                declared = yield from self._index.named(kind, name, inverse=False, spend=spend)
                if declared:
                    return declared
        return ()

    def _is_made_from(self, link: Link, declared: Sequence[Link]) -> bool:
        """5.9.4.1: the node that is based on the type definition is told first."""
        return any(link[0] == kind and self._is_alike(link[1], target) for kind, target in declared)

    def _is_alike(self, made: NodeKey, declaration: NodeKey) -> bool:
        """Part 3 v1.05 6.2.4: an instance has its declaration's NodeClass, and its type or a subtype of it."""
        one, other = self._space.get(made), self._space.get(declaration)
        if one is None or other is None or one.node_class != other.node_class:
            return False
        narrow, wide = type_definition(self._space, one), type_definition(self._space, other)
        return narrow == wide or (narrow is not None and wide is not None and self._space.is_subtype(narrow, wide))
