"""What an operator shows of itself, as plain data: the server room makes OPC UA nodes of it and knows no operator.

Names are BrowseNames in the namespace :data:`NAMESPACE`. Units are UNECE common codes (Recommendation 20, as
Part 8's EUInformation uses them); empty means dimensionless.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from core.datatypes import DataType
from core.errors import PlantspaceError
from core.quality import Status

NAMESPACE = "https://plantspace.io/UA/"
"""Namespace URI of the operators' ObjectTypes and of the BrowseNames below them."""

NUMBERS = frozenset(datatype for datatype in DataType if datatype.is_number)
"""The data types that arithmetic applies to."""

Value: TypeAlias = bool | int | float | str
"""A parameter's value, or an argument of a method."""


class OperatorRefused(PlantspaceError):  # noqa: N818 - the name says what the operator did
    """An operator said no to a parameter or a call, and nothing has changed.

    ``status``: the StatusCode of the Write or Call. ``arguments``: for a Call one StatusCode an input argument (the
    inputArgumentResults of Part 4 v1.05 5.12.2); empty when the refusal is about none of them.
    """

    def __init__(self, problem: str, status: int, arguments: Sequence[int] = ()) -> None:
        """Keep what was wrong and the StatusCodes that the client is answered with."""
        self.problem = problem
        self.status = int(status)
        self.arguments = tuple(int(result) for result in arguments)
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class InputDefinition:
    """A point that the operator reads. ``datatypes``: what the point's variable may be."""

    name: str
    datatypes: frozenset[DataType]
    description: str


@dataclass(frozen=True, slots=True)
class OutputDefinition:
    """A variable that the operator writes. ``minimum``..``maximum``: its EURange, which no value leaves."""

    name: str
    datatype: DataType
    description: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    """A property that clients may write while the operator runs. ``minimum`` and ``maximum`` are allowed themselves."""

    name: str
    datatype: DataType
    description: str
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf

    def check(self, value: object) -> Value:
        """Give ``value`` as the parameter's type. Raises :class:`OperatorRefused` (BadTypeMismatch, BadOutOfRange)."""
        accepted = _of_type(self.datatype, value)
        if accepted is None:
            message = f"{self.name} is a {self.datatype.symbol}; {value!r} is none"
            raise OperatorRefused(message, Status.BAD_TYPE_MISMATCH)
        # Written so that NaN, which compares with nothing, is refused too.
        if self.datatype.is_number and not self.minimum <= float(accepted) <= self.maximum:
            message = f"{self.name} = {accepted} is outside {self.minimum:g}..{self.maximum:g}"
            raise OperatorRefused(message, Status.BAD_OUT_OF_RANGE)
        return accepted


@dataclass(frozen=True, slots=True)
class ArgumentDefinition:
    """One input or output argument of a method (Part 3 v1.05 8.6)."""

    name: str
    datatype: DataType
    description: str


@dataclass(frozen=True, slots=True)
class MethodDefinition:
    """A method that clients may call; :meth:`analytics.contract.Operator.call` carries it out."""

    name: str
    description: str
    inputs: tuple[ArgumentDefinition, ...] = ()
    outputs: tuple[ArgumentDefinition, ...] = ()

    def check(self, arguments: Sequence[object]) -> tuple[Value, ...]:
        """Give the arguments as their types.

        Raises :class:`OperatorRefused`: BadArgumentsMissing, BadTooManyArguments, or BadInvalidArgument with a
        result for each argument (Part 4 v1.05 5.12.2).
        """
        if len(arguments) != len(self.inputs):
            few = len(arguments) < len(self.inputs)
            status = Status.BAD_ARGUMENTS_MISSING if few else Status.BAD_TOO_MANY_ARGUMENTS
            message = f"{self.name} takes {len(self.inputs)} arguments; {len(arguments)} came"
            raise OperatorRefused(message, status)
        accepted: list[Value] = []
        results: list[int] = []
        wrong: list[str] = []
        for definition, argument in zip(self.inputs, arguments, strict=True):
            value = _of_type(definition.datatype, argument)
            if value is None:
                wrong.append(f"{definition.name} is a {definition.datatype.symbol}, not {argument!r}")
                results.append(Status.BAD_TYPE_MISMATCH)
            else:
                accepted.append(value)
                results.append(Status.GOOD)
        if wrong:
            raise OperatorRefused(f"{self.name}: " + "; ".join(wrong), Status.BAD_INVALID_ARGUMENT, results)
        return tuple(accepted)


def _of_type(datatype: DataType, value: object) -> Value | None:
    """Give ``value`` as ``datatype`` holds it, or None where it is of another type; whole numbers are numbers too."""
    if datatype is DataType.BOOLEAN:
        return value if isinstance(value, bool) else None
    if datatype is DataType.STRING:
        return value if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not datatype.is_integer:
        return _as_float(value)
    if isinstance(value, float):
        return None
    limits = np.iinfo(datatype.dtype.name)
    return value if limits.min <= value <= limits.max else None


def _as_float(value: float) -> float | None:
    try:
        return float(value)
    except OverflowError:  # a whole number of hundreds of digits
        return None
