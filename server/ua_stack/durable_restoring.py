"""Durable subscriptions taken up again at the start, as far as the model still has what they watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from asyncua import ua

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND, now
from nodesets.names import NodeNameError
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.address_space.session_context import SessionContext
from server.subscriptions.durable.filling import decoded, fill
from server.subscriptions.durable.record import Definition, DurableRecord
from server.subscriptions.durable.store import ItemRow, Kept
from server.subscriptions.limits import MAX_DURABLE_QUEUE, Room
from server.subscriptions.message import Message
from server.subscriptions.publish_queue import PublishQueue
from server.subscriptions.subscription import Subscription
from server.ua_stack.data_filter import EVENT_FILTER
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.subscription_service import Owner, SubscriptionService
from server.ua_stack.values import encode_variant, from_variant

_log = logging.getLogger("plantspace.subscriptions")
_NOWHERE = 0xFFFF
"""Index of the namespace that no server has: its nodes are unknown."""
_PLENTY = 1 << 31
_SLICE = 100


@dataclass(eq=False)
class AbsentOwner:
    """Who had a subscription before the restart, until a session of the same user takes it over."""

    identity: object
    context: SessionContext
    publishing: PublishQueue = field(default_factory=lambda: PublishQueue(time.monotonic))


def owner_text(owner: Owner, nodeids: NodeIds) -> str:
    """Write who has a subscription, and with which rights."""
    parts: Any = owner.identity  # a tuple of texts
    context = owner.context
    roles = None if context.roles is None else sorted(nodeids.to_text(nodeid_of(role)) for role in context.roles)
    return json.dumps({"identity": list(parts), "roles": roles, "mode": context.mode})


def owner_of(text: str, locales: tuple[str, ...], nodeids: NodeIds) -> AbsentOwner:
    """Give the owner that was written. Raises :class:`ValueError` and :class:`LookupError`.

    Its rights are those that it had, until a session takes the subscription over with those that its user has then.
    """
    written = json.loads(text)
    roles = None if written["roles"] is None else frozenset(_roles(written["roles"], nodeids))
    context = SessionContext(locales=locales, roles=roles, mode=int(written["mode"]), is_gateway=False)
    return AbsentOwner(tuple(written["identity"]), context)


def _roles(texts: list[str], nodeids: NodeIds) -> Iterator[NodeKey]:
    for text in texts:
        with contextlib.suppress(UnknownNamespaceError, NodeNameError):  # of a model that is there no more
            yield key_of(nodeids.from_text(text))


def node_text(nodeids: NodeIds, definition: Definition) -> str:
    """Write the node of an item's definition."""
    return definition.text or nodeids.to_text(nodeid_of(definition.request.node))


class Restoring:
    """Makes subscriptions of what was kept."""

    def __init__(self, service: SubscriptionService, nodeids: NodeIds) -> None:
        """Make them in ``service``; ``nodeids``: the NamespaceArray by now."""
        self._service = service
        self._nodeids = nodeids

    async def restore(self, kept: Kept) -> Subscription | None:
        """Take one up; None where its lifetime is over. Raises whatever damaged rows lead to."""
        row = kept.row
        owner = owner_of(row.identity, row.locales, self._nodeids)
        unused = max(0, round((now() - row.used) / TICKS_PER_SECOND / row.parameters.interval))
        if unused >= row.parameters.lifetime_count:
            _log.info("subscription %s ended while the gateway was down: its lifetime is over", row.id)
            return None
        lanes = await asyncio.to_thread(decoded, kept.chunks, _decoded)
        moved = row.namespaces != self._nodeids.uris[: len(row.namespaces)]
        core = Subscription(row.id, row.parameters, owner.publishing, now, self._service.expire)
        try:
            await self._make_items(core, kept, owner.context, moved=moved)
            lost = fill(core, lanes, encode_variant)
            core.resume(row.reserved, unused, _messages(kept, moved=moved))
        except BaseException:
            self._service.items.remove_all(core)
            raise
        if lost:
            _log.warning("subscription %s: %d queued values are lost, their nodes are of another type", row.id, lost)
        self._service.restore(core, owner)
        links = [(item.id, tuple(one for one in item.links if one in core.items)) for item in kept.items if item.links]
        self._service.items.resume(core, links)
        core.start()
        return core

    async def _make_items(self, core: Subscription, kept: Kept, context: SessionContext, *, moved: bool) -> None:
        core.record = DurableRecord()
        room = Room(_PLENTY, _PLENTY, _PLENTY, MAX_DURABLE_QUEUE)
        for number, row in enumerate(kept.items):
            if number % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
            definition = self._definition(row)
            request = definition.request
            if moved and request.monitoring.filter is not None and request.monitoring.filter.kind == EVENT_FILTER:
                _log.warning(
                    "subscription %s: item %s tells no events any more: the model numbers its namespaces anew",
                    core.id,
                    row.id,
                )
                request = request._replace(monitoring=request.monitoring._replace(filter=None))
                definition = definition._replace(request=request)
            item, status = self._service.items.remake(core, row.id, request, definition.timestamps, context, room)
            if status:
                told = ua.StatusCode(ua.UInt32(status)).name
                _log.warning("subscription %s: item %s on %s is %s", core.id, row.id, row.node, told)
            core.record.added(row.id, definition, item.size)

    def _definition(self, row: ItemRow) -> Definition:
        request = row.definition.request
        node: NodeKey
        text = None
        try:
            node = key_of(self._nodeids.from_text(row.node))
        except (UnknownNamespaceError, NodeNameError):
            node, text = (_NOWHERE, row.node), row.node
        return row.definition._replace(request=request._replace(node=node), text=text)


def _messages(kept: Kept, *, moved: bool) -> list[Message]:
    """Give the messages for Republish; but no events, where their NodeIds would name others by now."""
    return [message for message in kept.messages if not (moved and message.events)]


def _decoded(datatype: DataType, variant: bytes) -> Any:
    return from_variant(datatype, decode_variant(variant))
