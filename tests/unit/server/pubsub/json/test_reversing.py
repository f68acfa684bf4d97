"""VerboseEncoding with the metadata beside it loses nothing (Part 14 v1.05 7.2.5.4.2), down to the last bit."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.datatypes import DataType
from nodesets.built_in_types import BuiltInType, QualifiedName, Value, Variant
from nodesets.names import NodeName
from server.pubsub.fields import DataSetField
from server.pubsub.json.metadata import field_metadata
from tests.thorough import examples
from tests.unit.nodesets.datatypes.generated import LATEST, scalars
from tests.unit.server.pubsub.json.dataset import shown
from tests.unit.server.pubsub.json.slow_decoder import decode

_TYPES = [one for one in BuiltInType if BuiltInType.Null < one <= BuiltInType.LocalizedText]
_SHAPES = st.sampled_from([-1, 1, 2])


@st.composite
def _variants(draw: st.DrawFn) -> tuple[Variant, int]:
    kind, rank = draw(st.sampled_from(_TYPES)), draw(_SHAPES)
    scalar = scalars(kind)
    if kind is BuiltInType.QualifiedName:
        scalar = scalar.filter(lambda one: isinstance(one, QualifiedName) and bool(one.name))
    if kind is BuiltInType.DateTime:
        scalar = scalar.filter(lambda one: one != LATEST)
    if rank == -1:
        return Variant(kind, draw(scalar.filter(lambda one: one is not None))), rank
    elements = tuple(draw(st.lists(scalar, min_size=4 if rank > 1 else 0, max_size=4)))
    return Variant(kind, elements, (2, 2) if rank > 1 else None), rank


def _bits(value: Value) -> object:
    """What tells -0 from 0, and lets NaN be NaN."""
    if isinstance(value, tuple) and type(value) is tuple:
        return [_bits(one) for one in value]
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack("<d", value)  # noqa: PLR0124 - so is NaN
    return value


@given(_variants())
@settings(max_examples=examples(80, 5000))
def test_a_value_comes_back_from_its_text_and_its_metadata(drawn: tuple[Variant, int]) -> None:
    value, rank = drawn
    field = DataSetField("f", 0, DataType.VARIANT, "nsu=x;i=1", data_type=f"i={int(value.type)}", value_rank=rank)
    described: Any = json.loads(json.dumps(field_metadata(field)))
    found = decode(shown(field, value), BuiltInType(described["BuiltInType"]), described["ValueRank"])
    assert (found.type, found.dimensions) == (value.type, value.dimensions)
    assert _bits(found.value) == _bits(value.value)


def test_names_with_semicolons_in_their_namespace_come_back() -> None:
    for value in (
        Variant(BuiltInType.QualifiedName, QualifiedName("urn:a;b%3b", "n;m")),
        Variant(BuiltInType.NodeId, NodeName("urn:a;b%3b", "s", "n;m")),
    ):
        field = DataSetField("f", 0, DataType.VARIANT, "nsu=x;i=1", data_type=f"i={int(value.type)}")
        assert decode(shown(field, value), value.type, -1) == value


@given(st.lists(st.floats(width=32), max_size=20))
@settings(max_examples=examples(30, 2000))
def test_floats_of_a_column_come_back(values: list[float]) -> None:
    field = DataSetField("f", 0, DataType.FLOAT, "nsu=x;i=1")
    for value in values:
        found = decode(shown(field, np.float32(value)), BuiltInType.Float, -1)
        assert isinstance(found.value, float)
        assert _bits(float(np.float32(found.value))) == _bits(value)
