"""Whatever happened to a subscription: what is written and read again would be sent as what is queued."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import defaultdict
from contextlib import closing
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import key_of
from server.address_space.session_context import SessionContext
from server.subscriptions.durable.filling import decoded, fill
from server.subscriptions.durable.lane import Budget
from server.subscriptions.durable.looking import Known, Owned
from server.subscriptions.durable.record import DurableRecord
from server.subscriptions.durable.store import SCHEMA, Kept, read, write
from server.subscriptions.limits import MAX_DURABLE_QUEUE, Room
from server.subscriptions.subscription import Subscription
from server.ua_stack.durable_restoring import node_text
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.values import encode_variant, from_variant
from tests.unit.server.subscriptions.endpoint import Endpoint, Notified, endpoint, request

_TYPES = [DataType.DOUBLE, DataType.INT32, DataType.STRING, DataType.BOOLEAN]
_OWNED = Owned('["User", "anonymous", "urn:test"]', ("de",), ("http://opcfoundation.org/UA/", "urn:test"))
_NODEIDS = NodeIds(_OWNED.namespaces)
_PLENTY = 1 << 40

_ITEM = st.fixed_dictionaries(
    {
        "slot": st.integers(0, 3),
        "size": st.integers(1, 5),
        "discard_oldest": st.booleans(),
        "sampling": st.sampled_from([0.0, 250.0]),
        "mode": st.sampled_from([1, 2]),
    }
)
_STEP = st.one_of(
    st.tuples(st.just("put"), st.dictionaries(st.integers(0, 3), st.integers(0, 1), min_size=1)),
    st.tuples(st.just("tick"), st.none()),
    st.tuples(st.just("publish"), st.integers(1, 3)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("mode"), st.tuples(st.integers(0, 5), st.sampled_from([0, 1, 2]))),
    st.tuples(st.just("create"), _ITEM),
)


class _Disk:
    """The file, in memory."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.connection = sqlite3.connect(":memory:")
        self.connection.executescript(SCHEMA.script)

    def look(self, *, last: bool = False) -> None:
        found = [one for one in self.known.look(_OWNED, 10**16, Budget(_PLENTY), last=last) if one is not None]
        write(self.connection, found, (), partial(node_text, _NODEIDS))

    def kept(self) -> Kept:
        (kept,), damaged = read(self.connection)
        assert not damaged
        return kept


def _value(datatype: DataType, number: int) -> Any:
    return str(number) if datatype is DataType.STRING else number


async def _step(made: Endpoint, core: Subscription, disk: _Disk, name: str, what: Any, number: int) -> None:
    items = sorted(core.items)
    if name == "put":
        made.put({slot: _value(_TYPES[slot], one + 2 * number if slot != 3 else one) for slot, one in what.items()})
    elif name == "tick":
        made.clock.tick(0.25)
    elif name == "publish":
        await made.publish(core, what)
    elif name == "look":
        disk.look()
        core.reserved = None
    elif name == "create":
        await made.monitor(core, _asked(number + 100, **what))
    elif items and name == "delete":
        made.plain.items.delete(core, [items[what % len(items)]])
    elif items:
        place, mode = what
        made.plain.items.set_mode(core, mode, [items[place % len(items)]])


def _asked(handle: int, slot: int, mode: int, **more: Any) -> Any:
    return request(slot, handle, mode, **more)


async def _told(made: Endpoint, core: Subscription) -> dict[int, list[Notified]]:
    """Give all that is queued, as it would be sent."""
    made.plain.items.set_mode(core, 2, [item.id for item in core.items.values() if item.mode == 1])
    found: dict[int, list[Notified]] = defaultdict(list)
    for one in await made.publish(core, 50):
        found[one.handle].append(one)
    return dict(found)


async def _restored(other: Endpoint, kept: Kept) -> Subscription:
    core = await other.subscribe(max_notifications=3)
    room = Room(_PLENTY, _PLENTY, _PLENTY, MAX_DURABLE_QUEUE)
    for row in kept.items:
        asked = row.definition.request._replace(node=key_of(_NODEIDS.from_text(row.node)))
        _, status = other.plain.items.remake(core, row.id, asked, row.definition.timestamps, SessionContext(), room)
        assert status == 0
    lanes = decoded(kept.chunks, lambda datatype, variant: from_variant(datatype, decode_variant(variant)))
    assert fill(core, lanes, encode_variant) == 0
    return core


async def _history(items: list[dict[str, Any]], steps: list[tuple[str, Any]]) -> None:
    async with endpoint(_TYPES) as made, endpoint(_TYPES) as other:
        core = await made.subscribe(max_notifications=3)
        core.record = DurableRecord()
        disk = _Disk(Known(core, core.record, encode_variant))
        with closing(disk.connection):
            made.put({slot: _value(datatype, 0) for slot, datatype in enumerate(_TYPES)})
            for number, asked in enumerate(items):
                await made.monitor(core, _asked(number, **asked))
            for number, (name, what) in enumerate(steps):
                await _step(made, core, disk, name, what, number)
            disk.look()
            disk.look(last=True)
            kept = disk.kept()
        assert [message.sequence for message in kept.messages] == list(core.kept)
        assert kept.messages == list(core.kept.values())
        assert kept.row.reserved == core.sequence
        core.reserved = None
        again = await _restored(other, kept)
        assert await _told(other, again) == await _told(made, core)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ITEM, max_size=4), st.lists(_STEP, max_size=25))
def test_what_was_written_would_be_sent_as_what_is_queued(
    items: list[dict[str, Any]], steps: list[tuple[str, Any]]
) -> None:
    asyncio.run(_history(items, steps))


async def test_sequence_numbers_are_reserved_ahead_and_none_is_used_that_is_not() -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        core = await made.subscribe()
        core.record, core.reserved = DurableRecord(), core.sequence
        known = Known(core, core.record, encode_variant)
        await made.monitor(core, request(0, 1, size=1000))
        made.put({0: 1.0})
        assert await made.publish(core) == [], "nothing is reserved yet: what there is waits"
        (found,) = [one for one in known.look(_OWNED, 0, Budget(_PLENTY)) if one is not None]
        assert found.row is not None
        assert found.row.reserved >= 200
        core.reserved = 3  # as if so few were reserved
        sent = 0
        for value in range(2, 9):
            sent += len(await made.publish(core))
            made.put({0: float(value)})
        assert core.sequence == 3
        assert core.waiting
        core.reserved = found.row.reserved
        assert len(await made.publish(core, 10)) + sent == 9
