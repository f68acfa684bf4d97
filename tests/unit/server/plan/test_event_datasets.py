from __future__ import annotations

from pathlib import Path

from tests.unit.server.plan.line import planned, told

HEAD = """\
name: line-1
server: {anonymous: Observer}
pubsub:
  broker: mqtt://127.0.0.1
"""


async def test_datasets_of_events_are_planned_with_their_fields(tmp_path: Path) -> None:
    config = HEAD + (
        "  events:\n"
        "    alarms: {class: alarms, fields: [Message, ActiveState/Id, ConditionId]}\n"
        "    all: {types: [DeviceHealthEventType], severity: 200, json: compact}\n"
        "  logs:\n    log: {level: error}\n"
    )
    async with planned(tmp_path, config) as plan:
        assert plan.pubsub is not None
        (connection,) = plan.pubsub.connections.values()
        assert set(connection.events) == {"alarms", "all"}
        assert [(field.name, field.data_type) for field in connection.events["alarms"].fields] == [
            ("Message", "i=21"),
            ("ActiveState/Id", "i=1"),
            ("ConditionId", "i=17"),
        ]
        assert {name: selection.category for name, selection in connection.events.items()} == {
            "alarms": "alarms",
            "all": "events",
        }


async def test_what_means_nothing_is_told_at_its_place(tmp_path: Path) -> None:
    config = HEAD + (
        "  events:\n"
        "    one: {source: /Objects/Nowhere}\n"
        "    two: {types: [AlarmType]}\n"
        "    three:\n      fields: [Mesage]\n"
    )
    found = await told(tmp_path, config)
    assert [finding.partition(": ")[0] for finding in found] == [
        "plant.yaml:6:19",
        "plant.yaml:7:19",
        "plant.yaml:9:16",
    ]
    assert ["Nowhere" in found[0], "AlarmType" in found[1], "Mesage" in found[2]] == [True] * 3


async def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    config = HEAD + (
        "  events:\n"
        "    one: {source: /Objects/Nowhere, severity: 2000, fields: [Message, Mesage, Tiem]}\n"
        "    two: {class: alarms, types: [AlarmType, AlarmConditionType], fields: [Mesage]}\n"
    )
    found = await told(tmp_path, config)
    assert [finding.partition(": ")[0] for finding in found] == [
        "plant.yaml:6:19",
        "plant.yaml:6:47",
        "plant.yaml:6:71",
        "plant.yaml:6:79",
        "plant.yaml:7:34",
    ]
