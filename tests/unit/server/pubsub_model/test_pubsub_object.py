"""The PublishSubscribe object: what it shows, what its methods change, and what they refuse."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary

from core.errors import StoreUnavailable
from core.image import ProcessImage
from core.time import now
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, key_of
from server.address_space.session_context import SessionContext
from server.model_change.live_model import LiveModel
from server.plan import plan_gateway
from server.pubsub_model import configuration, limits
from server.ua_stack.sessions import CALLER, GatewaySession
from server.users.well_known import WELL_KNOWN, Permission
from tests.unit.server.plan.line import model, node
from tests.unit.server.pubsub_model.site import (
    DATASETS,
    OBJECT,
    PROFILE,
    Site,
    connection,
    flags,
    group,
    site,
    structure,
    texts,
    variables,
    writer,
)
from tests.waiting import until

CONFIG = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  broker: mqtt://127.0.0.1:18831
  datasets:
    meters: {nodes: [/Objects/Line/Temperature, /Objects/Line/Setpoint], publish: 250ms}
"""


async def _filler(one: Site) -> ua.NodeId:
    find = one.plan.directory.find
    asked = variables(find("/Objects/Line/Total"), ua.NodeId(ua.Int32(999_999)), find("/Objects/Line/Running"))
    status, (dataset, version, results) = await one.call(
        DATASETS,
        "AddPublishedDataItems",
        ua.Variant("Filler", ua.VariantType.String),
        texts("Sum", "", ""),
        flags(),
        asked,
    )
    assert status == "Good"
    assert version.MajorVersion
    assert [code.name for code in results] == ["Good", "BadNodeIdUnknown", "Good"]
    return dataset


async def _file(one: Site) -> ua.PubSubConfiguration2DataType:
    file = one.child(OBJECT, "PubSubConfiguration")
    writing = ua.Variant(2, ua.VariantType.Byte)
    assert await one.call(file, "Open", writing) == ("BadNotWritable", [])
    _, (handle,) = await one.call(file, "Open", ua.Variant(1, ua.VariantType.Byte))
    opened = ua.Variant(handle, ua.VariantType.UInt32)
    _, (content,) = await one.call(file, "Read", opened, ua.Variant(1 << 20, ua.VariantType.Int32))
    assert len(content) == one.value(file, "Size")
    assert await one.call(file, "Close", opened) == ("Good", [])
    assert (await one.call(file, "Read", opened, ua.Variant(1, ua.VariantType.Int32)))[0] == "BadInvalidArgument"
    read = extensionobject_from_binary(Buffer(content))
    assert isinstance(read, ua.UABinaryFileDataType)
    return read.Body.Value


async def test_encodings_without_topics_of_part_14_show_none(tmp_path: Path) -> None:
    async with site(tmp_path, f"{CONFIG}  encoding: sparkplug\n") as one:
        group = one.child(one.child(OBJECT, "default"), "default")
        assert one.value(group, "TransportSettings", "QueueName") == ""
        assert one.value(one.child(group, "meters"), "TransportSettings", "QueueName") == ""
        assert one.value(one.child(group, "meters"), "TransportSettings", "MetaDataQueueName") == ""


async def test_the_security_of_a_reader_is_shown(tmp_path: Path) -> None:
    more = (
        "  subscribed: {recipe: {topic: a/b, encoding: uadp, metadata_topic: a/c, user: ann,"
        " security: {group: plant, mode: Sign}, fields: {Set: /Objects/Line/Setpoint}}}\n"
    )
    async with site(tmp_path, CONFIG + more) as one:
        held = one.child(one.child(one.child(OBJECT, "default"), "subscribed"), "recipe")
        assert one.value(held, "SecurityMode") == 2
        assert one.value(held, "SecurityGroupId") == "plant"


async def test_what_the_configuration_says_is_shown_and_not_changed(tmp_path: Path) -> None:
    more = "  subscribed: {recipe: {topic: a/b, user: ann, fields: {Set: /Objects/Line/Setpoint}}}\n"
    async with site(tmp_path, CONFIG + more) as one:
        shown = one.child(OBJECT, "default")
        (target,) = one.value(one.child(shown, "subscribed"), "recipe", "SubscribedDataSet", "TargetVariables")
        assert target.TargetNodeId == one.plan.directory.find("/Objects/Line/Setpoint")
        assert one.value(OBJECT, "Diagnostics", "LiveValues", "ConfiguredDataSetReaders") == 1
        assert one.value(shown, "PublisherId") == "line-1"
        assert one.value(shown, "Address", "Url") == "mqtt://127.0.0.1:18831"
        assert one.value(shown, "TransportProfileUri") == PROFILE
        assert one.value(shown, "Status", "State") == 2
        assert one.value(shown, "Diagnostics", "Counters", "StateError") == 1
        held = one.child(shown, "default")
        assert one.value(held, "PublishingInterval") == 250.0
        assert one.value(held, "TransportSettings", "QueueName") == "opcua/json/data/line-1/default"
        meters = one.child(held, "meters")
        assert one.value(meters, "TransportSettings", "QueueName") == "opcua/json/data/line-1/default/meters"
        assert one.value(meters, "DataSetWriterId") == 7
        assert one.value(meters, "DataSetFieldContentMask") == 1 | 2 | 32
        published = one.child(DATASETS, "meters")
        assert [field.Name for field in one.value(published, "DataSetMetaData").Fields] == ["Temperature", "Setpoint"]
        assert one.value(published, "ConfigurationVersion").MinorVersion == 6
        assert len(one.value(published, "PublishedData")) == 2
        held = await _file(one)
        assert [connection.Name for connection in held.Connections] == ["default"]
        (read,) = held.Connections[0].WriterGroups[0].DataSetWriters
        assert (read.Name, read.DataSetName, int(read.DataSetWriterId)) == ("meters", "meters", 7)
        assert len(held.PublishedDataSets[0].DataSetSource.PublishedData) == 2
        removed = ua.Variant(shown, ua.VariantType.NodeId)
        assert await one.call(OBJECT, "RemoveConnection", removed) == ("BadInvalidState", [])
        removed = ua.Variant(published, ua.VariantType.NodeId)
        assert await one.call(DATASETS, "RemovePublishedDataSet", removed) == ("BadInvalidState", [])
        assert await one.call(one.child(shown, "Status"), "Disable") == ("BadInvalidState", [])
        assert not one.running.applied
        assert not one.file.exists()


async def test_methods_configure_what_is_published_over_a_restart(tmp_path: Path) -> None:
    async with site(tmp_path, CONFIG) as one:
        await _filler(one)
        assert not one.running.applied, "nobody publishes it yet"
        status, (cloud,) = await one.call(OBJECT, "AddConnection", connection("cloud"))
        assert status == "Good"
        assert one.value(cloud, "Status", "State") == 4
        status, (fast,) = await one.call(cloud, "AddWriterGroup", structure(group("fast")))
        assert status == "Good"
        status, (made,) = await one.call(fast, "AddDataSetWriter", structure(writer("filler", "Filler")))
        assert status == "Good"
        (applied,) = one.running.applied
        held = applied["cloud"]
        assert held.settings.datasets["filler"].publish == 0.5
        assert held.settings.datasets["filler"].content == ["StatusCode", "SourceTimestamp"]
        assert [field.name for field in held.fields["filler"]] == ["Sum", "Running"]
        assert list(applied) == ["default", "cloud"]
        assert one.value(made, "KeyFrameCount") == 5
        dataset = one.child(DATASETS, "Filler")
        assert one.has(dataset, "filler"), "the dataset leads to its writer"

        version = ua.ConfigurationVersionDataType(MajorVersion=5, MinorVersion=5)
        more = variables(one.plan.directory.find("/Objects/Line/Label"))
        asked = (texts(), ua.Variant([], ua.VariantType.Boolean, is_array=True), more)
        assert await one.call(dataset, "AddVariables", structure(version), *asked) == ("BadInvalidState", [])
        version.MinorVersion = 6
        status, _ = await one.call(dataset, "AddVariables", structure(version), *asked)
        assert status == "Good"
        places = ua.Variant([0], ua.VariantType.UInt32, is_array=True)
        status, _ = await one.call(dataset, "RemoveVariables", structure(version), places)
        assert status == "Good"
        assert [field.Name for field in one.value(dataset, "DataSetMetaData").Fields] == ["Running", "Label"]

        assert await one.call(one.child(made, "Status"), "Disable") == ("Good", [])
        assert list(one.running.applied[-1]) == ["default"]
        assert one.value(made, "Status", "State") == 0
        assert await one.call(one.child(made, "Status"), "Enable") == ("Good", [])
        planned = one.running.applied[-1]

    plan = await plan_gateway(tmp_path / "plant.yaml")
    try:
        assert plan.pubsub is not None
        assert plan.pubsub.connections == planned, "as it was before the restart"
    finally:
        await plan.discard()


async def test_what_cannot_be_is_refused_and_nothing_changed(tmp_path: Path) -> None:
    async with site(tmp_path, CONFIG) as one:
        for name in ("AddConnection", "RemoveConnection"):
            given = connection("cloud") if name == "AddConnection" else ua.Variant(OBJECT, ua.VariantType.NodeId)
            status, _ = await one.call(OBJECT, name, given, role="Operator")
            assert status == "BadUserAccessDenied"
        bad = {
            "BadBrowseNameDuplicated": connection("default"),
            "BadInvalidArgument": connection("two words"),
        }
        for wanted, given in bad.items():
            assert await one.call(OBJECT, "AddConnection", given) == (wanted, [])
        secret = ua.KeyValuePair(Key=ua.QualifiedName("client_id"), Value=ua.Variant("${file:/etc/passwd}"))
        password = ua.KeyValuePair(Key=ua.QualifiedName("password"), Value=ua.Variant("secret"))
        for pair in (secret, password):
            given = connection("cloud", ConnectionProperties=[pair])
            assert await one.call(OBJECT, "AddConnection", given) == ("BadInvalidArgument", [])
        groups = [group("fast", DataSetWriters=[writer("filler", "Nothing")])]
        assert await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups)) == (
            "BadDataSetIdInvalid",
            [],
        )
        groups = [group("fast", 0.0)]
        assert await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups)) == ("BadInvalidArgument", [])
        gone = ua.Variant(ua.NodeId(ua.String("nothing"), ua.Int16(1)), ua.VariantType.NodeId)
        assert await one.call(OBJECT, "RemoveConnection", gone) == ("BadNodeIdUnknown", [])
        assert not one.has(OBJECT, "cloud")
        assert not one.file.exists()

        groups = [group("fast", DataSetWriters=[writer("again", "meters")])]
        one.running.failure = StoreUnavailable("the disk is full")
        status, _ = await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups))
        assert status == "BadResourceUnavailable"
        assert not one.has(OBJECT, "cloud")
        assert len(one.running.applied) == 2, "tried, and taken back"
        assert list(one.running.applied[-1]) == ["default"]
        assert "cloud" not in one.file.read_text()

        status, (cloud,) = await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups))
        assert status == "Good"
        assert one.has(one.child(cloud, "fast"), "again")
        removed = ua.Variant(cloud, ua.VariantType.NodeId)
        assert await one.call(OBJECT, "RemoveConnection", removed) == ("Good", [])
        assert not one.has(OBJECT, "cloud")


async def test_files_that_a_client_names_lie_below_the_configuration(tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.pem"
    outside.write_text("a secret of the machine")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "ca.pem").write_text("an authority")
    os.mkfifo(tmp_path / "pipe.pem")

    async def added(one: Site, name: str, key: str = "ca_file") -> str:
        pair = ua.KeyValuePair(Key=ua.QualifiedName(key), Value=ua.Variant(name))
        given = connection("cloud", ConnectionProperties=[pair])
        given.Value.Address.Url = "mqtts://127.0.0.1:18831"
        status, _ = await one.call(OBJECT, "AddConnection", given)
        return status

    async with site(tmp_path, CONFIG) as one:
        for name in (
            str(outside),
            "../outside.pem",
            "below/../../outside.pem",
            "/dev/zero",
            "pipe.pem",
            "below",
            "none",
        ):
            assert await added(one, name) == "BadInvalidArgument", name
        assert await added(one, str(outside), "key_file") == "BadInvalidArgument"
        assert not one.file.exists()
        assert await added(one, "below/ca.pem") == "Good"
        assert stat.S_IMODE(one.file.stat().st_mode) == 0o600


async def test_an_address_holds_no_password_and_no_name_is_the_gateways_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with site(tmp_path, CONFIG) as one:
        given = connection("cloud")
        given.Value.Address.Url = "mqtt://ann:geheim@127.0.0.1:18831"
        assert await one.call(OBJECT, "AddConnection", given) == ("BadInvalidArgument", [])
        pair = ua.KeyValuePair(Key=ua.QualifiedName("password"), Value=ua.Variant("geheim"))
        given = connection("cloud", ConnectionProperties=[pair])
        assert await one.call(OBJECT, "AddConnection", given) == ("BadInvalidArgument", [])
        assert "AddConnection is refused" in caplog.text
        assert "geheim" not in caplog.text
        status, _ = await one.call(OBJECT, "AddConnection", connection("PublishedDataSets"))
        assert status == "BadBrowseNameDuplicated"
        assert not one.file.exists()


async def test_nothing_is_changed_over_a_channel_that_is_not_signed(tmp_path: Path) -> None:
    async with site(tmp_path, CONFIG) as one:
        plain = SimpleNamespace(channel=SimpleNamespace(mode=1))
        token = CALLER.set(cast("GatewaySession", plain))
        try:
            assert await one.call(OBJECT, "AddConnection", connection("cloud")) == ("BadSecurityModeInsufficient", [])
            plain.channel.mode = 2
            assert (await one.call(OBJECT, "AddConnection", connection("cloud")))[0] == "Good"
        finally:
            CALLER.reset(token)


async def test_nobody_but_an_administrator_calls_what_changes_anything(tmp_path: Path) -> None:
    async with site(tmp_path, CONFIG) as one:
        groups = [group("fast", DataSetWriters=[writer("again", "meters")])]
        assert (await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups)))[0] == "Good"
        await _filler(one)
        space = one.plan.stack.internal.space
        waiting, seen = [key_of(OBJECT)], set[NodeKey]()
        answered, callable_ = set[str](), set[str]()
        others = (SessionContext(roles=frozenset((WELL_KNOWN["Anonymous"],))), one.roles("Operator", "Engineer"))
        while waiting:
            node_ = space[waiting.pop()]
            if node_.key in seen:
                continue
            seen.add(node_.key)
            waiting += [target for _, target in node_.forward if target in space]
            if node_.node_class is not NodeClass.METHOD or node_.definition is None:
                continue
            answered.add(node_.browse_name.name)
            if any(not space.rights.refusal(node_, who, Permission.CALL) for who in others):
                callable_.add(node_.browse_name.name)
        assert answered > {"AddConnection", "AddWriterGroup", "AddDataSetWriter", "AddVariables", "Enable", "Reset"}
        assert callable_ <= {"Open", "Close", "Read", "GetPosition", "SetPosition"}


async def test_there_is_an_end_to_what_clients_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST", {"connections": 2, "groups": 2, "writers": 3, "datasets": 1, "folders": 1})
    async with site(tmp_path, CONFIG) as one:
        groups = [group("fast", DataSetWriters=[writer("again", "meters")])]
        status, (cloud,) = await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups))
        assert status == "Good"
        before = one.file.read_text()
        assert await one.call(OBJECT, "AddConnection", connection("more")) == ("BadResourceUnavailable", [])
        fast = one.child(cloud, "fast")
        for name, wanted in (("third", "Good"), ("fourth", "BadResourceUnavailable")):
            status, _ = await one.call(fast, "AddDataSetWriter", structure(writer(name, "meters")))
            assert status == wanted
        for name, wanted in (("slow", "Good"), ("slower", "BadResourceUnavailable")):
            status, _ = await one.call(cloud, "AddWriterGroup", structure(group(name)))
            assert status == wanted
        assert one.file.read_text() != before
        # A file that the next start would not read is never written.
        monkeypatch.setattr(configuration, "LARGEST", len(one.file.read_bytes()) + 10)
        before = one.file.read_text()
        status, _ = await one.call(DATASETS, "AddDataSetFolder", ua.Variant("x" * 100, ua.VariantType.String))
        assert (status, one.file.read_text()) == ("BadResourceUnavailable", before)


async def test_folders_hold_datasets(tmp_path: Path) -> None:
    async with site(tmp_path, CONFIG) as one:
        named = ua.Variant("Line1", ua.VariantType.String)
        status, (folder,) = await one.call(DATASETS, "AddDataSetFolder", named)
        assert status == "Good"
        assert await one.call(DATASETS, "AddDataSetFolder", named) == ("BadBrowseNameDuplicated", [])
        metadata = ua.DataSetMetaDataType(Name="T", Fields=[ua.FieldMetaData(Name="Hot", DataSetFieldId=None)])
        status, _ = await one.call(
            folder,
            "AddPublishedDataItemsTemplate",
            ua.Variant("Oven", ua.VariantType.String),
            structure(metadata),
            variables(one.plan.directory.find("/Objects/Line/Temperature")),
        )
        assert status == "Good"
        oven = one.child(folder, "Oven")
        assert [field.Name for field in one.value(oven, "DataSetMetaData").Fields] == ["Hot"]
        gone = ua.Variant(folder, ua.VariantType.NodeId)
        assert await one.call(DATASETS, "RemoveDataSetFolder", gone) == ("Good", [])
        assert not one.has(DATASETS, "Line1")
        assert not one.plan.configured.overlay.datasets


async def test_events_are_published_as_a_filter_says(tmp_path: Path) -> None:
    more = "  events: {bells: {types: [AlarmConditionType], fields: [Time, Message]}}\n"
    async with site(tmp_path, CONFIG + more) as one:
        bells = one.child(DATASETS, "bells")
        assert [field.BrowsePath[0].Name for field in one.value(bells, "SelectedFields")] == ["Time", "Message"]
        assert one.value(bells, "EventNotifier") == ua.NodeId(ua.Int32(2253))
        alarms = ua.LiteralOperand(ua.Variant(ua.NodeId(ua.Int32(2915)), ua.VariantType.NodeId))
        fields = [
            ua.SimpleAttributeOperand(ua.NodeId(ua.Int32(2041)), [ua.QualifiedName(name)], ua.UInt32(13))
            for name in ("Time", "Severity")
        ]
        severity = ua.LiteralOperand(ua.Variant(500, ua.VariantType.UInt16))
        both = [ua.ElementOperand(ua.UInt32(1)), ua.ElementOperand(ua.UInt32(2))]
        asked = [
            ua.ContentFilterElement(ua.FilterOperator.And, both),
            ua.ContentFilterElement(ua.FilterOperator.GreaterThanOrEqual, [fields[1], severity]),
            ua.ContentFilterElement(ua.FilterOperator.OfType, [alarms]),
        ]
        arguments = (
            ua.Variant("loud", ua.VariantType.String),
            ua.Variant(ua.NodeId(ua.Int32(2253)), ua.VariantType.NodeId),
            texts(),
            flags(),
            ua.Variant(fields, ua.VariantType.ExtensionObject, is_array=True),
        )
        wrong = structure(ua.ContentFilter([ua.ContentFilterElement(ua.FilterOperator.IsNull, [fields[0]])]))
        assert await one.call(DATASETS, "AddPublishedEvents", *arguments, wrong) == ("BadInvalidArgument", [])
        status, _ = await one.call(DATASETS, "AddPublishedEvents", *arguments, structure(ua.ContentFilter(asked)))
        assert status == "Good"
        groups = [group("alarms", DataSetWriters=[writer("loud", "loud"), writer("again", "bells")])]
        status, _ = await one.call(OBJECT, "AddConnection", connection("cloud", groups=groups))
        assert status == "Good"
        events = one.running.applied[-1]["cloud"].settings.events
        assert events["loud"].severity == 500
        assert events["loud"].kind == "alarms"
        assert events["loud"].publish == events["again"].publish == 0.5
        assert events["again"].fields_ == ["Time", "Message"]


async def test_datasets_follow_a_changed_model(tmp_path: Path) -> None:
    config = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  broker: mqtt://127.0.0.1:18831
  datasets:
    all: {nodes: ['/Objects/Line/*'], except: [/Objects/Line/Limits]}
    analog: {type: AnalogItemType, nodes: [/Objects/Line]}
"""
    heat = node("UAVariable", "Heat", 'DataType="i=11" AccessLevel="3"', kind="i=2368")
    cold = node("UAVariable", "Cold", 'DataType="i=11" AccessLevel="3"', kind="i=2368")
    async with site(tmp_path, config, line_xml=model(heat)) as one:
        live = LiveModel(one.plan, ProcessImage(one.plan.points.points, now()))
        await live.start()
        try:
            live.on_applied = lambda _: one.publish_subscribe.model_changed()
            for text, fields in ((model(heat, cold), ["Heat", "Cold"]), (model(cold), ["Cold"])):
                (tmp_path / "line.xml").write_text(text, encoding="utf-8")
                count = len(one.running.applied)
                report = await live.reload()
                assert report.applied, report.text()
                await until(lambda count=count: len(one.running.applied) > count)
                held = one.running.applied[-1]["default"].fields
                assert [field.name for field in held["analog"]] == fields
                assert {field.name for field in held["all"]} >= set(fields)
                shown = one.value(one.child(DATASETS, "analog"), "DataSetMetaData").Fields
                assert [field.Name for field in shown] == fields
        finally:
            await live.stop()
