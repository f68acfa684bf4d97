"""The model of a running gateway changed under connected clients: events, subscriptions, uploads, SIGHUP."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, Node, ua
from asyncua.ua.uaerrors import BadInvalidArgument, BadInvalidState, BadNodeIdUnknown, BadUserAccessDenied

from core.batch import Samples
from core.time import to_datetime
from server.model_change.verbs import Verb
from server.users.well_known import WELL_KNOWN
from tests.broker import free_port
from tests.command import Running
from tests.system.patient import PatientClient
from tests.thorough import examples
from tests.unit.server.model_change.line import PLAIN, Line, lines, variable
from tests.unit.server.plan.line import model
from tests.waiting import until

SIMULATED = PLAIN + "devices: {sim: {driver: simulator, scan: 20ms, generate: {count: 5, type: Int64, signal: ramp}}}\n"
RELOADS = examples(8, 20)


class Heard:
    """What a client's subscription brings."""

    def __init__(self) -> None:
        self.values: dict[Node, list[Any]] = defaultdict(list)
        self.events: list[Any] = []

    def datachange_notification(self, node: Node, _value: Any, data: Any) -> None:
        self.values[node].append(data.monitored_item.Value)

    def event_notification(self, event: Any) -> None:
        self.events.append(event)


class Truth:
    """What the process image hands on."""

    def __init__(self) -> None:
        self.changes: dict[int, list[tuple[Any, Any]]] = defaultdict(list)

    def offer(self, samples: Samples) -> None:
        for slot, value, source, changed in zip(
            samples.slots, samples.values, samples.source_time, samples.changed, strict=True
        ):
            if changed:
                self.changes[int(slot)].append((to_datetime(int(source)), value.item()))


def named(client: Client, line: Line, path: str) -> Node:
    return client.get_node(line.plan.directory.find(path))


async def test_a_subscriber_of_unchanged_points_loses_nothing_and_events_tell_it_all(tmp_path: Path) -> None:
    async with lines(tmp_path, SIMULATED) as line, PatientClient(line.gateway.url) as client:
        heard, truth = Heard(), Truth()
        line.gateway.image.add_tap(truth)
        subscription = await client.create_subscription(50, heard)
        tags = [named(client, line, f"/Objects/sim/t{number}") for number in range(5)]
        constant = named(client, line, "/Objects/Line/Fill/InputArguments")
        await subscription.subscribe_data_change([*tags, constant], queuesize=1000, sampling_interval=0)
        await subscription.subscribe_events(client.nodes.server, ua.ObjectIds.GeneralModelChangeEventType)
        await until(lambda: all(heard.values[tag] for tag in tags))
        begin = {tag: len(heard.values[tag]) for tag in tags}
        for number in range(RELOADS):
            names = [variable(f"V{one}", number) for one in range(number % 3 + 1)]
            report = await line.becomes(*names)
            assert report.applied
        await until(lambda: all(len(heard.values[tag]) > begin[tag] + 10 for tag in tags))
        line.gateway.image.remove_tap(truth)
        for number, tag in enumerate(tags):
            told = [(value.SourceTimestamp, value.Value.Value) for value in heard.values[tag]]
            slot = line.plan.slot_of(f"/Objects/sim/t{number}")
            assert slot is not None
            changes = truth.changes[slot]
            start = changes.index(told[1])
            assert told[1:] == changes[start : start + len(told) - 1]
        assert len(heard.values[constant]) == 1
        await until(lambda: len(heard.events) >= RELOADS - 1)
        changes = [(change.Affected, Verb(change.Verb)) for event in heard.events for change in event.Changes]
        first = line.plan.nodeids.from_text("nsu=urn:test:line;s=V0")
        assert (first, Verb.NODE_ADDED) in changes
        assert (line.plan.directory.find("/Objects/Line"), Verb.REFERENCE_ADDED) in changes
        assert any(verb == Verb.NODE_DELETED for _, verb in changes)
        kinds = {change.AffectedType for event in heard.events for change in event.Changes if change.Affected == first}
        assert kinds == {ua.NodeId(ua.ObjectIds.BaseDataVariableType)}
        assert {event.SourceNode for event in heard.events} == {ua.NodeId(ua.ObjectIds.Server)}


async def test_items_on_what_goes_are_told_so_and_find_it_again(tmp_path: Path) -> None:
    point, fixed = variable("Point", 1.0), variable("Fixed", 1.0, more='AccessLevel="1"').replace("i=47", "i=46")
    async with lines(tmp_path, line_xml=model(point, fixed)) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(50, heard)
        nodes = [named(client, line, f"/Objects/Line/{name}") for name in ("Point", "Fixed")]
        handles = await subscription.subscribe_data_change(nodes, sampling_interval=0)
        await until(lambda: all(heard.values[one] for one in nodes))
        assert (await line.becomes(point.replace(">1.0<", ">2.0<"), fixed.replace(">1.0<", ">2.0<"))).applied
        await until(lambda: all(heard.values[one][-1].Value.Value == 2.0 for one in nodes))
        assert (await line.becomes()).applied
        await until(lambda: all(_status(heard, one) == ua.StatusCodes.BadNodeIdUnknown for one in nodes))
        with pytest.raises(BadNodeIdUnknown):
            await nodes[0].read_value()
        assert (await line.becomes(point, fixed)).applied
        await until(lambda: all(_status(heard, one) == 0 for one in nodes))
        assert heard.values[nodes[0]][-1].Value.Value == 1.0
        await subscription.unsubscribe(handles)


def meaning(name: str, access: int) -> str:
    """Write a Property of Speed; 0x10 in its AccessLevel says that it tells what Speed means."""
    text = variable(f"Speed.{name}", 1.0, more=f'AccessLevel="{access}"').replace("i=63", "i=68")
    return text.replace("ns=1;s=Line<", "ns=1;s=Speed<").replace('"i=47"', '"i=46"')


async def test_who_listens_is_told_whose_properties_mean_something_else(tmp_path: Path) -> None:
    """Part 3 v1.05 9.33: the node that owns the Property, once; a written value stays, and is no change."""
    nodes = (variable("Speed", 1.0), meaning("Limit", 0x11), meaning("Free", 0x13), meaning("Other", 0x01))
    async with lines(tmp_path, line_xml=model(*nodes)) as line, PatientClient(line.gateway.url) as client:
        heard = Heard()
        subscription = await client.create_subscription(50, heard)
        await subscription.subscribe_events(client.nodes.server, ua.ObjectIds.SemanticChangeEventType)
        assert await line.write("/Objects/Line/Speed/Free", ua.Variant(7.0, ua.VariantType.Double)) == 0
        for number, changed in enumerate(nodes[2:], 2):
            others = [one for one in nodes if one != changed]
            assert (await line.becomes(*others, changed.replace(">1.0<", f">{number}.0<"))).applied
        assert (await line.becomes(*(text.replace(">1.0<", ">9.0<") for text in nodes))).applied
        await until(lambda: bool(heard.events))
        (event,) = heard.events
        (change,) = event.Changes
        assert change.Affected == line.plan.directory.find("/Objects/Line/Speed")
        assert change.AffectedType == ua.NodeId(ua.ObjectIds.BaseDataVariableType)
        assert event.SourceNode == ua.NodeId(ua.ObjectIds.Server)
        await subscription.delete()


def _status(heard: Heard, node: Node) -> int:
    code = heard.values[node][-1].StatusCode
    return 0 if code is None else code.value


async def test_a_client_browses_on_and_sees_the_new_model(tmp_path: Path) -> None:
    many = [variable(f"V{number}", number) for number in range(30)]
    async with lines(tmp_path, line_xml=model(*many)) as line, PatientClient(line.gateway.url) as client:
        asked = ua.BrowseDescription()
        asked.NodeId = line.plan.directory.find("/Objects/Line")
        asked.BrowseDirection = ua.BrowseDirection.Forward
        asked.ResultMask = ua.BrowseResultMask.BrowseName
        params = ua.BrowseParameters(NodesToBrowse=[asked], RequestedMaxReferencesPerNode=5)
        (first,) = await client.uaclient.browse(params)
        assert (await line.becomes(*many[:20], variable("New", 1))).applied
        told = list(first.References)
        point = first.ContinuationPoint
        while point:
            following = ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=[point])
            (more,) = await client.uaclient.browse_next(following)
            assert more.StatusCode.is_good()
            told += more.References
            point = more.ContinuationPoint
        left = {one.BrowseName.Name for one in told[5:]}
        assert "V25" not in left
        assert "V19" in left
        children = {
            (await child.read_browse_name()).Name for child in await named(client, line, "/Objects/Line").get_children()
        }
        assert "New" in children
        assert "V25" not in children


async def test_clients_have_not_the_role_and_the_gateway_itself_has(tmp_path: Path) -> None:
    async with lines(tmp_path) as line, PatientClient(line.gateway.url) as client:
        file, whole = "/Objects/Gateway/Model/NodeSetFile", "/Objects/Gateway/Model"
        there = named(client, line, file)
        assert await named(client, line, f"{file}/Writable").read_value() is True
        assert await named(client, line, f"{file}/UserWritable").read_value() is False
        calls = {
            "Open": [ua.Variant(2, ua.VariantType.Byte)],
            "Close": [ua.Variant(1, ua.VariantType.UInt32)],
            "Write": [ua.Variant(1, ua.VariantType.UInt32), ua.Variant(b"x", ua.VariantType.ByteString)],
        }
        for name, arguments in calls.items():
            with pytest.raises(BadUserAccessDenied):
                await there.call_method(named(client, line, f"{file}/{name}"), *arguments)
        for name in ("DryRun", "ImportNodeSet"):
            with pytest.raises(BadUserAccessDenied):
                await named(client, line, whole).call_method(named(client, line, f"{whole}/{name}"))
        server = line.plan.stack.server
        own = server.get_node(there.nodeid)

        async def call(name: str, *arguments: ua.Variant) -> Any:
            return await own.call_method(server.get_node(line.plan.directory.find(f"{file}/{name}")), *arguments)

        content = model(variable("Heat", 1.5)).encode()
        handle = ua.Variant(await call("Open", ua.Variant(2 | 4, ua.VariantType.Byte)), ua.VariantType.UInt32)
        for begin in range(0, len(content), 1000):
            await call("Write", handle, ua.Variant(content[begin : begin + 1000], ua.VariantType.ByteString))
        assert await call("GetPosition", handle) == len(content)
        assert await named(client, line, f"{file}/OpenCount").read_value() == 1
        assert await named(client, line, f"{file}/Size").read_value() == len(content)
        await call("Close", handle)
        with pytest.raises(BadInvalidArgument):
            await call("Close", handle)
        model_node = server.get_node(line.plan.directory.find(whole))
        tried = await model_node.call_method(server.get_node(line.plan.directory.find(f"{whole}/DryRun")))
        assert tried == [True, "\n".join(tried[1].split("\n"))]
        assert "+ /Objects/Line/Heat" in tried[1]
        applied = await model_node.call_method(server.get_node(line.plan.directory.find(f"{whole}/ImportNodeSet")))
        assert applied[0] is True
        assert await named(client, line, "/Objects/Line/Heat").read_value() == 1.5


async def test_a_session_with_the_role_uploads_and_its_handles_end_with_it(tmp_path: Path) -> None:
    """ConfigureAdmin may; the methods' RolePermissions say so."""
    path = "/Objects/Gateway/Model/NodeSetFile"
    async with lines(tmp_path) as line, PatientClient(line.gateway.url) as other:
        opened = named(other, line, f"{path}/OpenCount")
        async with PatientClient(line.gateway.url) as client:
            for session in line.plan.stack.internal.session_service.registry:
                roles = frozenset((WELL_KNOWN["Anonymous"], WELL_KNOWN["ConfigureAdmin"]))
                session.become(session.user, roles, (), session.channel.mode)
            there = named(client, line, path)
            mode = ua.Variant(2 | 4, ua.VariantType.Byte)
            handle = await there.call_method(named(client, line, f"{path}/Open"), mode)
            data = [ua.Variant(handle, ua.VariantType.UInt32), ua.Variant(b"<", ua.VariantType.ByteString)]
            await there.call_method(named(client, line, f"{path}/Write"), *data)
            with pytest.raises(BadInvalidArgument):
                await named(other, line, path).call_method(named(other, line, f"{path}/Write"), *data)
            with pytest.raises(BadInvalidState):
                await named(client, line, "/Objects/Gateway/Model").call_method(
                    named(client, line, "/Objects/Gateway/Model/DryRun")
                )
            assert await opened.read_value() == 1
        await until(lambda: line.gateway.model_object.file.open_count == 0)
        assert await opened.read_value() == 0
        model_node = named(other, line, "/Objects/Gateway/Model")
        tried = await model_node.call_method(named(other, line, "/Objects/Gateway/Model/ImportNodeSet"))
        assert tried[0] is False
        assert "not well-formed XML" in tried[1]


async def test_sighup_reloads_and_the_log_tells(tmp_path: Path) -> None:
    file = tmp_path / "line.xml"
    file.write_text(model(), encoding="utf-8")
    config, log = tmp_path / "plant.yaml", tmp_path / "gateway.log"
    config.write_text(PLAIN.replace("PORT", str(free_port())), encoding="utf-8")
    running = Running("run", str(config), errors=log)
    try:
        running.until_line("ready ")
        file.write_text(model(variable("Heat", 1.5)), encoding="utf-8")
        running.process.send_signal(signal.SIGHUP)
        await until(lambda: "reload: 1 node added" in log.read_text(encoding="utf-8"))
        await until(lambda: "+ /Objects/Line/Heat" in log.read_text(encoding="utf-8"))
        file.write_text("<UANodeSet", encoding="utf-8")
        running.process.send_signal(signal.SIGHUP)
        await until(lambda: "the model stays as it is" in log.read_text(encoding="utf-8"))
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
    finally:
        running.end()
