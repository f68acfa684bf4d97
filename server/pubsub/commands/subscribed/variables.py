"""The variables that the fields of a DataSet are written to, through the checks of a client's write.

A memory point gets the value with the field's own time and StatusCode, as from a device. What a device or an operator
takes is written as a client would, when it is not Bad and another one than before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from asyncua.ua.status_codes import StatusCodes

from core.datatypes import DataType
from core.quality import NO_VALUE, SHOWN, is_bad
from server.address_space.session_context import SessionContext
from server.address_space.writing import WriteItem
from server.pubsub.commands.caller import Caller
from server.pubsub.commands.nodes import Nodes
from server.pubsub.commands.port import CommandPort, Wanted
from server.pubsub.commands.subscribed.messages import ReceivedField
from server.pubsub.commands.turns import Turns
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.stack import UaStack
from server.writing import WriteRouter

_BAD_NO_DATA: Final = int(StatusCodes.BadNoData)


class Variables:
    """Writes fields. ``fields``: the node of each."""

    def __init__(
        self,
        stack: UaStack,
        nodeids: NodeIds,
        nodes: Nodes,
        router: WriteRouter,
        caller: Caller,
        fields: Mapping[str, str],
    ) -> None:
        """Write nothing yet. The caller is closed by whoever made it."""
        self._stack, self._nodes, self._router, self._caller = stack, nodes, router, caller
        self._port = CommandPort(stack, nodeids, nodes, caller)
        self._fields = dict(fields)
        self._sent: dict[str, bytes] = {}
        self._marked: dict[int, int] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that are written."""
        return tuple(self._fields)

    async def write(self, given: Mapping[str, ReceivedField], entry: str) -> dict[str, tuple[int, str]]:
        """Write fields; give the StatusCode of each that is refused, and why.

        Raises :class:`~server.pubsub.commands.refusal.CommandRefused` where the user may do nothing at all.
        """
        self._marked.clear()
        refused: dict[str, tuple[int, str]] = {}
        sending: list[tuple[str, WriteItem]] = []
        internal = self._stack.internal
        with self._caller.acting(entry) as context:
            turns = Turns()
            for name, node in self._fields.items():
                await turns.give()
                one = given.get(name)
                if one is None:
                    continue
                status, why = self._take(name, node, one, context, sending)
                if is_bad(status):
                    refused[name] = (status, why)
            if sending:
                statuses = await internal.writing.write([item for _, item in sending], context)
                for (name, item), status in zip(sending, statuses, strict=True):
                    if is_bad(status):
                        refused[name] = (status, "")
                        self._sent.pop(name, None)
                    else:
                        self._sent[name] = item.value.variant or b""
        return refused

    async def mark(self, status: int) -> None:
        """Show the values of all memory points with another StatusCode: nothing new has come for too long."""
        turns = Turns()
        for node in self._fields.values():
            await turns.give()
            slot = self._slot(node)
            if slot is not None and self._router.is_memory(slot):
                self._marked[slot] = self._router.image.read(slot).status
                self._show(slot, status, None)

    async def unmark(self) -> None:
        """Show them as they were: the publisher is there, and nothing has changed."""
        marked, self._marked = self._marked, {}
        turns = Turns()
        for slot, status in marked.items():
            await turns.give()
            self._show(slot, status, None)

    def _take(
        self,
        name: str,
        node: str,
        given: ReceivedField,
        context: SessionContext,
        sending: list[tuple[str, WriteItem]],
    ) -> tuple[int, str]:
        """Write a memory point, or put what goes elsewhere in line; give the StatusCode of a refusal, and why."""
        status = int(given.status or 0) & SHOWN
        slot = self._slot(node)
        if slot is not None and not self._router.is_memory(slot):
            slot = None
        if given.value is None or is_bad(status):
            if slot is None:  # a device keeps what it has
                return 0, ""
            refusal = self._port.refusal(node, context)
            if not is_bad(refusal):
                self._show(slot, status if is_bad(status) else _BAD_NO_DATA, given.source_time)
            return refusal, ""
        prepared = self._port.prepare(Wanted(node, given.value), context)
        if is_bad(prepared.status):
            return prepared.status, prepared.why
        if slot is not None:
            return self._remember(slot, prepared.item, status, given.source_time, context), ""
        if self._sent.get(name) != prepared.item.value.variant:
            sending.append((name, prepared.item))
        return 0, ""

    def _remember(
        self, slot: int, item: WriteItem, status: int, source_time: int | None, context: SessionContext
    ) -> int:
        internal = self._stack.internal
        refusal, points = internal.writing.refusal(item, context), internal.attributes.points
        if is_bad(refusal) or points is None:
            return refusal or int(StatusCodes.BadNotWritable)
        value = points.decode(slot, item.value.variant or b"\0")
        return self._router.remember(slot, value, status, source_time)

    def _slot(self, node: str) -> int | None:
        key, points = self._nodes.find(node), self._stack.internal.attributes.points
        return None if key is None or points is None else points.slots.get(key)

    def _show(self, slot: int, status: int, source_time: int | None) -> None:
        """Show a StatusCode with the value that is there."""
        image = self._router.image
        before = image.read(slot)
        datatype = image.points[slot].datatype
        held = _neutral(datatype) if before.value is None else before.value
        absent = NO_VALUE if before.value is None else 0
        time = before.source_time if source_time is None else source_time
        self._router.remember(slot, held, status | absent, time)


def _neutral(datatype: DataType) -> object:
    """Give what stands in a column where there is no value."""
    return None if datatype.is_object else np.zeros(1, datatype.dtype)[0]
