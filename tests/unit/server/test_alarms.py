from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua import ua

from drivers.health import DeviceHealth, HealthChange
from server.alarms import Alarm, Alarms
from server.losses import Loss
from server.plan import plan_gateway
from tests.clock import START

CONFIGURATION = """\
name: test
server: {endpoint: "opc.tcp://127.0.0.1:4840", security: [SignAndEncrypt], anonymous: Observer}
devices: {}
"""
DEVICE = ua.NodeId(ua.String("device"), ua.Int16(1))


@pytest.fixture
async def alarms(tmp_path: Path) -> AsyncIterator[Alarms]:
    config = tmp_path / "plant.yaml"
    config.write_text(CONFIGURATION, encoding="utf-8")
    plan = await plan_gateway(config)
    yield Alarms(plan)
    await plan.discard()


async def test_what_is_no_trouble_is_news_in_the_log_and_what_is_one_is_a_warning(
    alarms: Alarms, caplog: pytest.LogCaptureFixture
) -> None:
    raised: list[Alarm] = []
    alarms.listen(raised.append)
    with caplog.at_level(logging.INFO, "plantspace.alarms"):
        before = DeviceHealth.CHECK_FUNCTION
        for after in (DeviceHealth.NORMAL, DeviceHealth.OFF_SPEC, DeviceHealth.FAILURE, DeviceHealth.CHECK_FUNCTION):
            alarms.health_changed(DEVICE, HealthChange("plc", before, after, "why", START))
            before = after
    told = [(one.severity, record.levelname) for one, record in zip(raised, caplog.records, strict=True)]
    assert told == [(100, "INFO"), (500, "WARNING"), (800, "WARNING"), (300, "INFO")]


async def test_a_loss_says_where_how_many_when_and_why(alarms: Alarms, caplog: pytest.LogCaptureFixture) -> None:
    raised: list[Alarm] = []
    alarms.listen(raised.append)
    alarms.samples_lost(Loss("recorder", 7, "its queue was full", START, START + 10_000_000))
    (alarm,) = raised
    assert alarm.message.startswith("recorder: 7 samples were lost between 2022-06-")
    assert alarm.message.endswith(": its queue was full")
    assert (alarm.fields["Stage"].Value, alarm.fields["Lost"].Value, alarm.severity) == ("recorder", 7, 700)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
