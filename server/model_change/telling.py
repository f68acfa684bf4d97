"""Tells clients of a changed model: GeneralModelChangeEvents from the Server object (Part 3 v1.05 9.32)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from asyncua import ua
from asyncua.server.event_generator import EventGenerator

from server.address_space.encoding import encode_node_id
from server.model_change.verbs import NodeChange
from server.ua_stack.stack import UaStack

MOST_CHANGES = 200
"""Changes in one event: each subscriber's is encoded in one go, for some milliseconds."""
_ENCODING = ua.NodeId(ua.Int32(ua.ObjectIds.ModelChangeStructureDataType_Encoding_DefaultBinary))
_TYPE = ua.NodeId(ua.Int32(ua.ObjectIds.GeneralModelChangeEventType))
_SEVERITY = 100


class _Changes(list[ua.ExtensionObject]):
    """The event's Changes, encoded once. asyncua copies a field for each subscriber; these never change."""

    def __deepcopy__(self, _memo: object) -> _Changes:
        return self


async def tell(stack: UaStack, changes: Sequence[NodeChange], message: str) -> int:
    """Raise as many events as the changes need; give how many. Other tasks have their turn between them."""
    generator: EventGenerator | None = None
    events = 0
    for begin in range(0, len(changes), MOST_CHANGES):
        if generator is None:
            generator = await stack.server.get_event_generator(_TYPE)
        event: Any = generator.event  # a class that asyncua fills with the event type's properties
        some = _Changes(_encoded(change) for change in changes[begin : begin + MOST_CHANGES])
        event.add_property("Changes", some, ua.VariantType.ExtensionObject)
        event.Severity = _SEVERITY
        await generator.trigger(message=message)
        events += 1
        await asyncio.sleep(0)
    return events


def _encoded(change: NodeChange) -> ua.ExtensionObject:
    body = encode_node_id(change.node) + encode_node_id(change.kind) + bytes((change.verb,))
    return ua.ExtensionObject(TypeId=_ENCODING, Body=ua.ByteString(body))
