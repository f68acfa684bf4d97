"""The file of durable subscriptions: what comes back of it, and what happens when it cannot be used."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import ua

from core.datatypes import DataType
from server.subscriptions.subscription import Subscription
from server.ua_stack.durable import DurableSubscriptions
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.sessions import CALLER, GatewaySession
from tests.unit.server.subscriptions.endpoint import Endpoint, endpoint, request
from tests.unit.server.subscriptions.ua_service import Client
from tests.waiting import until

STANDARD = "http://opcfoundation.org/UA/"
_IDENTITY = ("anonymous", "", "", "said", "urn:test")


@asynccontextmanager
async def _kept(file: Path, *uris: str) -> AsyncGenerator[tuple[Endpoint, DurableSubscriptions]]:
    """Give a server that has started and stops cleanly."""
    async with endpoint([DataType.DOUBLE, DataType.STRING]) as made:
        made.client.identity = _IDENTITY
        durable = DurableSubscriptions(made.plain, NodeIds((STANDARD, *(uris or ("urn:test",)))), file)
        await durable.start()
        try:
            yield made, durable
        finally:
            await durable.stop()


async def _set(made: Endpoint, durable: DurableSubscriptions, core: Subscription, hours: int = 1) -> Any:
    token = CALLER.set(cast("GatewaySession", made.plain.held[core.id].owner))
    try:
        kinds = ua.VariantType.UInt32
        return await durable.set_durable(ua.NodeId(), ua.Variant(core.id, kinds), ua.Variant(hours, kinds))
    finally:
        CALLER.reset(token)


async def _subscribed(made: Endpoint, durable: DurableSubscriptions, *slots: int) -> Subscription:
    core = await made.subscribe()
    assert isinstance(await _set(made, durable, core, 100), list)
    await made.monitor(core, *(request(slot, slot + 1) for slot in slots))
    await durable.settle()
    return core


def _ids(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM subscription")]


def _items(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM item").fetchone()[0])


async def _take_over(made: Endpoint, held: int) -> tuple[Client, list[tuple[int, Any]]]:
    """Transfer, and give what is told then."""
    client = Client(_IDENTITY)
    assert made.plain.transfer(client, [held], send_initial_values=False)[0].status == 0
    told = await made.publish(made.plain.held[held].core, 9)
    return client, [(one.handle, one.value) for one in told]


async def test_nothing_is_made_where_nothing_is_durable(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, _):
        await made.subscribe()
    assert not file.exists()


async def test_what_is_queued_comes_back_and_ids_are_not_given_twice(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        core = await _subscribed(made, durable, 0, 1)
        made.put({0: 1.5, 1: "one"})
        lifetime = core.parameters.lifetime_count
    async with _kept(file) as (made, _):
        again = made.plain.held[core.id].core
        assert again.parameters.lifetime_count == lifetime == 100
        assert again.items.keys() == core.items.keys()
        _, told = await _take_over(made, core.id)
        assert [value for handle, value in told if handle == 1] == [None, 1.5, None]
        assert [value for handle, value in told if handle == 2] == [None, "one", None]
        assert (await made.subscribe()).id > core.id
        (item,) = await made.monitor(await made.subscribe(), request(0, 1))
        assert item.MonitoredItemId > max(core.items)


async def test_a_session_that_times_out_leaves_them_and_one_that_is_closed_ends_them(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        core, plain = await _subscribed(made, durable, 0), await made.subscribe()
        made.plain.session_closed(made.client, timed_out=True)
        assert core.id in made.plain.held
        assert plain.id not in made.plain.held
        assert _ids(file) == [core.id]
        made.plain.session_closed(made.client)
        assert durable.is_behind
        await durable.settle()
        assert _ids(file) == []


async def test_a_lifetime_ends_while_the_gateway_is_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        core = await _subscribed(made, durable, 0)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE subscription SET used = used - ?", (101 * 3600 * 10_000_000,))
    caplog.set_level("INFO")
    async with _kept(file) as (made, _):
        assert core.id not in made.plain.held
        assert "its lifetime is over" in caplog.text
    assert _ids(file) == []


async def test_a_damaged_subscription_is_told_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        text, queue, sound = [await _subscribed(made, durable, 0) for _ in range(3)]
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE subscription SET body = '{]' WHERE id = ?", (text.id,))
        connection.execute("UPDATE chunk SET body = x'0101' WHERE subscription = ?", (queue.id,))
    async with _kept(file) as (made, _):
        assert list(made.plain.held) == [sound.id]
        assert f"subscription {text.id} is damaged" in caplog.text
        assert f"subscription {queue.id} is damaged" in caplog.text
        assert made.plain.items.count == 1
    assert _ids(file) == [sound.id]


async def test_items_on_namespaces_that_are_gone_or_moved(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        core = await _subscribed(made, durable, 0)
    async with _kept(file, "urn:another") as (made, _):
        _, told = await _take_over(made, core.id)
        assert len(told) == 2, "what was queued, and that the node is unknown"
    async with _kept(file) as (made, _):  # and back again: the name of its node was kept
        made.put({0: 2.5})
        _, told = await _take_over(made, core.id)
        assert told[-1] == (1, 2.5)


async def test_a_file_that_cannot_be_made_is_told_and_the_subscription_stays_an_ordinary_one(tmp_path: Path) -> None:
    async with _kept(tmp_path / "no" / "folder" / "subscriptions.sqlite") as (made, durable):
        core = await made.subscribe()
        before = core.parameters.lifetime_count
        answer = await _set(made, durable, core)
        assert answer.name == "BadResourceUnavailable"
        assert (core.record, core.reserved, core.parameters.lifetime_count) == (None, None, before)


async def test_what_could_not_be_written_is_written_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "subscriptions.sqlite"
    async with _kept(file) as (made, durable):
        core = await _subscribed(made, durable, 0)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await made.monitor(core, request(1, 7))
            await durable.settle()
            assert "cannot be kept" in caplog.text
            assert not durable.is_behind, "nobody else is kept waiting"
            made.put({0: 4.5})
            other.execute("ROLLBACK")
        await until(lambda: _items(file) == 2)
    async with _kept(file) as (made, _):
        assert len(made.plain.held[core.id].core.items) == 2
        _, told = await _take_over(made, core.id)
        assert (1, 4.5) in told


async def test_a_stop_before_a_start_and_twice_is_harmless(tmp_path: Path) -> None:
    async with endpoint([DataType.DOUBLE]) as made:
        durable = DurableSubscriptions(made.plain, NodeIds((STANDARD,)), tmp_path / "subscriptions.sqlite")
        await durable.stop()
        await durable.start()
        await durable.stop()
        await durable.stop()
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "durable-subscriptions"]
