"""A command that was carried out, and whose answer cannot be made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.handler import CommandHandler
from server.pubsub.commands.method_port import MethodPort
from server.pubsub.commands.port import CommandPort, Wanted, WriteOutcome
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.commands.store import CommandStore
from server.pubsub.contract import MqttMessage
from tests.waiting import until


class Writes:
    async def write(self, wanted: list[Wanted], *, entry: str, all_or_nothing: bool) -> list[WriteOutcome]:
        del entry, all_or_nothing
        return [WriteOutcome(one.node, 0) for one in wanted]


def broken() -> Any:
    message = "the model is being changed"
    raise RuntimeError(message)


async def test_it_is_told_that_it_was_carried_out_and_not_that_it_was_interrupted(tmp_path: Path) -> None:
    sent, store = list[MqttMessage](), CommandStore(tmp_path)
    handler = CommandHandler(
        CommandSettings(user="line"),
        connection="c",
        topic="t",
        own=(),
        writes=cast("CommandPort", Writes()),
        calls=cast("MethodPort", None),
        codec=broken,
        store=store,
        audit=RefusalAudit(None, "line", ""),
        send=sent.extend,
    )
    await store.start()
    await handler.start()
    try:
        command = MqttMessage("t", b'{"id": "1", "writes": [{"node": "/Objects/x", "value": 1}]}')
        handler.received(command)
        await until(lambda: len(sent) == 1)
        handler.received(command)
        await until(lambda: len(sent) == 2)
    finally:
        await handler.stop()
        await store.stop()
    first, again = (json.loads(one.payload) for one in sent)
    assert (first["status"]["Symbol"], first["duplicate"]) == ("Good", False)
    assert (again["status"]["Symbol"], again["duplicate"]) == ("Good", True)
    assert handler.counters.done == 1
