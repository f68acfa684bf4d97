"""Which events a notifier's history has: those that clients would have heard there (Part 3 v1.05 7.17)."""

from __future__ import annotations

from collections.abc import Collection

from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey
from server.address_space.node import SpaceNode
from server.address_space.session_context import SessionContext
from server.address_space.view.validity import refusal
from server.audit.events import may_hear
from server.event_history.codec import EventCodec
from server.events.event import SERVER, Event
from server.events.notifiers import Notifiers
from server.slices import Slices
from server.ua_stack.history.pages import HistoryRefused
from server.users.well_known import Permission

HISTORY_READ = 0x04
HISTORY_WRITE = 0x08
"""Bits of EventNotifier (Part 3 v1.05 8.59)."""
_NOTIFIERS = (NodeClass.OBJECT, NodeClass.VIEW)


class Covering:
    """Answers for the address space and the rights as they are now, as live events are answered for."""

    def __init__(self, notifiers: Notifiers, codec: EventCodec) -> None:
        """Find the notifiers above sources with ``notifiers``."""
        self._notifiers = notifiers
        self._codec = codec
        self.space = notifiers.space

    def check(self, notifier: NodeKey, context: SessionContext, bit: int, *needed: Permission) -> SpaceNode:
        """Give a notifier whose history a session may use. Raises :class:`HistoryRefused`.

        ``bit``: of EventNotifier; ``needed``: all of these permissions.
        """
        node = self.space.get(notifier)
        if node is None:
            raise HistoryRefused(refusal(notifier))
        refused = [self.space.rights.refusal(node, context, permission) for permission in needed]
        if StatusCodes.BadNodeIdUnknown in refused:
            raise HistoryRefused(StatusCodes.BadNodeIdUnknown)
        if node.node_class not in _NOTIFIERS or not node.flags & bit:
            raise HistoryRefused(StatusCodes.BadHistoryOperationUnsupported)
        for status in refused:
            if status and not context.is_gateway:
                raise HistoryRefused(status)
        return node

    async def sources(self, notifier: NodeKey, known: Collection[str]) -> list[str] | None:
        """Give those of the ``known`` SourceNodes whose events are heard at a notifier; None for all there are."""
        if notifier == SERVER:
            return None
        slices = Slices()
        found: list[str] = []
        for text in known:
            key = self._codec.key(text)
            if key is not None and self.covers(notifier, key):
                found.append(text)
            await slices.turn()
        return found

    def covers(self, notifier: NodeKey, source: NodeKey) -> bool:
        """Tell whether events of a source are heard at a notifier."""
        return notifier in self._notifiers.of(source)

    def hears(self, event: Event, context: SessionContext) -> bool:
        """Tell whether a session would be told of an event if it happened now."""
        if context.is_gateway:
            return True
        space = self.space
        return space.rights.hears(event.type, event.source, context) and may_hear(space, event, context.roles)
