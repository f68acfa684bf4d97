"""Sparkplug commands, through the same port as all others."""

from __future__ import annotations

from pathlib import Path

from core.datatypes import DataType
from server.audit.changes import AuditWriteUpdate
from server.audit.connections import AuditSecurity
from server.pubsub.commands.settings import CommandSettings
from server.pubsub.sparkplug.commands import MetricWrite, SparkplugCommand
from tests.broker import Broker, free_port
from tests.system.commanded import add_user, commanded, node
from tests.system.plant import lay_down, running
from tests.waiting import until


def command(identifier: str, *values: tuple[str, object]) -> SparkplugCommand:
    writes = tuple(MetricWrite(name, node(name), 0, value, DataType.INT32) for name, value in values)
    return SparkplugCommand("tank", writes, identifier)


async def test_values_are_written_once_by_the_mapped_users_rights(tmp_path: Path, mosquitto: Broker) -> None:
    async with running(lay_down(tmp_path, port=free_port(), anonymous="Observer")) as plant:
        await add_user(plant, "host", "Operator")
        async with commanded(plant, mosquitto, "spark", settings=None) as line:
            writer = line.way_back.take_sparkplug(CommandSettings(user="host"))
            await writer.start()
            counters = writer.counters
            writer.carry_out(command("1", ("Count", 41), ("Level", 1.5)))
            await until(lambda: counters.done == 1)
            assert (line.value("Count"), line.value("Level")) == (41, 1.5)
            plant.put("Count", 5)
            writer.carry_out(command("1", ("Count", 41), ("Level", 1.5)))
            await until(lambda: counters.duplicates == 1)
            assert line.value("Count") == 5
            for _ in range(2):  # without an id there is no telling
                writer.carry_out(command("", ("Count", 6)))
            await until(lambda: counters.done == 3)
            # One that may not be written, and nothing of the command is; one that no command could be read from.
            writer.carry_out(command("2", ("Count", 7), ("Serial", 1)))
            writer.carry_out(SparkplugCommand("tank", (), "3", (("Count", "the metric is Int32"),)))
            await until(lambda: counters.refused == 2)
            assert line.value("Count") == 6
            assert [one.status for one in line.records(AuditWriteUpdate)] == [True] * 4 + [False]
            (refused,) = line.records(AuditSecurity)
            assert (refused.client_user_id, "Count" in refused.message) == ("host", True)
            await line.administration.remove("host")
            writer.carry_out(command("4", ("Count", 8)))
            await until(lambda: counters.refused == 3)
            assert line.value("Count") == 6
            await writer.stop()
