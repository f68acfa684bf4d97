from __future__ import annotations

from pathlib import Path

import pytest

from core.datatypes import DataType
from server.pubsub.frames import Frame, MessageType
from server.pubsub.sparkplug.payload import decode_payload
from tests.unit.server.pubsub.sparkplug.edge import MOMENT, edge_node, field, frame, values

MANY = {"d": [field(f"p{slot}", slot) for slot in range(50)]}


def test_data_go_to_the_devices_topic_or_the_nodes(tmp_path: Path) -> None:
    part = values(DataType.DOUBLE, [0], [1.0])
    (one,) = edge_node(tmp_path)[0].encoding("filler").data([frame(part)], 1 << 20)
    assert (one.message.topic, one.message.qos, one.message.retain) == ("spBv1.0/Plant/DDATA/line-1/filler", 1, False)
    node, _ = edge_node(tmp_path, devices="node", qos=0)
    (one,) = node.encoding("filler").data([frame(part)], 1 << 20)
    assert (one.message.topic, one.message.qos) == ("spBv1.0/Plant/NDATA/line-1", 0)
    assert node.devices["filler"].names == ("filler/Temperature", "filler/Count")
    birth = decode_payload(node.birth(0, 1, {"filler": [part], "capper": []}, ()))
    assert [one.name for one in birth.metrics][3:] == ["filler/Temperature", "filler/Count", "capper/Torque"]


@pytest.mark.parametrize("count", [20, 50])
def test_long_messages_are_cut_between_metrics(tmp_path: Path, count: int) -> None:
    encoding = edge_node(tmp_path, MANY)[0].encoding("d")
    part = values(DataType.DOUBLE, range(count), [float(place) for place in range(count)])
    made = encoding.data([frame(part)], 200)
    assert len(made) > 2
    assert all(len(one.message.payload) <= 184 for one in made)
    metrics = [metric for one in made for metric in decode_payload(one.message.payload).metrics]
    assert [metric.double_value for metric in metrics] == part.values.tolist()
    assert [one.values for one in made] == [len(decode_payload(one.message.payload).metrics) for one in made]


def test_a_metric_that_is_too_long_goes_alone(tmp_path: Path) -> None:
    encoding = edge_node(tmp_path, {"d": [field("a", 0, DataType.STRING), field("b", 1, DataType.STRING)]})[0].encoding(
        "d"
    )
    made = encoding.data([frame(values(DataType.STRING, [0, 1], ["x" * 500, "y"]))], 100)
    assert [one.values for one in made] == [1, 1]


def test_a_keep_alive_is_no_message(tmp_path: Path) -> None:
    encoding = edge_node(tmp_path)[0].encoding("filler")
    assert encoding.data([Frame(MessageType.KEEP_ALIVE, 1, MOMENT, ())], 1 << 20) == []
    assert encoding.metadata() == []


def test_metrics_have_their_browse_path_as_folders(tmp_path: Path) -> None:
    path = ("Line1", "Fil.ler", "T/1")
    fields = [
        field("Fil.ler.T/1", 0, path=path),
        field("Speed", 1, path=("Line1", "Speed")),
        field("i=7", 2, path=path),
    ]
    assert edge_node(tmp_path, {"d": fields})[0].devices["d"].names == ("Fil.ler/T_1", "Speed", "i=7")
