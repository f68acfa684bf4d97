from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from server.pubsub.fields import DataSetField, field_names

PATHS = st.lists(st.lists(st.sampled_from("abc"), max_size=4).map(tuple), max_size=12)


def test_names_take_as_many_parents_as_it_takes() -> None:
    paths = [("Line1", "Filler", "Temperature"), ("Line1", "Capper", "Temperature"), ("Line1", "Filler", "Speed")]
    nodes = ["n1", "n2", "n3"]
    assert field_names(paths, nodes, "name") == ["Filler.Temperature", "Capper.Temperature", "Speed"]
    assert field_names(paths, nodes, "path")[0] == "Line1.Filler.Temperature"
    assert field_names(paths, nodes, "node") == nodes


def test_points_of_one_path_are_told_apart_by_their_nodes() -> None:
    assert field_names([("A",), ("A",)], ["n1", "n2"], "name") == ["n1", "n2"]


@given(PATHS, st.sampled_from(["name", "path", "node"]))
def test_no_name_comes_twice(paths: list[tuple[str, ...]], rule: str) -> None:
    nodes = [f"nsu=urn:x;i={number}" for number in range(len(paths))]
    names = field_names(paths, nodes, rule)  # type: ignore[arg-type]  # sampled from the literal's words
    assert len(set(names)) == len(paths)


def test_a_field_keeps_its_id_for_ever() -> None:
    field = DataSetField("a", 3, DataType.DOUBLE, "nsu=urn:x;s=a")
    assert field.field_id == DataSetField("b", 9, DataType.FLOAT, "nsu=urn:x;s=a").field_id
    assert field.field_id == "b18ef089-237f-5fc9-8ef7-3a49f1aefa53"
