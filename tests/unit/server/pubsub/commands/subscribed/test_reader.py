"""A DataSetReader and those who send it rubbish."""

from __future__ import annotations

from typing import cast

import pytest

from server.audit.record import AuditRecord
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.settings import SubscribedSettings
from server.pubsub.commands.subscribed.reader import DataSetReader
from server.pubsub.commands.subscribed.variables import Variables
from server.pubsub.contract import MqttMessage
from tests.waiting import until


async def test_messages_that_are_each_wrong_in_their_own_way_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = list[AuditRecord]()
    settings = SubscribedSettings(topic="a/#", user="line", fields={"x": "/Objects/x"})
    nothing = cast("Variables", None)  # no message comes so far
    reader = DataSetReader("recipe", settings, nothing, RefusalAudit(told.append, "line", ""))
    await reader.start()
    try:
        for number in range(200):
            reader.received(MqttMessage(f"a/{number}\n2026-11-22 INFO all is well", b"{" * (number % 7)))
        await until(lambda: reader.counters.unreadable == 200)
    finally:
        await reader.stop()
    assert 0 < len(caplog.records) <= 20
    assert all("\n" not in one.getMessage() for one in caplog.records)
    assert 0 < len(told) <= 20
