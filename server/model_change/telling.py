"""Tells clients of a changed model by events from the Server object.

GeneralModelChangeEvents say which nodes are others (Part 3 v1.05 9.32), SemanticChangeEvents whose Properties mean
something else now (Part 3 v1.05 9.33).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import array_variant, encode_extension_object, encode_node_id
from server.address_space.keys import NodeKey, numeric_key
from server.events.emitter import Emitter
from server.events.event import SERVER
from server.model_change.semantics import SemanticChange
from server.model_change.verbs import NodeChange
from server.ua_stack.stack import UaStack

MOST_CHANGES = 200
"""Changes in one event: each subscriber's is encoded in one go, for some milliseconds."""
_CHANGE = numeric_key(0, ObjectIds.ModelChangeStructureDataType_Encoding_DefaultBinary)
_SEMANTIC_CHANGE = numeric_key(0, ObjectIds.SemanticChangeStructureDataType_Encoding_DefaultBinary)
_TYPE = numeric_key(0, ObjectIds.GeneralModelChangeEventType)
_SEMANTIC_TYPE = numeric_key(0, ObjectIds.SemanticChangeEventType)
_SEVERITY = 100


async def tell(stack: UaStack, changes: Sequence[NodeChange], message: str) -> int:
    """Raise as many GeneralModelChangeEvents as are needed; give how many. Others have their turn between them."""
    return await _raise(stack, _TYPE, [_encoded(change) for change in changes], message)


async def tell_semantics(stack: UaStack, changes: Sequence[SemanticChange], message: str) -> int:
    """Raise as many SemanticChangeEvents as the changes need; give how many."""
    return await _raise(stack, _SEMANTIC_TYPE, [_encoded_semantic(change) for change in changes], message)


async def _raise(stack: UaStack, kind: NodeKey, changes: Sequence[bytes], message: str) -> int:
    emitter = Emitter(stack.internal.events, abstract=True)
    events = 0
    for begin in range(0, len(changes), MOST_CHANGES):
        some = array_variant(BuiltInType.ExtensionObject, changes[begin : begin + MOST_CHANGES])
        stack.internal.subscriptions.happened(emitter.make(kind, SERVER, message, _SEVERITY, {"Changes": some}))
        events += 1
        await asyncio.sleep(0)
    return events


def _encoded(change: NodeChange) -> bytes:
    body = encode_node_id(change.node) + encode_node_id(change.kind) + bytes((change.verb,))
    return encode_extension_object(_CHANGE, body)


def _encoded_semantic(change: SemanticChange) -> bytes:
    return encode_extension_object(_SEMANTIC_CHANGE, encode_node_id(change.node) + encode_node_id(change.kind))
