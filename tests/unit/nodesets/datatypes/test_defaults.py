from __future__ import annotations

import pytest

from nodesets.built_in_types import NULL_TEXT, Structure, Variant
from nodesets.datatypes.defaults import NULL_VARIANT, default_of
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from tests.unit.nodesets.datatypes.described import (
    EU_INFORMATION,
    RANGE,
    SERVER_STATE,
    STRUCTURE,
    UNION,
    data_type,
    field,
    named,
    standard_types,
    std,
)

REGISTRY = TypeRegistry.of(
    [
        *standard_types(),
        data_type(
            named(1),
            "Holder",
            STRUCTURE,
            (field("R", RANGE), field("Rs", RANGE, 1), field("Any", STRUCTURE), field("O", 6, is_optional=True)),
        ),
        data_type(named(2), "Either", UNION, (field("A", 6),), is_union=True),
        data_type(named(3), "Opaque", STRUCTURE, None),
    ]
)


def test_defaults() -> None:
    assert default_of(std(1), REGISTRY) is False
    assert default_of(std(12), REGISTRY) is None
    assert default_of(SERVER_STATE, REGISTRY) == 0
    assert default_of(std(24), REGISTRY) == NULL_VARIANT == Variant(NULL_VARIANT.type, None)
    assert default_of(STRUCTURE, REGISTRY) is None
    assert default_of(named(2), REGISTRY) == Structure(named(2))
    assert default_of(named(1), REGISTRY) == Structure(
        named(1), {"R": Structure(RANGE, {"Low": 0.0, "High": 0.0}), "Rs": None, "Any": None}
    )
    euro = default_of(EU_INFORMATION, REGISTRY)
    assert isinstance(euro, Structure)
    assert euro.fields["DisplayName"] == NULL_TEXT
    with pytest.raises(DataTypeError, match="no Definition"):
        default_of(named(3), REGISTRY)
