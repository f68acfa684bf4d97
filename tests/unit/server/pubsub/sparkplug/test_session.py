from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.datatypes import DataType
from core.time import Clock
from server.pubsub.contract import MqttMessage, SpeakingSession, Subscription
from server.pubsub.sparkplug.commands import SparkplugCommand
from server.pubsub.sparkplug.payload import Metric, Payload, decode_payload, encode_payload
from server.pubsub.sparkplug.session import SparkplugSession
from tests.clock import ManualClock
from tests.unit.server.pubsub.sparkplug.edge import FIELDS, PRESENT, edge_node, frame, values
from tests.waiting import until


class NoFlight:
    codes: list[int | None] = []  # noqa: RUF012 - nobody looks at it

    async def wait(self) -> None: ...


class RecordingLink:
    """A link that keeps what is said: what goes over a real one is tested with a real broker beside this."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.reason = ""
        self.is_v5 = True
        self.largest = 1 << 20
        self.sent: list[MqttMessage] = []

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> NoFlight:
        assert priority == 1
        self.sent += messages
        return NoFlight()

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        return [0 for _ in subscriptions]

    def abort(self, reason: str) -> None:
        self.reason = reason
        self.lost.set()


def verbs(messages: Sequence[MqttMessage]) -> list[str]:
    return [message.topic.split("/", 2)[2].replace("/line-1", "") for message in messages]


def numbers(messages: Sequence[MqttMessage]) -> list[int | None]:
    return [decode_payload(message.payload).seq for message in messages]


class Talk:
    """A session on a link."""

    def __init__(
        self, folder: Path, *, backlog: bool = False, fields: Any = None, clock: Clock | None = None, **more: Any
    ) -> None:
        node, state = edge_node(folder, fields, **({"rebirth_interval": "50ms"} | more))
        self.node = node
        self.commands: list[SparkplugCommand] = []
        self.session = SparkplugSession(
            node,
            state,
            lambda name: [part for part in PRESENT[name] if part.index[0] < len(node.devices[name].fields)],
            on_command=self.commands.append,
            has_backlog=lambda: backlog,
            clock=clock,
        )
        self.link = RecordingLink()

    def begin(self) -> list[MqttMessage]:
        self.will = self.session.will()
        self.session.opened(self.link)
        self.filters = [one.topic_filter for one in self.session.subscriptions()]
        return list(self.session.greeting())

    def command(self, device: str, *metrics: Metric, retain: bool = False, **payload: Any) -> None:
        topic = f"spBv1.0/Plant/DCMD/line-1/{device}" if device else "spBv1.0/Plant/NCMD/line-1"
        made = encode_payload(Payload(metrics=list(metrics), **payload))
        self.session.received(MqttMessage(topic, made, retain=retain))


REBIRTH = Metric(name="Node Control/Rebirth", boolean_value=True)


async def test_numbers_follow_each_other_and_begin_anew(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    assert isinstance(talk.session, SpeakingSession)
    births = talk.begin()
    assert talk.filters == ["spBv1.0/Plant/NCMD/line-1", "spBv1.0/Plant/DCMD/line-1/+"]
    assert verbs(births) == ["NBIRTH", "DBIRTH/filler", "DBIRTH/capper"]
    assert (talk.will.topic, talk.will.qos, talk.will.retain) == ("spBv1.0/Plant/NDEATH/line-1", 1, False)
    death = decode_payload(talk.will.payload)
    assert death.seq is None
    assert [(one.name, one.datatype, one.long_value) for one in death.metrics] == [("bdSeq", 4, 0)]
    (data,) = talk.node.encoding("filler").data([frame(values(DataType.DOUBLE, [0], [1.0]))], 1 << 20)
    sent = [talk.session.finish(data.message, replayed=False) for _ in range(300)]
    assert numbers(births + sent) == [place % 256 for place in range(303)]
    assert decode_payload(sent[0].payload).timestamp
    other = MqttMessage("elsewhere", b"x")
    assert talk.session.finish(other, replayed=True) is other
    assert verbs(talk.session.farewell()) == ["NDEATH"]
    talk.session.lost()
    assert talk.session.farewell() == ()
    again = talk.begin()
    assert numbers(again) == [0, 1, 2]
    assert [decode_payload(one.payload).metrics[0].long_value for one in (talk.will, again[0])] == [1, 1]
    talk.session.lost()


async def test_hosts_get_one_rebirth_together(tmp_path: Path) -> None:
    talk = Talk(tmp_path, rebirth_interval="1s")
    talk.begin()
    for _ in range(5):
        talk.command("", REBIRTH)
    assert not talk.link.sent
    await until(lambda: talk.link.sent)
    assert verbs(talk.link.sent) == ["NBIRTH", "DBIRTH/filler", "DBIRTH/capper"]
    assert talk.session.counters.rebirths == 1
    talk.command("", Metric(name="Node Control/Rebirth", boolean_value=False))
    talk.command("", REBIRTH)
    talk.session.lost()
    assert len(talk.link.sent) == 3
    assert not talk.commands


async def test_a_command_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.begin()
    temperature, _ = talk.node.devices["filler"].aliases
    good = (Metric(alias=temperature, double_value=5.5), Metric(name="Count", datatype=3, int_value=0xFFFFFFFF))
    talk.command("filler", *good, timestamp=7)
    talk.command("filler", *good, timestamp=7)
    talk.command("filler", *good)
    talk.command("filler", good[0], Metric(name="Count", double_value=1.0), timestamp=8)
    talk.command("filler", *good, timestamp=7, retain=True)
    talk.session.received(MqttMessage("spBv1.0/Plant/DCMD/line-1/filler", b"\xff"))
    talk.session.received(MqttMessage("spBv1.0/Plant/NCMD/other", b""))
    first, second, nameless, half, kept, rubbish = talk.commands
    assert [(one.metric, one.value) for one in first.writes] == [("Temperature", 5.5), ("Count", -1)]
    assert first.identifier == second.identifier != ""
    assert nameless.identifier == ""
    for refused in (half, kept, rubbish):
        assert not refused.writes
        assert refused.refusals
    assert (talk.session.counters.commands, talk.session.counters.refused) == (3, 4)
    talk.session.lost()


async def test_a_flood_of_commands_is_not_taken_apart(tmp_path: Path) -> None:
    talk = Talk(tmp_path, clock=ManualClock())  # all of it comes in one moment, however slow the machine is
    talk.begin()
    (alias,) = talk.node.devices["capper"].aliases
    for number in range(1_000):
        talk.command("capper", Metric(alias=alias, double_value=1.0), timestamp=number)
    assert sum(bool(one.writes) for one in talk.commands) < 400
    assert talk.commands[-1].refusals == (("", "too many commands come"),)
    many = Talk(tmp_path / "many")
    many.begin()
    many.command("capper", *[Metric(alias=alias, double_value=1.0)] * 1_001, timestamp=1)
    assert not many.commands[-1].writes
    for one in (talk, many):
        one.session.lost()


async def test_a_command_with_the_alias_of_another_metric_writes_neither(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.begin()
    own, other = talk.node.devices["filler"].aliases
    (foreign,) = talk.node.devices["capper"].aliases
    talk.command("filler", Metric(name="Temperature", alias=own, double_value=1.0), timestamp=1)
    for number, metric in enumerate(
        (
            Metric(name="Temperature", alias=other, double_value=2.0),
            Metric(name="Temperature", alias=foreign, double_value=2.0),
            Metric(alias=foreign, double_value=2.0),
            Metric(double_value=2.0),
            Metric(name="\n2026 a line of its own " + "x" * 100_000, double_value=2.0),
        )
    ):
        talk.command("filler", metric, timestamp=2 + number)
    good, *bad = talk.commands
    assert [(one.metric, one.value) for one in good.writes] == [("Temperature", 1.0)]
    assert len(bad) == 5
    assert all(one.refusals and not one.writes for one in bad)
    ((shown, _),) = bad[-1].refusals
    assert shown.isprintable()
    assert len(shown) < 200
    talk.session.lost()


async def test_metrics_that_are_no_more_are_born_while_their_data_wait(tmp_path: Path) -> None:
    before = Talk(tmp_path)
    (data,) = before.node.encoding("capper").data([frame(values(DataType.DOUBLE, [0], [1.0]))], 1 << 20)
    talk = Talk(tmp_path, backlog=True, fields={"filler": FIELDS["filler"][:1]})
    births = talk.begin()
    assert verbs(births) == ["NBIRTH", "DBIRTH/filler", "DBIRTH/capper"]
    gone = [(one.name, one.is_null) for one in decode_payload(births[1].payload).metrics]
    assert gone == [("Temperature", None), ("Count", True)]
    assert [one.name for one in decode_payload(births[2].payload).metrics] == ["Torque"]
    assert not talk.session.before(data.message)
    late = decode_payload(talk.session.finish(data.message, replayed=True).payload)
    assert (late.seq, [one.is_historical for one in late.metrics]) == (3, [True])
    without = Talk(tmp_path, fields={"filler": FIELDS["filler"][:1]})
    assert verbs(without.begin()) == ["NBIRTH", "DBIRTH/filler"]


async def test_a_changed_model_is_told_by_a_rebirth(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.begin()
    talk.session.adopt(edge_node(tmp_path, {"filler": FIELDS["filler"]})[0])
    assert verbs(talk.link.sent) == ["NBIRTH", "DBIRTH/filler"]
    talk.session.lost()


async def test_a_host_that_says_rubbish_is_not_there(tmp_path: Path) -> None:
    talk = Talk(tmp_path, primary_host="scada")
    assert talk.begin() == []
    for said in (b"ONLINE", b'{"online":"true","timestamp":1}', b"{" * 9000):
        talk.session.received(MqttMessage("spBv1.0/STATE/scada", said))
    waiting = asyncio.ensure_future(talk.session.admitted())
    await asyncio.sleep(0)
    assert not waiting.done()
    talk.session.received(MqttMessage("spBv1.0/STATE/scada", b'{"online":true,"timestamp":1,"bdSeq":3}', retain=True))
    await waiting
    assert verbs(talk.link.sent) == ["NBIRTH", "DBIRTH/filler", "DBIRTH/capper"]
    assert talk.session.counters.refused == 3
    talk.session.received(MqttMessage("spBv1.0/STATE/scada", b'{"online":false,"timestamp":2}'))
    assert talk.link.lost.is_set()
    talk.session.lost()


async def test_a_birth_that_the_broker_would_not_take_leaves_no_gap(tmp_path: Path) -> None:
    talk = Talk(tmp_path)
    talk.link.largest = 260
    births = talk.begin()
    assert verbs(births) == ["NBIRTH", "DBIRTH/capper"]
    (data,) = talk.node.encoding("filler").data([frame(values(DataType.DOUBLE, [0], [1.0]))], 1 << 20)
    assert not talk.session.before(data.message)
    assert numbers([*births, talk.session.finish(data.message, replayed=False)]) == [0, 1, 2]
    talk.session.lost()
