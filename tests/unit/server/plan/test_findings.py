"""What is wrong is told, all of it in one run, and nothing that only follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.server.plan.line import model, node, told

HEAD = "server: {anonymous: Observer}\nmodel: {nodesets: [line.xml]}\n"


def _bound(row: str, driver: str = "driver: modbus, url: 'tcp://x'") -> str:
    return f"{HEAD}devices:\n  dev: {{{driver}, bindings: [{{{row}}}]}}\n"


def _operator(text: str) -> str:
    return f"{_bound('node: Level, address: holding:1')}analytics:\n  watch: {{{text}}}\n"


def _dataset(text: str, more: str = "") -> str:
    rows = _bound("node: Level, address: holding:1")
    return f"{rows}pubsub:\n  broker: mqtt://127.0.0.1\n  datasets:\n    all: {{nodes: [{text}]}}\n{more}"


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("node: /Objects/Line/Nothing, address: holding:1", ["has no child 'Nothing'"]),
        ("node: Line/Level, address: holding:1", ["the tag name 'Line/Level' does not fit into a browse path"]),
        ("node: /Objects/Line, address: holding:1", ["/Objects/Line is no variable"]),
        ("node: /Objects/Line/Limits, address: holding:1", ["is an array or a structure, which no driver fills"]),
        ("node: /Objects/Line/Fill, address: coil:1", ["is a method with arguments, which no address takes"]),
        ("node: /Objects/Line/Start, address: coil:1, type: Float", []),
        (
            "node: /Objects/Line/Running, address: 'holding:1/flaot32', type: Int16, scale: 2, offset: 1, history: si",
            [
                "there is no type 'flaot32'",
                "the model says that /Objects/Line/Running is Boolean",
                "/Objects/Line/Running is Boolean: it has no scale",
                "/Objects/Line/Running is Boolean: it has no offset",
                "'history' is unknown: 'si'",
            ],
        ),
        ("node: Name, address: 'holding:1/string8', scale: 2", ["Name is String: it has no scale"]),
        ("node: Level, address: 'input:40013'", ["'input:40013'"]),
        ("node: Level, address: holding:1, access: rw, verify: readback", ["'verify' is unknown: 'readback'"]),
        ("node: Level, address: holding:1, access: rw, verify: none", []),
        ("node: /Objects/Line/Start, address: coil:1, verify: read-back", []),
        ("address: holding:1/flaot32, scale: 0", ["needs 'node'", "no type 'flaot32'", "a scale of 0"]),
        ("node: /Objects/Line/Nothing", ["needs 'address'", "has no child 'Nothing'"]),
        ("nodes: [a], address: holding:1", ["needs 'node'", "unknown key 'nodes' in a binding (did you mean node?)"]),
    ],
)
async def test_all_that_is_wrong_with_a_binding(tmp_path: Path, row: str, wanted: list[str]) -> None:
    found = await told(tmp_path, _bound(row))
    assert len(found) == len(wanted)
    for text in wanted:
        assert any(text in line for line in found)
    assert all(line.startswith("plant.yaml:4:") for line in found)


async def test_a_driver_that_cannot_write_takes_no_writable_binding_and_no_method(tmp_path: Path) -> None:
    names = ["Speed", "/Objects/Line/Start"]
    rows = ", ".join(f"{{node: {name}, address: DriveStatus.Speed, access: rw}}" for name in names)
    rows += ", {node: Torque, address: DriveStatus.Torque, verify: read-back}"
    config = f"{HEAD}devices:\n  dev: {{driver: listens, bindings: [{rows}]}}\n"
    from drivers import registry  # noqa: PLC0415 - patched here alone
    from drivers.can.manifest import MANIFEST  # noqa: PLC0415 - patched here alone
    from drivers.contract import Capability, DeviceSettings, Manifest  # noqa: PLC0415 - patched here alone

    listens = Manifest(
        "listens", "", DeviceSettings, Capability.LISTENING, MANIFEST.make, MANIFEST.parse_address, MANIFEST.datatype_of
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "manifest", lambda _name: listens)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        found = await told(tmp_path, config)
    assert len(found) == 3
    assert "the driver listens cannot write" in found[0]
    assert "so it cannot call /Objects/Line/Start" in found[1]
    assert "the driver listens cannot read back what was written (leave the cell empty)" in found[2]


async def test_a_node_has_one_source(tmp_path: Path) -> None:
    rows = [
        "{node: /Objects/Line/Running, address: coil:1}",
        "{node: 'nsu=urn:test:line;s=Running', address: coil:2}",
        "{node: Level, address: holding:1}",
        "{node: Level, address: 'holding:2/flaot32'}",
        "{node: /Objects/Line/Nothing, address: coil:3}",
        "{node: /Objects/Line/Nothing, address: coil:3}",
    ]
    lines = "\n".join(f"      - {row}" for row in rows)
    found = await told(
        tmp_path, f"{HEAD}devices:\n  a:\n    driver: modbus\n    url: tcp://x\n    bindings:\n{lines}\n"
    )
    assert [line.partition(": ")[0] for line in found] == [
        "plant.yaml:9:16",
        "plant.yaml:11:16",
        "plant.yaml:11:42",
        "plant.yaml:12:16",
        "plant.yaml:13:16",
        "plant.yaml:13:16",
    ]
    assert "is bound twice, first at plant.yaml:8:16" in found[0]
    assert "the tag Level is bound twice, first at plant.yaml:10:16" in found[1]


async def test_the_same_wrong_address_is_told_at_each_of_its_rows(tmp_path: Path) -> None:
    files = {"plc_csv": "node,address\nA,input:40013\nB,input:40013\n"}
    found = await told(
        tmp_path, "server: {anonymous: Observer}\ndevices: {d: {driver: modbus, url: 'tcp://x', bindings: plc.csv}}",
        **files,
    )  # fmt: skip
    assert [line.partition(": ")[0] for line in found] == ["plc.csv:2:9", "plc.csv:3:9"]


@pytest.mark.parametrize(
    ("device", "wanted"),
    [
        ("modbus, bindings: [{node: A, address: 'coil:1/float32'}]", ["'url' is missing", "a single bit"]),
        ("modbus, url: x, bindings: [{node: A, address: 'input:40013'}]", ["reached by tcp", "'input:40013'"]),
        # What an address means hangs on offset_base, so nothing is said of it while that is wrong.
        ("modbus, url: 'tcp://x', offset_base: x, bindings: [{node: A, address: 'input:40013'}]", ["offset_base"]),
        ("modbus, url: 'tcp://x', ofset_base: x, bindings: [{node: A, address: 'input:40013'}]", ["ofset_base"]),
        (
            "modbsu, bindings: [{node: /Objects/Line/No, address: x, scale: y}]",
            ["no driver 'modbsu'", "has no child 'No'", "'scale' must be a number"],
        ),
        ("null, bindings: [{node: /Objects/Line/No, address: x}]", ["names no driver", "has no child 'No'"]),
        ("modbus, url: x", ["reached by tcp", "has no bindings"]),
        ("can, url: 'log:x.log', dbc: x.dbc, scan: 1", ["no unit", "x.dbc: cannot be read", "x.log: cannot"]),
        # The driver looks at its database and its log together, so it says nothing without knowing where the log is.
        ("can, url: x, dbc: x.dbc", ["'devices.dev.url'"]),
        ("simulator, generate: {count: 0}", ["generate.count"]),
    ],
)
async def test_a_wrong_device_does_not_hide_its_bindings(tmp_path: Path, device: str, wanted: list[str]) -> None:
    found = await told(tmp_path, f"{HEAD}devices:\n  dev: {{driver: {device}}}\n")
    text = "\n".join(found)
    assert [part for part in wanted if part not in text] == []
    assert len(found) == len(wanted), text


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("name: 'a b'\n", "'name'"),
        ("historian: {store: oracle}\n", "'historian.store'"),
        ("histroian: {}\n", "unknown key 'histroian'"),
    ],
)
async def test_an_error_elsewhere_does_not_hide_the_models(tmp_path: Path, section: str, problem: str) -> None:
    dangling = node("UAVariable", "Cold", 'DataType="i=10"', kind="i=99999")
    config = section + HEAD + "devices: {dev: {driver: simulator, generate: {count: 1}}}\n"
    found = await told(tmp_path, config, line_xml=model(dangling))
    assert len(found) == 2
    assert any(problem in line for line in found)
    assert any("line.xml" in line and "Reference i=99999: no such node" in line for line in found)


async def test_bindings_are_checked_against_a_model_that_is_wrong(tmp_path: Path) -> None:
    dangling = node("UAVariable", "Cold", 'DataType="i=10"', kind="i=99999")
    rows = "node: /Objects/Line/Cold, address: coil:1, type: Int16"
    found = await told(tmp_path, _bound(rows), line_xml=model(dangling))
    assert len(found) == 2
    assert "the model says that /Objects/Line/Cold is Float" in found[1]
    found = await told(tmp_path, _bound("node: /Objects/Line/Colt, address: coil:1"), line_xml=model(dangling))
    assert "has no child 'Colt' (did you mean Cold?)" in found[1]


async def test_what_a_wrong_model_cut_off_is_not_told_again(tmp_path: Path) -> None:
    lost = node("UAObject", "Filler", kind="i=58", parent="ns=1;s=Lime")
    below = node("UAVariable", "Filler.Level", 'DataType="i=10"', kind="i=63", parent="ns=1;s=Filler")
    config = _dataset("/Objects/Line/Filler/Level, '/Objects/Line/Filler/*', '/Objects/Line/Foller/*'")
    found = await told(tmp_path, config, line_xml=model(lost, below))
    assert len(found) == 2
    assert "Lime: no such node" in found[0]
    assert "no variable matches /Objects/Line/Foller/*" in found[1]


@pytest.mark.parametrize(
    ("section", "told_of"),
    [
        ("{nodesets: [line.xml, other.xml]}", "no file matches other.xml"),
        ("{nodesets: [line.xml, 1]}", "'model.nodesets[1]'"),
        ("{nodesetz: [line.xml]}", "unknown key 'nodesetz'"),
        ("{nodesets: [line.xml], search: 3}", "'model.search'"),
        ("{nodesets: [line.xml, '${env:PLANTSPACE_TEST_NOT_SET}']}", "PLANTSPACE_TEST_NOT_SET is not set"),
    ],
)
async def test_names_are_not_looked_for_where_a_model_is_missing(tmp_path: Path, section: str, told_of: str) -> None:
    config = _dataset("/Objects/Other/Level, /Objects/dev/Levle, 'nsu=urn:other;s=Level'")
    needs = model().replace('2026-01-01T00:00:00Z"/>', '2026-01-01T00:00:00Z"/>', 1)
    found = await told(tmp_path, config.replace("{nodesets: [line.xml]}", section), line_xml=needs)
    # What comes of a device is known even then.
    assert len(found) == 2
    assert told_of in found[0]
    assert "/Objects/dev has no child 'Levle' (did you mean Level?)" in found[1]


async def test_a_model_that_no_file_has_is_told_unless_the_settings_are_wrong(tmp_path: Path) -> None:
    required = '<RequiredModel ModelUri="urn:test:base"/>'
    needs = model().replace('2026-01-01T00:00:00Z"/>', f'2026-01-01T00:00:00Z">{required}</Model>')
    (found,) = await told(tmp_path, HEAD, line_xml=needs)
    assert "requires the model urn:test:base, which no file has" in found
    (found,) = await told(tmp_path, HEAD.replace("[line.xml]", "[line.xml], serch: [models]"), line_xml=needs)
    assert "unknown key 'serch'" in found


@pytest.mark.parametrize(
    ("operator", "wanted"),
    [
        ("operator: robust-zscore", ["'input' is missing"]),
        ("input: /Objects/dev/Level", ["'analytics.watch.operator' is missing"]),
        ("operator: robust-zscor, input: /Objects/dev/Levle", ["unknown: 'robust-zscor'", "no child 'Levle'"]),
        (
            "operator: robust-zscore, input: /Objects/dev/Levle, window: x",
            ["'analytics.watch.window'", "child 'Levle'"],
        ),
        ("operator: robust-zscore, input: /Objects/Line/Label", ["/Objects/Line/Label is String"]),
        ("operator: robust-zscore, input: /Objects/Line", ["/Objects/Line is no point"]),
        ("operator: robust-zscore, input: level", ["it is not of the form"]),
    ],
)
async def test_wrong_operators(tmp_path: Path, operator: str, wanted: list[str]) -> None:
    nodes = "[/Objects/dev/LevelRobustZScore/Score, 'nsu=urn:plantspace:plantspace;s=analytics.watch.Score']"
    found = await told(tmp_path, f"{_operator(operator)}historian: {{nodes: {nodes}}}\n")
    text = "\n".join(found)
    for part in wanted:
        assert part in text
    assert len(found) == len(wanted), text


def _operators(*texts: str) -> str:
    lines = "".join(f"  watch{number}: {{operator: robust-zscore, {text}}}\n" for number, text in enumerate(texts))
    return f"{_bound('node: Level, address: holding:1')}analytics:\n{lines}"


async def test_two_operators_that_would_bear_one_name(tmp_path: Path) -> None:
    level = "input: /Objects/dev/Level"
    (found,) = await told(tmp_path, _operators(level, level, f"{level}, name: Other"))
    assert found == (
        "plant.yaml:7:3: the operators 'watch0' and 'watch1' would both be /Objects/dev/LevelRobustZScore"
        " (give this one a name of its own, such as name: LevelRobustZScore2)"
    )
    (found,) = await told(tmp_path, _operators(f"{level}, name: Other", f"{level}, name: Other"))
    assert "plant.yaml:7:70: the operators 'watch0' and 'watch1' would both be /Objects/dev/Other (" in found
    assert await told(tmp_path, _operators(level, f"{level}, name: Other", "input: /Objects/Line/Temperature")) == []


async def test_an_operator_that_would_bear_the_name_of_a_tag(tmp_path: Path) -> None:
    (found,) = await told(tmp_path, _operators("input: /Objects/dev/Level, name: Level"))
    assert "plant.yaml:6:70: the operator 'watch0' would be /Objects/dev/Level, which is another node already" in found


async def test_a_wrong_operator_explains_its_own_names_only(tmp_path: Path) -> None:
    names = [
        "/Objects/dev/LevelRobustZScore/Score",
        "/Objects/dev/LevelRobustZScore/Socre",
        "/Objects/Line/RunningRobustZScore/Score",
        "/Objects/dev/*/An*",
    ]
    nodes = "".join(f"\n    - {name}" for name in names)
    config = _operator("operator: robust-zscore, input: /Objects/dev/Level, window: x")
    found = await told(tmp_path, f"{config}historian:\n  nodes:{nodes}\n")
    assert [line.partition(": ")[0] for line in found[1:]] == ["plant.yaml:10:7", "plant.yaml:11:7"]
    config = _operator("operator: robust-zscore, input: /Objects/dev/Levle, name: Watch")
    nodes = "[/Objects/dev/Watch/Score, /Objects/dev/LevelRobustZScore/Score, '/Objects/nothing/*']"
    found = await told(tmp_path, f"{config}historian: {{nodes: {nodes}}}\n")
    assert len(found) == 3


async def test_a_wrong_broker_does_not_hide_the_datasets(tmp_path: Path) -> None:
    config = _dataset("/Objects/dev/Levle, Level, /Objects/Line, 7, /Objects/dev/Level, Label").replace(
        "mqtt:", "http:"
    )
    found = await told(tmp_path, config)
    assert [line.partition(": ")[0] for line in found] == [
        "plant.yaml:6:11",
        "plant.yaml:8:19",
        "plant.yaml:8:39",
        "plant.yaml:8:46",
        "plant.yaml:8:61",
        "plant.yaml:8:84",
    ]
    assert "'pubsub.broker'" in found[0]
    assert "'Level' names no node" in found[2]
    assert "/Objects/Line means no variable whose value changes" in found[3]


async def test_what_a_lost_bindings_file_held_is_not_told_as_missing(tmp_path: Path) -> None:
    config = (
        f"{HEAD}devices: {{plc: {{driver: modbus, url: 'tcp://x', bindings: plc.csv}}}}\n"
        "analytics: {watch: {operator: robust-zscore, input: /Objects/plc/Level}}\n"
        "historian: {nodes: [/Objects/plc/Level, '/Objects/plc/L*', /Objects/plx/Level]}\n"
    )
    found = await told(tmp_path, config)
    assert len(found) == 2
    assert "/Objects has no child 'plx'" in found[0]
    assert "plc.csv: the file cannot be read" in found[1]


async def test_two_devices_whose_tags_would_be_one_node(tmp_path: Path) -> None:
    rows = "[{node: b.c, address: coil:1}]", "[{node: c, address: coil:1}]"
    devices = ", ".join(
        f"{name}: {{driver: modbus, url: 'tcp://x', bindings: {row}}}"
        for name, row in zip(("a", "a.b"), rows, strict=True)
    )
    (found,) = await told(tmp_path, f"{HEAD}devices: {{{devices}}}\n")
    assert "the tag c is bound twice" in found


async def test_a_device_name_that_is_no_name(tmp_path: Path) -> None:
    found = await told(tmp_path, f"{HEAD}devices: {{a/b: {{driver: modbus, url: x, bindings: 3}}}}\n")
    assert len(found) == 3
    assert "the device name 'a/b' does not fit into a browse path" in found[0]


async def test_a_configuration_without_anything(tmp_path: Path) -> None:
    assert await told(tmp_path, "{}") == []
    assert len(await told(tmp_path, "[1]")) == 1
