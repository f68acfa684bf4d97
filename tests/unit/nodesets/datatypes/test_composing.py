"""Structures taken apart and put together, beside a model that walks each path anew."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import Structure, Value
from nodesets.datatypes.binary import decode_structure, encode_structure
from nodesets.datatypes.composing import ABSENT, FieldTree, Part
from nodesets.datatypes.field_paths import FieldPath, resolve_field
from nodesets.datatypes.registry import TypeRegistry
from tests.unit.nodesets.datatypes.described import NAMESPACES, STRUCTURE, data_type, field, named, standard_types

VECTOR, AXIS, POSE = named(1), named(2), named(3)
TYPES = TypeRegistry.of(
    [
        *standard_types(),
        data_type(VECTOR, "Vector", STRUCTURE, (field("X", 11), field("Y", 11), field("T", 11, is_optional=True))),
        data_type(AXIS, "Axis", STRUCTURE, (field("Speed", 11), field("At", VECTOR), field("Steps", 6, 1))),
        data_type(
            POSE,
            "Pose",
            STRUCTURE,
            (
                field("Name", 12),
                field("Origin", VECTOR),
                field("Rest", VECTOR, is_optional=True),
                field("Axes", AXIS, 1),
                field("Counts", 6, 1),
            ),
        ),
    ]
)
TEXTS = [
    "Name",
    "Origin.X",
    "Origin.T",
    "Rest.Y",
    "Rest.T",
    "Axes[0].Speed",
    "Axes[2].At.X",
    "Axes[2].At.T",
    "Axes[1].Steps[1]",
    "Counts[0]",
    "Counts[3]",
]
numbers = st.floats(allow_nan=False)


def vector(x: float, y: float, t: float | None) -> Structure:
    return Structure(VECTOR, {"X": x, "Y": y, **({} if t is None else {"T": t})})


def axis(speed: float, at: Structure, steps: Value) -> Structure:
    return Structure(AXIS, {"Speed": speed, "At": at, "Steps": steps})


def pose(name: str | None, origin: Structure, rest: Structure | None, held: Value, some: Value) -> Structure:
    optional: dict[str, Value] = {} if rest is None else {"Rest": rest}
    return Structure(POSE, {"Name": name, "Origin": origin, "Axes": held, "Counts": some, **optional})


vectors = st.builds(
    vector,
    numbers,
    numbers,
    st.none() | numbers,
)
whole = st.integers(-(2**31), 2**31 - 1)
counts = st.none() | st.lists(whole, max_size=5).map(tuple)
axes = st.builds(axis, numbers, vectors, counts)
poses = st.builds(
    pose,
    st.none() | st.text(max_size=3),
    vectors,
    st.none() | vectors,
    st.none() | st.lists(axes, max_size=4).map(tuple),
    counts,
)
chosen = st.lists(st.sampled_from(TEXTS), unique=True, min_size=1)


def part_for(text: str) -> st.SearchStrategy[Part]:
    if text == "Name":
        return st.none() | st.text(max_size=3)
    if text.endswith("]"):
        return whole
    return st.just(ABSENT) | numbers if text.endswith("T") else numbers


def slow_get(value: Any, path: FieldPath) -> Part:
    for step in path:
        if isinstance(step, str):
            if step not in value.fields:
                return ABSENT
            value = value.fields[step]
        elif value is None or step >= len(value):
            return ABSENT
        else:
            value = value[step]
    return value


def slow_put(value: Any, path: FieldPath, part: Part) -> Any:
    """A whole new value with one field in its place, and defaults on the way there."""
    step, rest = path[0], path[1:]
    new = {"Origin": Structure(VECTOR, {"X": 0.0, "Y": 0.0}), "Rest": Structure(VECTOR, {"X": 0.0, "Y": 0.0})}
    new["At"] = new["Origin"]
    if isinstance(step, str):
        fields = dict(value.fields)
        if not rest and part is ABSENT:
            fields.pop(step, None)
        else:
            fields[step] = slow_put(fields.get(step, new.get(step)), rest, part) if rest else part
        return Structure(value.type, fields)
    elements: list[Any] = list(value or ())
    while len(elements) <= step:
        elements.append(Structure(AXIS, {"Speed": 0.0, "At": new["At"], "Steps": None}) if rest else 0)
    elements[step] = slow_put(elements[step], rest, part) if rest else part
    return tuple(elements)


def resolved(texts: list[str]) -> list[FieldPath]:
    return [resolve_field(text, POSE, TYPES).path for text in texts]


@given(st.data(), poses, chosen)
@settings(max_examples=150, deadline=None)
def test_parts_are_put_where_a_slow_model_puts_them(data: st.DataObject, pose: Structure, texts: list[str]) -> None:
    paths = resolved(texts)
    tree = FieldTree(POSE, paths, TYPES)
    before = deepcopy(pose)
    parts = [data.draw(part_for(text)) for text in texts]
    composed = tree.compose(tree.complete(pose), parts)
    expected: Any = pose
    for path, part in zip(paths, parts, strict=True):
        expected = slow_put(expected, path, part)
    assert composed == expected
    assert pose == before
    assert tree.take_apart(composed) == parts == [slow_get(composed, path) for path in paths]
    assert tree.take_apart(pose) == [slow_get(pose, path) for path in paths]
    body = encode_structure(composed, TYPES, NAMESPACES)
    assert tree.take_apart(decode_structure(body, POSE, TYPES, NAMESPACES)) == parts


@given(poses, chosen)
@settings(max_examples=60, deadline=None)
def test_completing_changes_nothing_that_is_there(pose: Structure, texts: list[str]) -> None:
    paths = resolved(texts)
    tree = FieldTree(POSE, paths, TYPES)
    complete = tree.complete(pose)
    assert tree.complete(complete) == complete
    for path, part in zip(paths, tree.take_apart(pose), strict=True):
        if part is not ABSENT:
            assert slow_get(complete, path) == part
    assert tree.compose(complete, tree.take_apart(complete)) == complete


def test_the_default_is_completed_and_stays_as_it_was() -> None:
    tree = FieldTree(VECTOR, [("X",), ("T",)], TYPES)
    assert tree.complete(None) == Structure(VECTOR, {"X": 0.0, "Y": 0.0})
    assert tree.compose(tree.complete(None), [1.0, 2.0]) == Structure(VECTOR, {"X": 1.0, "Y": 0.0, "T": 2.0})
    assert FieldTree(VECTOR, [("Y",)], TYPES).complete(None) == Structure(VECTOR, {"X": 0.0, "Y": 0.0})


def test_what_is_left_beside_the_chosen_fields() -> None:
    everything = FieldTree(VECTOR, [("X",), ("Y",)], TYPES)
    assert not everything.leaves_more(everything.complete(None))
    some = FieldTree(VECTOR, [("X",)], TYPES)
    assert some.leaves_more(some.complete(None))
    elements = FieldTree(AXIS, [("Speed",), ("At", "X"), ("At", "Y"), ("Steps", 0)], TYPES)
    assert not elements.leaves_more(elements.complete(None))
    assert elements.leaves_more(Structure(AXIS, {**elements.complete(None).fields, "Steps": (1, 2)}))
