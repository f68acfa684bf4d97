from __future__ import annotations

import pytest

from analytics.definitions import ArgumentDefinition, MethodDefinition, OperatorRefused, ParameterDefinition
from core.datatypes import DataType
from core.quality import Status

CASES: list[tuple[DataType, object, object]] = [
    (DataType.BOOLEAN, True, True),
    (DataType.BYTE, 255, 255),
    (DataType.INT64, -(2**63), -(2**63)),
    (DataType.DOUBLE, 2, 2.0),
    (DataType.STRING, "on", "on"),
]
WRONG: list[tuple[DataType, object]] = [
    (DataType.BOOLEAN, 1),
    (DataType.BYTE, 256),
    (DataType.BYTE, -1),
    (DataType.BYTE, True),
    (DataType.UINT32, 1.0),
    (DataType.DOUBLE, "2"),
    (DataType.DOUBLE, 10**400),
    (DataType.STRING, 2),
]


@pytest.mark.parametrize(("datatype", "value", "expected"), CASES)
def test_a_value_of_the_type_is_taken_as_it(datatype: DataType, value: object, expected: object) -> None:
    accepted = ParameterDefinition("Size", datatype, "").check(value)
    assert accepted == expected
    assert type(accepted) is type(expected)


@pytest.mark.parametrize(("datatype", "value"), WRONG)
def test_a_value_of_another_type_is_a_mismatch(datatype: DataType, value: object) -> None:
    with pytest.raises(OperatorRefused, match=f"Size is a {datatype.symbol}") as refusal:
        ParameterDefinition("Size", datatype, "").check(value)
    assert refusal.value.status == Status.BAD_TYPE_MISMATCH


def test_bounds_are_allowed_themselves() -> None:
    definition = ParameterDefinition("Size", DataType.DOUBLE, "", minimum=1.0, maximum=2.0)
    assert (definition.check(1.0), definition.check(2.0)) == (1.0, 2.0)
    for value in (0.99, 2.01, float("nan")):
        with pytest.raises(OperatorRefused) as refusal:
            definition.check(value)
        assert refusal.value.status == Status.BAD_OUT_OF_RANGE


def test_each_argument_has_a_result_of_its_own() -> None:
    number = ArgumentDefinition("A", DataType.INT32, "")
    method = MethodDefinition("Add", "", (number, ArgumentDefinition("B", DataType.DOUBLE, "")))
    assert method.check([1, 2]) == (1, 2.0)
    with pytest.raises(OperatorRefused, match="A is a Int32, not 'x'") as refusal:
        method.check(["x", 2.0])
    assert refusal.value.status == Status.BAD_INVALID_ARGUMENT
    assert refusal.value.arguments == (Status.BAD_TYPE_MISMATCH, Status.GOOD)
