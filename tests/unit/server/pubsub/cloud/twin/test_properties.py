from __future__ import annotations

import math

import numpy as np
import pytest

from core.datatypes import DataType
from core.errors import SettingError
from server.pubsub.cloud.twin.properties import plain, property_names
from server.pubsub.fields import DataSetField


def _field(name: str) -> DataSetField:
    return DataSetField(name, 0, DataType.DOUBLE, f"/Objects/{name}")


def test_names_are_what_clouds_take() -> None:
    named = property_names([_field("Filler.Temperature"), _field("$speed °"), _field("t-0")])
    assert list(named) == ["Filler_Temperature", "_speed__", "t-0"]


@pytest.mark.parametrize("names", [["a.b", "a b"], ["errors"], ["quality"]])
def test_names_that_would_clash_are_told(names: list[str]) -> None:
    with pytest.raises(SettingError, match="alias"):
        property_names([_field(name) for name in names])


@pytest.mark.parametrize(
    ("value", "datatype", "shown"),
    [
        (5.0, DataType.DOUBLE, "5"),
        (21.3, DataType.DOUBLE, "21.3"),
        (float(np.float32(0.1)), DataType.FLOAT, "0.1"),
        (1e300, DataType.DOUBLE, "1e+300"),
        (math.nan, DataType.DOUBLE, "'NaN'"),
        (-math.inf, DataType.DOUBLE, "'-Infinity'"),
        (True, DataType.BOOLEAN, "True"),
        (2**53, DataType.INT64, "9007199254740992"),
        (-(2**60), DataType.INT64, "'-1152921504606846976'"),
        ("warm", DataType.STRING, "'warm'"),
        (b"\x00\x01", DataType.BYTESTRING, "'AAE='"),
        (np.array([1.0, 2.5]), DataType.VARIANT, "[1, 2.5]"),
        (116_444_736_000_000_000, DataType.DATETIME, "'1970-01-01T00:00:00Z'"),
    ],
)
def test_a_value_is_what_somebody_would_write_who_wants_it(value: object, datatype: DataType, shown: str) -> None:
    assert repr(plain(value, datatype)).replace(".0000000Z", "Z") == shown


def test_what_has_no_json_is_told() -> None:
    with pytest.raises(TypeError):
        plain(object(), DataType.VARIANT)
