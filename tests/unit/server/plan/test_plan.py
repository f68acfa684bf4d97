"""Plans of configurations that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.datatypes import DataType
from core.errors import Findings, InputError
from core.settings import read_table
from server.bindings import COLUMNS, REQUIRED
from server.plan import plan_gateway
from server.ua_stack.nodes import HISTORY_READ, READ, WRITE
from tests.unit.server.plan.line import URI, lay_down, model, node, planned, told

MODELLED = """\
name: line-1
server: {anonymous: Observer}
model: {nodesets: [line.xml]}
devices:
  plc:
    driver: modbus
    url: tcp://127.0.0.1:5020
    scan: 200ms
    limits: clamp
    bindings: plc.csv
"""
PLC = """\
node,address,type,unit,scan,scale,offset,min,max,deadband,access,on_bad,history
/Objects/Line/Temperature,holding:40001/int16,,,,0.1,-40,0,120,0.5,,null,
nsu=urn:test:line;s=Setpoint,holding:40003/float32,,,1s,,,,,,,,true
/Objects/Line/Running,coil:1,,,,,,,,,,,
/Objects/Line/Start,coil:7,,,,,,,,,,,
Pressure,holding:40005/uint16,,bar,50ms,0.01,,0,16,,rw,,yes
Mode,holding:40007/uint16,Int32,,,,,,,,,,
"""


def _device(text: str) -> str:
    return f"server: {{anonymous: Observer}}\ndevices:\n  dev: {text}\n"


async def test_points_of_a_model_are_bound(tmp_path: Path) -> None:
    async with planned(tmp_path, MODELLED, plc_csv=PLC) as plan:
        (device,) = plan.devices
        slot = plan.slot_of("/Objects/Line/Temperature")
        assert slot is not None
        point = plan.points.points[slot]
        assert point.node == f"nsu={URI};s=Temperature"
        assert (point.datatype, point.scale, point.offset) == (DataType.FLOAT, 0.1, -40.0)
        assert (point.minimum, point.maximum, point.deadband) == (0.0, 120.0, 0.5)
        assert (point.clamp, point.on_bad.value, point.device) == (True, "null", "plc")
        bound = {one.slot: one for one in device.points}
        assert bound[slot].scan == 0.2
        assert not plan.directory.access_level(plan.directory.find("/Objects/Line/Temperature")) & WRITE
        assert slot in plan.points.following, "as its model says, and may say otherwise after a change"
        setpoint = plan.slot_of("/Objects/Line/Setpoint")
        assert setpoint is not None
        assert (bound[setpoint].scan, bound[setpoint].writable) == (1.0, True)
        assert plan.counts()["bound points"] == 6


async def test_tags_without_a_model_get_nodes(tmp_path: Path) -> None:
    async with planned(tmp_path, MODELLED, plc_csv=PLC) as plan:
        nodeid = plan.directory.find("/Objects/plc/Pressure")
        assert plan.nodeids.to_text(nodeid) == "nsu=urn:plantspace:line-1;s=plc.Pressure"
        # Scaled, so that 0.01 bar are not lost in the register's integer.
        assert plan.directory.built_in_type(nodeid) is DataType.DOUBLE
        assert plan.directory.access_level(nodeid) == READ | WRITE | HISTORY_READ
        assert plan.directory.minimum_sampling(nodeid) == 50.0
        unit, span = (plan.directory.property_value(nodeid, name) for name in ("EngineeringUnits", "EURange"))
        assert getattr(unit, "UnitId", None) == 4_342_098  # UNECE BAR
        assert (getattr(span, "Low", None), getattr(span, "High", None)) == (0.0, 16.0)
        mode = plan.directory.find("/Objects/plc/Mode")
        assert plan.directory.built_in_type(mode) is DataType.INT32


async def test_a_method_is_bound_and_is_no_variable(tmp_path: Path) -> None:
    config = MODELLED.replace("limits: clamp", "history: true")
    async with planned(tmp_path, config, plc_csv=PLC) as plan:
        (device,) = plan.devices
        method = plan.directory.find("/Objects/Line/Start")
        bound = device.methods[method]
        assert bound in device.points
        assert bound.writable
        assert bound.point.datatype is DataType.BOOLEAN
        assert method not in plan.points.slots
        assert bound.slot not in plan.points.recorded


async def test_what_nothing_fills_is_a_memory_point(tmp_path: Path) -> None:
    async with planned(tmp_path, MODELLED, plc_csv=PLC) as plan:
        memory = {point.node.rpartition("=")[2]: point for point in plan.memory}
        assert set(memory) == {"Label", "Recipe", "Total", "Limits"}
        assert (memory["Recipe"].initial, memory["Recipe"].retained) == ("Cola", True)
        assert (memory["Label"].initial, memory["Label"].retained) == (None, False)
        assert memory["Limits"].datatype is DataType.VARIANT


async def test_history_is_kept_by_model_binding_and_pattern(tmp_path: Path) -> None:
    config = MODELLED + "historian: {nodes: ['/Objects/Line/R*', /Objects/Line/Label]}\n"
    async with planned(tmp_path, config, plc_csv=PLC) as plan:
        recorded = {plan.points.points[slot].node.rpartition("=")[2] for slot in plan.points.recorded}
        assert recorded == {"Setpoint", "plc.Pressure", "Total", "Running", "Recipe", "Label"}
        label = plan.directory.find("/Objects/Line/Label")
        assert plan.directory.is_historizing(label)
        assert plan.directory.access_level(label) & HISTORY_READ
        assert plan.history_file == tmp_path / "var" / "history.sqlite"


async def test_tags_that_a_device_describes_itself(tmp_path: Path) -> None:
    config = _device("{driver: simulator, scan: 10ms, generate: {count: 3, type: Int16, signal: hold}}")
    async with planned(tmp_path, config) as plan:
        assert [point.node.rpartition("=")[2] for point in plan.points.points] == ["dev.t0", "dev.t1", "dev.t2"]
        assert plan.points.scans == [0.01] * 3
        assert all(point.writable for point in plan.devices[0].points)
        assert plan.history_file is None


async def test_values_of_a_listening_device_come_by_themselves(tmp_path: Path) -> None:
    golden = Path(__file__).parents[3] / "golden" / "configurations" / "can_signals_that_the_database_lacks"
    files = {f"drive_{name}": (golden / f"drive.{name}").read_text(encoding="utf-8") for name in ("dbc", "log")}
    async with planned(tmp_path, _device("{driver: can, url: 'log:drive.log', dbc: drive.dbc}"), **files) as plan:
        assert plan.slot_of("/Objects/dev/DriveStatus.Speed") is not None
        assert set(plan.points.scans) == {0.0}


async def test_an_operator_stands_beneath_its_inputs_object(tmp_path: Path) -> None:
    config = MODELLED + "analytics: {watch: {operator: robust-zscore, input: /Objects/Line/Temperature}}\n"
    async with planned(tmp_path, config, plc_csv=PLC) as plan:
        (operator,) = plan.operators
        assert operator.inputs == {"Input": plan.slot_of("/Objects/Line/Temperature")}
        here = "/Objects/Line/TemperatureRobustZScore"
        assert operator.outputs == (plan.slot_of(f"{here}/Score"), plan.slot_of(f"{here}/Anomaly"))
        assert operator.parameters["Window"] == plan.slot_of(f"{here}/Window")
        assert plan.directory.is_method(operator.methods["Reset"])
        assert plan.node_id(f"{here}/Score") == "nsu=urn:plantspace:line-1;s=analytics.watch.Score"


async def test_a_dataset_has_a_field_for_each_point_once(tmp_path: Path) -> None:
    config = MODELLED + (
        "analytics: {watch: {operator: robust-zscore, input: /Objects/Line/Temperature}}\n"
        "pubsub:\n  broker: mqtt://127.0.0.1\n  datasets:\n    all:\n"
        "      nodes: [/Objects/Line/Temp*, /Objects/Line/Temperature, /Objects/plc/Pressure]\n"
    )
    async with planned(tmp_path, config, plc_csv=PLC) as plan:
        assert plan.pubsub is not None
        fields = {field.name: field for field in plan.pubsub.connections["default"].fields["all"]}
        assert set(fields) >= {"Temperature", "Pressure", "Score", "Anomaly"}
        assert fields["Pressure"].unit == "BAR"
        assert fields["Pressure"].range == (0.0, 16.0)
        assert fields["Pressure"].slot == plan.slot_of("/Objects/plc/Pressure")
        assert len(plan.pubsub.connections["default"].fields["all"]) == len(fields)


async def test_a_field_is_described_by_the_variables_own_type(tmp_path: Path) -> None:
    config = MODELLED + (
        "pubsub:\n  broker: mqtt://127.0.0.1\n  datasets:\n    all:\n"
        "      nodes: [/Objects/Line/Limits, /Objects/Line/Recipe]\n"
    )
    async with planned(tmp_path, config, plc_csv=PLC) as plan:
        assert plan.pubsub is not None
        limits, recipe = plan.pubsub.connections["default"].fields["all"]
        assert (limits.data_type, limits.wire_type, limits.value_rank) == ("i=6", DataType.INT32, 1)
        assert (recipe.data_type, recipe.wire_type, recipe.value_rank) == ("i=12", DataType.STRING, -1)


async def test_a_tls_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    config = MODELLED + (
        "pubsub:\n  broker: mqtts://127.0.0.1\n  ca_file: ca.pem\n"
        "  datasets:\n    all: {nodes: [/Objects/Line/Limits]}\n"
    )
    (finding,) = await told(tmp_path, config, plc_csv=PLC)
    assert "there is no file" in finding
    assert "ca.pem" in finding


async def test_rows_stand_in_for_a_devices_table(tmp_path: Path) -> None:
    config = lay_down(tmp_path, MODELLED, other_csv="node,address\nLevel,holding:1\n")
    with pytest.raises(InputError, match=r"plc\.csv: the file cannot be read"):
        await plan_gateway(config)
    findings = Findings()
    rows = read_table(tmp_path / "other.csv", COLUMNS, REQUIRED, findings)
    plan = await plan_gateway(config, bindings={"plc": rows})
    try:
        assert plan.slot_of("/Objects/plc/Level") == 0
    finally:
        await plan.discard()


async def test_warnings_name_what_is_allowed_and_seldom_meant(tmp_path: Path) -> None:
    config = "server: {endpoint: 'opc.tcp://0.0.0.0:4840', security: ['None']}\n"
    async with planned(tmp_path, config) as plan:
        assert [warning.partition(": ")[0].rpartition("/")[2] for warning in plan.warnings] == ["plant.yaml:1:56"]


async def test_a_property_that_nobody_writes_is_no_point(tmp_path: Path) -> None:
    more = node("UAVariable", "Serial", 'DataType="i=12" AccessLevel="1"', kind="i=68").replace("i=47", "i=46")
    async with planned(tmp_path, MODELLED, plc_csv=PLC, line_xml=model(more)) as plan:
        assert plan.slot_of("/Objects/Line/Serial") is None
        assert plan.slot_of("/Objects/Line/Nothing") is None
        assert plan.node_id("/Objects/Line/Nothing") is None


@pytest.mark.parametrize(("search", "told_of_it"), [("", False), (", search: [nowhere]", True)])
async def test_a_folder_that_is_not_there_is_told_to_whoever_named_it(
    tmp_path: Path, search: str, *, told_of_it: bool
) -> None:
    needs = (
        '<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"><NamespaceUris><Uri>urn:a</Uri>'
        '</NamespaceUris><Models><Model ModelUri="urn:a"><RequiredModel ModelUri="http://opcfoundation.org/UA/DI/"/>'
        "</Model></Models></UANodeSet>"
    )
    (tmp_path / "a.xml").write_text(needs, encoding="utf-8")
    body = f"server: {{anonymous: Observer}}\nmodel: {{nodesets: [a.xml]{search}}}\n"
    async with planned(tmp_path, body) as plan:
        assert any("no such folder to search" in warning for warning in plan.warnings) is told_of_it
