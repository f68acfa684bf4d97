"""Changed files in a running gateway: the same as after a restart, refused where something needs what goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import key_of
from server.address_space.node import HeldValue
from server.gateway import Gateway
from server.model_change.semantics import Semantics
from server.model_change.swap import Swap
from server.plan import plan_gateway
from tests.broker import free_port
from tests.unit.server.model_change.line import OTHER, PLAIN, Line, lines, variable
from tests.unit.server.plan.line import lay_down, model, node

BOUND = (
    PLAIN
    + """\
devices:
  plc:
    driver: modbus
    url: tcp://127.0.0.1:1
    bindings: plc.csv
historian:
  nodes: [/Objects/Line/Recipe]
analytics: {watch: {operator: robust-zscore, input: /Objects/Line/Heat}}
"""
)
PLC = "node,address,history\n/Objects/Line/Temperature,holding:1/float32,\n/Objects/Line/Start,coil:7,\n"
HEAT = variable("Heat", 1.5)


def value(line: Line, path: str) -> object:
    return line.space[key_of(line.plan.directory.find(path))].value


async def test_the_same_files_change_nothing(tmp_path: Path) -> None:
    async with lines(tmp_path) as line:
        before = line.told()
        report = await line.becomes()
        assert report.applied
        assert report.text() == "nothing has changed"
        assert line.told() == before


async def test_a_reload_serves_what_a_restart_would(tmp_path: Path) -> None:
    """Everything of the model: nodes, attributes, values, references both ways, NamespaceMetadata."""
    first, second = tmp_path / "first", tmp_path / "second"
    kind = node("UADataType", "Mood", kind="", parent="i=29").replace('"i=47"', '"i=45"')
    changed = [
        model(HEAT, variable("Speed", 1), variable("Names", "a", 12), kind),
        model(variable("Heat", 2, 6), variable("Speed", 7)).replace("Temperature</DisplayName>", "Wärme</DisplayName>"),
        model(HEAT).replace('Version="1.0.0"', 'Version="1.1.0"').replace("2026-01-01", "2026-02-02"),
        model().replace('ValueRank="1"', 'ValueRank="2"').replace("Cola", "Lemonade"),
        model(
            kind.replace(
                "</References>", "</References><Definition Name='1:M'><Field Name='A' Value='0'/></Definition>"
            )
        ),
    ]
    others = [None, OTHER.format(version=1), OTHER.format(version=2), None, OTHER.format(version=2)]
    for folder in (first, second):
        folder.mkdir()
    async with lines(first) as live:
        for text, other in zip(changed, others, strict=True):
            files = {} if other is None else {"other": other}
            if other is None:
                (first / "other.xml").unlink(missing_ok=True)
            report = await live.becomes(text=text, **files)
            assert report.applied, report.text()
            for file in second.glob("*.xml"):
                file.unlink()
            async with lines(second, line_xml=text, **{f"{name}_xml": said for name, said in files.items()}) as fresh:
                served, wanted = _of_models(live), _of_models(fresh)
                assert served.keys() == wanted.keys()
                for key, said in wanted.items():
                    assert served[key] == said, key


def _of_models(line: Line) -> dict[Any, Any]:
    """Give what is served but for the server's own state; indexes as they are where both servers have the same."""
    order = line.plan.nodeids.uris
    found: dict[Any, Any] = {}
    for (uri, identifier), said in line.told().items():
        if uri in ("urn:test:line", "urn:test:other") or "NamespaceMetadata" in str(identifier):
            found[uri.partition(":plantspace")[0], identifier] = _by_name(said, order)
    return found


def _by_name(said: Any, order: tuple[str, ...]) -> Any:
    def key(one: Any) -> Any:
        index, identifier = (one >> 32, one & 0xFFFF_FFFF) if isinstance(one, int) else one
        return ("own" if index == 1 else order[index]), identifier

    *attributes, forward, inverse = said
    name = attributes[1]
    attributes[1] = (order[name.namespace], name.name)
    variable = attributes[4]
    attributes[4] = variable and (key(variable.data_type), variable[1:])
    attributes[5] = b"" if name.name == "InputArguments" else attributes[5]
    return (*attributes, {(key(a), key(b)) for a, b in forward}, {(key(a), key(b)) for a, b in inverse})


REFUSED = (
    ("s=Temperature", "s=Warmth", "plc.csv:2:27: /Objects/Line/Temperature is bound"),
    ('Temperature" DataType="i=10"', 'Temperature" DataType="i=11"', "its DataType is another"),
    ('BrowseName="1:Temperature"', 'BrowseName="1:Temperature" ValueRank="1"', "its ValueRank is 1, not -1"),
    ("s=Start", "s=Begin", "plc.csv:3:21: /Objects/Line/Start is bound"),
    ("s=Recipe", "s=Formula", "/Objects/Line/Recipe has its history kept"),
    ("s=Heat", "s=Warm", "/Objects/Line/Heat is an input of the operator watch"),
    ("s=Line", "s=Row", "/Objects/Line holds /Objects/Line/HeatRobustZScore, and the new model does not have it"),
    ("</UANodeSet>", "", "line.xml:"),
    ("i=85", "ns=1;s=No", "urn:test:line;s=No"),
)


async def test_what_is_needed_stays(tmp_path: Path) -> None:
    async with lines(tmp_path, BOUND, line_xml=model(HEAT), plc_csv=PLC) as line:
        before = line.told_of_line()
        for old, new, told in REFUSED:
            report = await line.becomes(text=model(HEAT).replace(old, new))
            assert not report.applied
            assert told in report.text()
            assert line.told_of_line() == before


STRUCTURE = node("UADataType", "Pair", kind="", parent="i=22").replace('"i=47"', '"i=45"')
PAIR = "<Definition Name='1:Pair'><Field Name='A' DataType='i=11'/><Field Name='B' DataType='i={kind}'/></Definition>"


async def test_a_structure_with_bound_fields_keeps_its_definition(tmp_path: Path) -> None:
    def text(kind: int) -> str:
        defined = STRUCTURE.replace("</References>", "</References>" + PAIR.format(kind=kind))
        return model(defined, node("UAVariable", "Both", 'DataType="ns=1;s=Pair" AccessLevel="3"', kind="i=63"))

    table = "node,address\n/Objects/Line/Both#A,holding:1/float64\n"
    config = BOUND.split("historian:")[0]
    async with lines(tmp_path, config, line_xml=text(11), plc_csv=table) as line:
        report = await line.becomes(text=text(10))
        assert "its DataTypeDefinition is another" in report.text()
        report = await line.becomes(text=text(11).replace("s=Both", "s=Two"))
        assert "/Objects/Line/Both is bound here, and the new model does not have it" in report.text()
        assert (await line.becomes(text=text(11))).text() == "nothing has changed"


async def test_what_bindings_settled_stays_and_other_things_of_bound_points_change(tmp_path: Path) -> None:
    table = PLC.replace("history\n", "history,access\n").replace("float32,\n", "float32,,r\n")
    async with lines(tmp_path, BOUND, line_xml=model(HEAT), plc_csv=table) as line:
        report = await line.becomes(text=WARM.replace("<DisplayName>Temperature", "<DisplayName>Wärme"))
        assert report.applied, report.text()
        held = line.space[key_of(line.plan.directory.find("/Objects/Line/Temperature"))]
        assert held.variable is not None
        assert held.variable.access_level & 0x03 == 0x01
        assert held.display_name[0].text == "Wärme"


WARM = model(HEAT).replace(
    'Temperature" DataType="i=10" AccessLevel="1"', 'Temperature" DataType="i=10" AccessLevel="3"'
)


async def test_the_access_level_of_a_bound_variable_follows_its_model(tmp_path: Path) -> None:
    """A write then goes to the device, which is not there, and never beside it into the image."""
    async with lines(tmp_path, BOUND, line_xml=model(HEAT), plc_csv=PLC) as line:
        path = "/Objects/Line/Temperature"
        given = ua.Variant(7.0, ua.VariantType.Float)
        assert await line.write(path, given) == ua.StatusCodes.BadNotWritable
        assert (await line.becomes(text=WARM)).applied
        assert await line.write(path, given) == ua.StatusCodes.BadNoCommunication
        assert line.read(path) is None
        assert (await line.becomes(HEAT)).applied
        assert await line.write(path, given) == ua.StatusCodes.BadNotWritable


async def test_memory_points_take_the_files_values_where_nobody_wrote(tmp_path: Path) -> None:
    names = ("Plain", "Written", "Retyped", "Gone")
    async with lines(tmp_path, line_xml=model(*(variable(name, 1.5) for name in names))) as line:
        assert await line.write("/Objects/Line/Written", SEVEN) == 0
        report = await line.becomes(
            variable("Plain", 2.5), variable("Written", 2.5), variable("Retyped", 3, 6), variable("New", 4.5)
        )
        assert report.applied
        assert report.notes == ()
        assert (line.read("/Objects/Line/Plain"), line.read("/Objects/Line/Written")) == (2.5, 7.0)
        assert (line.read("/Objects/Line/Retyped"), line.read("/Objects/Line/New")) == (3, 4.5)
        assert line.plan.slot_of("/Objects/Line/Gone") is None


SEVEN = ua.Variant(7.0, ua.VariantType.Double)
CONSTANT = variable("Limit", 1.5, more='AccessLevel="1"').replace('"i=47"', '"i=46"').replace("i=63", "i=68")


async def test_new_variables_are_memory_points_at_once_and_are_kept(tmp_path: Path) -> None:
    """Written, read back, and there again after a restart, as those that were there from the start."""
    paths = [f"/Objects/Line/{name}" for name in ("New", "Retyped", "Limit")]
    text = (variable("New", 4.5), variable("Retyped", 3.5), CONSTANT.replace('AccessLevel="1"', 'AccessLevel="3"'))
    async with lines(tmp_path, line_xml=model(variable("Retyped", 1, 6), CONSTANT)) as line:
        before = len(line.plan.points.points)
        for _ in range(3):  # what comes again has the slot that it had
            assert (await line.becomes(variable("Retyped", 1, 6), CONSTANT)).applied
            assert (await line.becomes(*text)).applied
        assert len(line.plan.points.points) == len(line.plan.points.scans) == len(line.gateway.image.points)
        assert len(line.plan.points.points) == before + 3
        assert line.plan.counts()["memory points"] == len({one.slot for one in line.plan.memory}) == before + 2
        assert [line.read(path) for path in paths] == [4.5, 3.5, 1.5]
        assert [await line.write(path, SEVEN) for path in paths] == [0, 0, 0]
        assert await line.write(paths[0], ua.Variant(7, ua.VariantType.Int32)) == ua.StatusCodes.BadTypeMismatch
        assert [line.read(path) for path in paths] == [7.0, 7.0, 7.0]
    async with lines(tmp_path, line_xml=model(*text)) as line:
        assert [line.read(path) for path in paths] == [7.0, 7.0, 7.0]


async def test_a_configured_instance_has_memory_points_and_the_gateways_own_nodes_have_none(tmp_path: Path) -> None:
    config = PLAIN.replace("'*.xml']", "'*.xml'], instances: [INSTANCE]")
    made = "{type: i=2365, name: Extra, parent: /Objects/Line}"
    async with lines(tmp_path, config.replace("INSTANCE", "")) as line:
        before = dict(line.plan.points.slots)
        (tmp_path / "plant.yaml").write_text(config.replace("INSTANCE", made), encoding="utf-8")
        assert (await line.gateway.model.reload()).applied
        new = set(line.plan.points.slots) - set(before)
        assert [line.plan.nodeids.to_text(nodeid) for nodeid in new] == ["nsu=urn:plantspace:line-1;s=Extra"]


async def test_more_variables_than_there_is_room_for_are_nodes_until_the_next_start(tmp_path: Path) -> None:
    async with lines(tmp_path) as line:
        room = len(line.gateway.image) - len(line.gateway.image.points)
        report = await line.becomes(*(variable(f"V{number}", number) for number in range(room + 2)))
        assert report.applied
        assert report.notes == ("2 new variables become memory points, kept over a restart, with the next start",)
        assert line.read(f"/Objects/Line/V{room + 1}") == room + 1
        assert line.plan.slot_of(f"/Objects/Line/V{room - 1}") is not None
        assert line.plan.slot_of(f"/Objects/Line/V{room + 1}") is None


async def test_namespaces_are_appended_and_stay(tmp_path: Path) -> None:
    async with lines(tmp_path) as line:
        before = line.plan.nodeids.uris
        report = await line.becomes(other=OTHER.format(version=1))
        assert "1 namespace added" in report.summary
        assert line.plan.nodeids.uris == (*before, "urn:test:other")
        assert (await line.plan.stack.namespaces()).uris == line.plan.nodeids.uris
        assert line.plan.node_id("/Objects/Line/Beside") == "nsu=urn:test:other;s=Beside"
        described = key_of(ua.NodeId(ua.String("NamespaceMetadata/urn:test:other"), ua.Int16(1)))
        assert described in line.space
        assert line.plan.node_id("nsu=urn:test:other;s=Beside") is not None
        (line.folder / "other.xml").unlink()
        assert (await line.becomes()).applied
        assert line.plan.nodeids.uris == (*before, "urn:test:other")
        assert line.plan.node_id("/Objects/Line/Beside") is None
        assert described not in line.space


async def test_node_versions_of_changed_nodes_are_new(tmp_path: Path) -> None:
    version = node(
        "UAVariable",
        "Line.NodeVersion",
        'DataType="i=12"',
        kind="i=68",
        value="<Value><uax:String>1</uax:String></Value>",
    )
    version = version.replace('BrowseName="1:NodeVersion"', 'BrowseName="NodeVersion"').replace('"i=47"', '"i=46"')
    async with lines(tmp_path, line_xml=model(version)) as line:
        assert line.read("/Objects/Line/NodeVersion") == "1"
        await line.becomes(version, variable("Speed"))
        first = line.read("/Objects/Line/NodeVersion")
        assert first != "1"
        await line.becomes(version, variable("Speed", 5))
        assert line.read("/Objects/Line/NodeVersion") == first, "a value is no change of the model"
        await line.becomes(version)
        assert line.read("/Objects/Line/NodeVersion") not in ("1", first)
        await line.becomes(version.replace(">1<", ">2<"), variable("Speed"))
        assert line.read("/Objects/Line/NodeVersion") == "2"


async def test_an_exception_midway_leaves_everything_and_the_next_reload_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lines(tmp_path) as line:
        before = line.told()
        namespaces = line.plan.nodeids.uris
        apply = Swap.apply

        def broken(swap: Swap, space: Any) -> None:
            swap.steps = [*swap.steps, (object(), "forward", [])]  # type: ignore[list-item]  # what no node is
            apply(swap, space)

        monkeypatch.setattr(Swap, "apply", broken)
        (tmp_path / "other.xml").write_text(OTHER.format(version=1), encoding="utf-8")
        with pytest.raises(AttributeError):
            await line.becomes(HEAT)
        assert line.told() == before
        assert line.plan.nodeids.uris == namespaces
        monkeypatch.undo()
        assert (await line.becomes(HEAT)).applied
        assert line.read("/Objects/Line/Heat") == 1.5


async def test_an_exception_after_points_came_and_values_were_shown_leaves_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The points that came keep their slots, which are nobody's until they come again."""
    old = (variable("Plain", 1.5), variable("Retyped", 1.5))
    async with lines(tmp_path, line_xml=model(*old)) as line:
        before, slots = line.told(), dict(line.plan.points.slots)
        names = dict(line.gateway.image.slot_of)

        def broken(*_given: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(Semantics, "changes", broken)
        with pytest.raises(RuntimeError):
            await line.becomes(variable("Plain", 2.5), variable("Retyped", 3, 6), variable("New", 4.5))
        monkeypatch.undo()
        assert line.told() == before
        assert line.plan.points.slots == slots
        assert {name: line.gateway.image.slot_of[name] for name in names} == names
        assert (line.read("/Objects/Line/Plain"), line.read("/Objects/Line/Retyped")) == (1.5, 1.5)
        assert (await line.becomes(*old, variable("Other", 5.5), variable("New", 4.5))).applied
        assert await line.write("/Objects/Line/Other", SEVEN) == 0
        assert (line.read("/Objects/Line/Other"), line.read("/Objects/Line/New")) == (7.0, 4.5)
        assert list(line.gateway.image.points) == line.plan.points.points


async def test_constants_that_were_written_stay(tmp_path: Path) -> None:
    limits = variable("Limit", 1.5, more='AccessLevel="1"').replace('"i=47"', '"i=46"').replace("i=63", "i=68")
    async with lines(tmp_path, line_xml=model(limits)) as line:
        assert line.plan.slot_of("/Objects/Line/Limit") is None
        await line.becomes(limits.replace("1.5", "2.5"))
        assert line.read("/Objects/Line/Limit") == 2.5
        node = line.space[key_of(line.plan.directory.find("/Objects/Line/Limit"))]
        node.value = HeldValue(encode_variant(ua.Variant(9.0, ua.VariantType.Double)))
        await line.becomes(limits.replace("1.5", "3.5"))
        assert line.read("/Objects/Line/Limit") == 9.0


async def test_an_import_is_kept_and_loaded_at_the_next_start(tmp_path: Path) -> None:
    async with lines(tmp_path) as line:
        model_object = line.gateway.model
        report = await model_object.dry_run(model(HEAT).encode())
        assert report.lines == ("+ /Objects/Line/Heat",)
        assert line.plan.node_id("/Objects/Line/Heat") is None
        report = await model_object.import_nodeset(model().replace("i=85", "ns=1;s=No").encode())
        assert report.findings
        assert not list((tmp_path / "var").glob("models-imported*/*"))
        report = await model_object.import_nodeset(model(HEAT).encode())
        assert report.applied
        assert line.read("/Objects/Line/Heat") == 1.5
        assert (await model_object.reload()).text() == "nothing has changed"
        refused = await model_object.import_nodeset(b"no xml at all")
        assert refused.findings
    plan = await plan_gateway(tmp_path / "plant.yaml")
    try:
        assert plan.node_id("/Objects/Line/Heat") is not None
        assert any("was imported" in warning for warning in plan.warnings)
    finally:
        await plan.discard()


async def test_a_failing_import_keeps_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lines(tmp_path) as line:

        def broken(_swap: Swap, _space: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr(Swap, "apply", broken)
        with pytest.raises(RuntimeError):
            await line.gateway.model.import_nodeset(model(HEAT).encode())
        assert not list((tmp_path / "var").glob("models-imported*/*"))


async def test_configured_instances_are_made_again_and_the_gateways_own_model_cannot_be_replaced(
    tmp_path: Path,
) -> None:
    config = PLAIN.replace("'*.xml']", "'*.xml'], instances: [{type: i=61, name: Extra, parent: /Objects/Line}]")
    async with lines(tmp_path, config) as line:
        assert line.plan.node_id("/Objects/Line/Extra") is not None
        assert (await line.becomes(HEAT)).summary == "1 node added"
        own = model().replace("urn:test:line", "https://plantspace.io/UA/").encode()
        report = await line.gateway.model.import_nodeset(own)
        assert "is also in" in report.text()


async def kept(config: Path) -> bool:
    """Tell whether a start of ``config`` would find its model as it was kept."""
    plan = await plan_gateway(config)
    await plan.discard()
    return plan.model.to_keep is None


async def test_the_next_start_finds_the_changed_model_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the configuration is named as people name it: by a path from where they are."""
    monkeypatch.chdir(tmp_path)
    config = lay_down(tmp_path, PLAIN.replace("PORT", str(free_port())))
    gateway = Gateway(await plan_gateway(Path(config.name)))
    await gateway.start()
    try:
        line = Line(tmp_path, gateway)
        assert (await line.becomes(HEAT)).applied
        assert await kept(Path(config.name))
        assert (await line.becomes(text=model().replace("i=85", "ns=1;s=No"))).findings
        assert (await line.becomes(HEAT)).applied
        assert await kept(Path(config.name))
        assert (await gateway.model.import_nodeset(model(HEAT, variable("Speed")).encode())).applied
        assert await kept(Path(config.name))
        kept_file = next((tmp_path / "var" / "models").glob("*.model"))
        assert (await gateway.model.dry_run(model().encode())).lines
        assert list((tmp_path / "var" / "models").iterdir()) == [kept_file]
    finally:
        await gateway.stop()


async def test_a_model_that_cannot_be_kept_is_changed_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lines(tmp_path) as line:
        (tmp_path / "var" / "models").write_text("in the way", encoding="utf-8")
        assert (await line.becomes(HEAT)).applied
        assert line.read("/Objects/Line/Heat") == 1.5
        assert "the model is not kept for the next start" in caplog.text
