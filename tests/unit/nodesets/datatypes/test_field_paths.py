"""Paths to single values within structures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.field_paths import FieldPath, FieldPathError, path_text, proposed_fields, resolve_field
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from tests.unit.nodesets.datatypes.described import STRUCTURE, data_type, field, named, standard_types

INNER, OUTER = named(1), named(2)
TYPES = TypeRegistry.of(
    [
        *standard_types(),
        data_type(INNER, "Inner", STRUCTURE, (field("X", 11), field("Maybe", 6, is_optional=True))),
        data_type(
            OUTER,
            "Outer",
            STRUCTURE,
            (
                field("A", INNER),
                field("A.B", 10),
                field("A.B.C", INNER),
                field("List", INNER, 1),
                field("Bits", 3, 1, array_dimensions=(2,)),
                field("When", 294),
            ),
        ),
    ]
)


@pytest.mark.parametrize(
    ("text", "path", "built_in", "optional"),
    [
        ("A.X", ("A", "X"), BuiltInType.Double, False),
        ("A.Maybe", ("A", "Maybe"), BuiltInType.Int32, True),
        ("A.B", ("A.B",), BuiltInType.Float, False),
        ("A.B.C.X", ("A.B.C", "X"), BuiltInType.Double, False),
        ("List[0007].X", ("List", 7, "X"), BuiltInType.Double, False),
        ("Bits[1]", ("Bits", 1), BuiltInType.Byte, False),
        ("When", ("When",), BuiltInType.DateTime, False),
    ],
)
def test_a_path_is_followed(text: str, path: FieldPath, built_in: BuiltInType, optional: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = resolve_field(text, OUTER, TYPES)
    assert (found.path, found.built_in, found.is_optional) == (path, built_in, optional)
    assert resolve_field(found.text, OUTER, TYPES) == found


@pytest.mark.parametrize(
    "text", ["", "A", "A.", "A.Y", "Bits[2]", "Bits[-1]", "Bits[x]", "List[4096].X", "List[0", "a.X"]
)
def test_a_path_that_leads_nowhere_is_told(text: str) -> None:
    with pytest.raises(FieldPathError) as raised:
        resolve_field(text, OUTER, TYPES)
    assert raised.value.mend


@given(st.text("ABX.[]0123 ListBts", max_size=20))
def test_no_text_does_worse_than_a_told_error(text: str) -> None:
    try:
        found = resolve_field(text, OUTER, TYPES)
    except FieldPathError:
        return
    assert resolve_field(path_text(found.path), OUTER, TYPES) == found


def test_a_type_that_is_not_described_is_told() -> None:
    with pytest.raises(DataTypeError):
        resolve_field("X", named(99), TYPES)
    assert proposed_fields(INNER, TYPES) == ["X", "Maybe"]
