"""DataSets by node, pattern and type."""

from __future__ import annotations

from pathlib import Path

from tests.unit.server.plan.line import model, node, planned, told

ANALOG, PUMP = "i=2368", "ns=1;s=PumpType"
MORE = (
    node("UAObjectType", "PumpType", parent="i=58"),
    node("UAObject", "Pump1", kind=PUMP),
    node("UAVariable", "Pump1.Speed", 'DataType="i=11" AccessLevel="1"', parent="ns=1;s=Pump1", kind=ANALOG),
    node("UAVariable", "Pump1.On", 'DataType="i=1" AccessLevel="1"', parent="ns=1;s=Pump1", kind="i=63"),
    node("UAVariable", "Flow", 'DataType="i=11" AccessLevel="1"', kind="i=17497"),
)


def _model() -> str:
    return model(*MORE).replace(
        '<Reference ReferenceType="i=47" IsForward="false">i=58</Reference>',
        '<Reference ReferenceType="i=45" IsForward="false">i=58</Reference>',
    )


CONFIG = """\
name: line-1
model: {nodesets: [line.xml]}
pubsub:
  broker: mqtt://127.0.0.1:18831
  datasets:
"""
BIND = "bind some, widen nodes:, or name another type"
NAME = "write nodes: [/Objects/Line1/*], or type: beside it"
CHOSEN = {
    "type: AnalogItemType": ["Speed"],
    "type: BaseAnalogType": ["Flow", "Speed"],
    "type: 'line:PumpType'": ["Speed", "On"],
    "type: nsu=urn:test:line;s=PumpType, except: [/Objects/Line/Pump1/On]": ["Speed"],
    "type: BaseAnalogType, nodes: [/Objects/Line/Pump1]": ["Speed"],
    "type: BaseAnalogType, nodes: ['/Objects/Line/F*', 'nsu=urn:test:line;s=Pump1.On']": ["Flow"],
    "nodes: [/Objects/Line/Pump1/*, /Objects/Line/Flow], except: [/Objects/Line/*/On], "
    "aliases: {/Objects/Line/Flow: Speed}": ["nsu=urn:test:line;s=Pump1.Speed", "Speed"],
}


async def test_points_are_chosen_by_node_pattern_and_type(tmp_path: Path) -> None:
    config = CONFIG + "".join(f"    d{number}: {{{keys}}}\n" for number, keys in enumerate(CHOSEN))
    async with planned(tmp_path, config, line_xml=_model()) as plan:
        assert plan.pubsub is not None
        connection = plan.pubsub.connections["default"]
        found = [[field.name for field in fields] for fields in connection.fields.values()]
        assert found == list(CHOSEN.values())
        named = [len(slots) for slots in connection.named.values()]
        assert named == [0, 0, 0, 0, 0, 0, 1], "what a pattern or a type has brought is not named"


async def test_what_is_wrong_is_told_at_its_place(tmp_path: Path) -> None:
    config = (
        CONFIG
        + """\
    wrong: {type: AnalogItemTyp}
    nothing: {type: TwoStateDiscreteType}
    none: {publish: 1s}
    all: {nodes: [/Objects/Line/Flow], except: [/Objects/Line]}
    alias: {nodes: [/Objects/Line/Flow], aliases: {/Objects/Line/Label: X}}
    gone: {nodes: [/Objects/Line/Flow], except: [/Objects/Line/Flown]}
"""
    )
    found = await told(tmp_path, config, line_xml=_model())
    assert found == [
        "plant.yaml:6:19: the model has no type 'AnalogItemTyp' (did you mean AnalogItemType?)",
        f"plant.yaml:7:21: no variable whose value changes is of the type TwoStateDiscreteType ({BIND})",
        f"plant.yaml:8:5: 'pubsub.datasets.none': it names no points ({NAME})",
        "plant.yaml:9:48: nothing is left of the dataset's points (except fewer nodes)",
        "plant.yaml:10:52: /Objects/Line/Label is not in the dataset (name it under nodes:, or leave the alias out)",
        "plant.yaml:11:50: /Objects/Line has no child 'Flown' (did you mean Flow?)",
    ]
