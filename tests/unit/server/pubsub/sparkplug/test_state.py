from __future__ import annotations

from pathlib import Path

from server.pubsub.sparkplug.device import RetiredMetric
from server.pubsub.sparkplug.state import NodeState
from server.pubsub.sparkplug.types import SparkplugType

INT, DOUBLE = SparkplugType.INT32, SparkplugType.DOUBLE


def loaded(folder: Path) -> NodeState:
    state = NodeState(folder / "sparkplug.json")
    state.load()
    return state


def test_an_alias_is_kept_and_never_given_again(tmp_path: Path) -> None:
    state = loaded(tmp_path)
    assert state.admit("a", [("x", INT), ("y", INT)]) == [1, 2]
    assert state.admit("b", [("x", INT)]) == [3]
    state.save()
    state = loaded(tmp_path)
    assert state.admit("a", [("z", INT), ("y", INT)]) == [4, 2]
    state.retire_others(["a"])
    assert state.retired() == {"a": [RetiredMetric("x", 1, INT)], "b": [RetiredMetric("x", 3, INT)]}
    assert state.admit("a", [("x", INT)]) == [1]


def test_a_metric_of_another_type_is_another(tmp_path: Path) -> None:
    state = loaded(tmp_path)
    assert state.admit("a", [("x", INT)]) == [1]
    assert state.admit("a", [("x", DOUBLE)]) == [2]
    assert state.retired() == {"a": [RetiredMetric("x (INT32)", 1, INT)]}


def test_every_link_counts(tmp_path: Path) -> None:
    state = loaded(tmp_path)
    assert [state.next_bd_seq() for _ in range(2)] == [0, 1]
    assert loaded(tmp_path).next_bd_seq() == 2
    (tmp_path / "sparkplug.bdseq").write_text("254")
    state = loaded(tmp_path)
    assert [state.next_bd_seq() for _ in range(3)] == [255, 0, 1]


def test_what_cannot_be_read_is_set_aside_and_no_alias_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "sparkplug.json").write_text("{")
    (tmp_path / "sparkplug.bdseq").write_text("x")
    state = loaded(tmp_path)
    assert state.admit("a", [("x", INT)]) == [1_000_000]
    assert state.next_bd_seq() == 0
    assert (tmp_path / "sparkplug.damaged").read_text() == "{"


def test_a_disk_that_takes_nothing_stops_no_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = NodeState(tmp_path / "file" / "sparkplug.json")
    assert [state.next_bd_seq() for _ in range(2)] == [0, 1]
