"""Browse and BrowseNext (Part 4 v1.05 5.9.2, 5.9.3), whatever form the answer has.

References to nodes that are not in the address space: such a node's NodeId is all that is known of it. It is told where
every NodeClass is wanted, and left out where some are, since its own is not known.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from asyncua.ua.status_codes import StatusCodes

from server.address_space.keys import NULL_KEY, NodeKey
from server.address_space.node import Link
from server.address_space.operation_count import bounded
from server.address_space.rights import Rights, Sight
from server.address_space.space import AddressSpace
from server.address_space.view.cursor import Cursor, Snapshots
from server.address_space.view.limits import ViewLimits
from server.address_space.view.request import BrowseRequest, Direction, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import Steps
from server.address_space.view.validity import SymmetricTypes, kinds_of, refusal
from server.address_space.view.views import Views

_GOOD = 0
_BOTH = int(Direction.BOTH)
_T = TypeVar("_T")


class Describe(Protocol[_T]):
    """Appends what is told of some references to a list."""

    def __call__(
        self,
        wanted: Wanted,
        locales: tuple[str, ...],
        links: Sequence[Link],
        into: list[_T],
        *,
        forward: bool,
    ) -> None:
        """Describe ``links``."""
        ...


@dataclass(slots=True)
class Answer(Generic[_T]):
    """A BrowseResult (7.6). ``references``: what :class:`Describe` appended for ``count`` references."""

    status: int = _GOOD
    point: bytes | None = None
    count: int = 0
    references: list[_T] = field(default_factory=list[_T])


class _Request:
    """What is left for one request: continuation points and references of its response."""

    __slots__ = ("locales", "points", "references", "session", "sight")

    def __init__(self, session: ViewSession | None, limits: ViewLimits, rights: Rights) -> None:
        self.session = session
        self.sight = rights.sight(session.context) if session is not None else None
        self.locales = session.locales if session is not None else ()
        self.points = limits.continuation_points
        self.references = limits.references_per_response if session is not None else sys.maxsize


class Browsing:
    """Answers for all sessions. Without a session it is the gateway itself that asks: it gets everything at once."""

    def __init__(self, space: AddressSpace, limits: ViewLimits) -> None:
        """Browse ``space`` within ``limits``."""
        self._space = space
        self._limits = limits
        self._snapshots = Snapshots(space)
        self._symmetric = SymmetricTypes(space)
        self._views = Views(space)

    def browse(
        self, session: ViewSession | None, request: BrowseRequest, describe: Describe[_T]
    ) -> Steps[list[Answer[_T]]]:
        """Answer a Browse. Raises :class:`ServiceError` for what is wrong with the whole of it (5.9.2.3)."""
        nodes = bounded(request.nodes, self._limits.nodes_per_browse) if session is not None else request.nodes
        left = _Request(session, self._limits, self._space.rights)
        self._views.check(request.view, left.sight)
        view = request.view.view
        members = yield from self._views.members(view)
        most = self._limits.references_per_node if session is not None else sys.maxsize
        if request.most and session is not None:
            most = min(most, request.most)
        answers: list[Answer[_T]] = []
        for wanted in nodes:
            if left.points == 0:  # 7.9: for any remaining operations
                answers.append(Answer(StatusCodes.BadNoContinuationPoints))
                continue
            status = self._refusal(wanted, members, left.sight)
            if status:
                answers.append(Answer(status))
                yield
                continue
            cursor = self._cursor(wanted)
            cursor.members = members
            cursor.view = view
            cursor.most = most
            answers.append((yield from self._page(cursor, left, describe)))
        return answers

    def browse_next(
        self, session: ViewSession, points: Sequence[bytes | None], describe: Describe[_T], *, release: bool
    ) -> Steps[list[Answer[_T]]]:
        """Answer a BrowseNext; raise as :meth:`browse`. Released points have no results (5.9.3.2)."""
        points = bounded(points, self._limits.nodes_per_browse)
        if release:
            for point in points:
                session.resume(point)
            return []
        left = _Request(session, self._limits, self._space.rights)
        answers: list[Answer[_T]] = []
        for point in points:
            cursor = session.resume(point)
            if cursor is None or (cursor.view != NULL_KEY and _unseen(self._space, cursor.view, left.sight)):
                answers.append(Answer(StatusCodes.BadContinuationPointInvalid))
            elif status := _unseen(self._space, cursor.wanted.node, left.sight):
                answers.append(Answer(status))
            else:
                cursor.members = yield from self._views.members(cursor.view)
                answers.append((yield from self._page(cursor, left, describe)))
            yield
        return answers

    def _refusal(self, wanted: Wanted, members: Container[NodeKey] | None, sight: Sight | None) -> int:
        """Give the StatusCode of a node that cannot be browsed (5.9.2.4), 0 where it can."""
        unseen = _unseen(self._space, wanted.node, sight)
        if unseen:
            return unseen
        if members is not None and wanted.node not in members:
            return StatusCodes.BadNodeNotInView
        if not 0 <= wanted.direction <= _BOTH:
            return StatusCodes.BadBrowseDirectionInvalid
        if wanted.reference_type == NULL_KEY:
            return _GOOD
        known = kinds_of(self._space, wanted.reference_type, subtypes=wanted.subtypes) is not None
        return _GOOD if known else StatusCodes.BadReferenceTypeIdInvalid

    def _cursor(self, wanted: Wanted) -> Cursor:
        kinds = None
        if wanted.reference_type != NULL_KEY:
            kinds = kinds_of(self._space, wanted.reference_type, subtypes=wanted.subtypes)
        return Cursor(self._space, self._snapshots, wanted, kinds, self._symmetric.kinds())

    def _page(self, cursor: Cursor, left: _Request, describe: Describe[_T]) -> Steps[Answer[_T]]:
        """Give references up to what may be given, and a continuation point where there are more."""
        answer: Answer[_T] = Answer()
        session = left.session
        cursor.see(left.sight)
        most = min(cursor.most, left.references)
        while not cursor.done and answer.count < most:
            forward, links = cursor.take(most - answer.count)
            if links:
                describe(cursor.wanted, left.locales, links, answer.references, forward=forward)
                answer.count += len(links)
            yield
        while not cursor.done:  # is there another one?
            cursor.look()
            if cursor.found:
                break
            yield
        left.references -= answer.count
        if session is not None and not cursor.done:
            answer.point = session.keep(cursor)
            left.points -= 1
        return answer


def _unseen(space: AddressSpace, key: NodeKey, sight: Sight | None) -> int:
    """Give the StatusCode of a node that is not there, or not for who asks; 0 for one that is."""
    node = space.get(key)
    if node is None:
        return refusal(key)
    return 0 if sight is None else sight.refusal(node)
