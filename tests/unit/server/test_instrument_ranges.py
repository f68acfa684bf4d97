"""Between which values points may be written, as the model says."""

# asyncua's annotations call plain numbers wrong where it takes them.
# pyright: reportArgumentType=false
from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from core.datatypes import DataType
from server.address_space.asyncua_values import encode_variant
from server.address_space.attributes import Attributes
from server.address_space.keys import numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.space import AddressSpace
from server.instrument_ranges import InstrumentRanges
from tests.unit.server.address_space.plant import bind, key, variable

TYPES = [DataType.DOUBLE, DataType.FLOAT, DataType.INT64, DataType.VARIANT, DataType.STRING]


def plant(low: float, high: float, name: str = "InstrumentRange") -> tuple[InstrumentRanges, SpaceNode]:
    """Points that all have one property of this name."""
    space = AddressSpace()
    attributes = Attributes(space)
    held = variable("range", 884, ua.Variant(ua.Range(low, high)))
    held.browse_name = BrowseName(0, name)
    space.add(held)
    bind(attributes, TYPES)
    for slot in range(len(TYPES)):
        space.refer(key(f"p{slot}"), numeric_key(0, ua.ObjectIds.HasProperty), key("range"))
    return InstrumentRanges(attributes), held


@pytest.mark.parametrize(
    ("slot", "value", "is_refused"),
    [
        (0, -5.0, False),
        (0, 0.1, False),
        (0, 0.1000001, True),
        (0, -5.1, True),
        (0, float("nan"), True),
        (0, float("inf"), True),
        (1, 0.10000000149011612, False),  # the Float 0.1: limits are those of the type
        (1, 0.11, True),
        (2, 1, True),
        (2, 0, False),
        (3, ua.Variant([0.05, -1.0], ua.VariantType.Double), False),
        (3, ua.Variant([0.05, 7.0], ua.VariantType.Double), True),
        (3, ua.Variant([[0, 1], [0, 0]], ua.VariantType.Int32), True),
        (4, "7", False),
        (9, 7.0, False),
    ],
)
def test_a_value_outside_is_refused_and_told_why(slot: int, value: Any, is_refused: bool) -> None:  # noqa: FBT001 - a parameter of the test
    ranges, _ = plant(-5.0, 0.1)
    why = ranges.refusal(slot, value)
    assert bool(why) == is_refused
    assert not why or why.endswith("is outside -5..0.1, its InstrumentRange")


def test_eu_range_is_no_limit() -> None:
    """Part 8 v1.05 5.3.2.2: clients may write values outside the EURange; what follows is the server's to say."""
    ranges, _ = plant(0.0, 1.0, "EURange")
    assert not ranges.refusal(0, 1e6)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (5.0, 1.0), (float("nan"), 1.0)])
def test_a_range_without_a_width_says_nothing(low: float, high: float) -> None:
    ranges, _ = plant(low, high)
    assert not ranges.refusal(0, 1e6)


def test_a_range_that_changes_is_followed() -> None:
    ranges, held = plant(0.0, 1.0)
    assert ranges.refusal(0, 50.0)
    held.value = encode_variant(ua.Variant(ua.Range(0.0, 100.0)))
    assert not ranges.refusal(0, 50.0)
    held.value = encode_variant(ua.Variant(1.0))
    assert not ranges.refusal(0, 5000.0)
