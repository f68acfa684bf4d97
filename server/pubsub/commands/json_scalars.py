"""JSON values as scalars of the built-in types (Part 6 v1.05 5.4.2), and arrays taken apart."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, cast
from uuid import UUID

from asyncua.ua.status_codes import StatusCodes

from core.errors import PlantspaceError
from nodesets.built_in_types import BuiltInType, ExpandedNodeName, LocalizedText, QualifiedName, Value
from nodesets.datatypes.date_times import parse_date_time
from nodesets.names import STANDARD_NAMESPACE, NodeName, NodeNameError

RANGES: Final = {
    BuiltInType.SByte: (-(2**7), 2**7 - 1),
    BuiltInType.Byte: (0, 2**8 - 1),
    BuiltInType.Int16: (-(2**15), 2**15 - 1),
    BuiltInType.UInt16: (0, 2**16 - 1),
    BuiltInType.Int32: (-(2**31), 2**31 - 1),
    BuiltInType.UInt32: (0, 2**32 - 1),
    BuiltInType.Int64: (-(2**63), 2**63 - 1),
    BuiltInType.UInt64: (0, 2**64 - 1),
    BuiltInType.StatusCode: (0, 2**32 - 1),
}
_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf, "INF": math.inf, "-INF": -math.inf}
WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_FLOAT: Final = struct.Struct("<f")
_EXACT = 2.0**53
_MOST_SHOWN = 40


class JsonValueError(PlantspaceError):
    """A value is not of its DataType. ``status``: BadTypeMismatch, or BadOutOfRange where the type is too small."""

    def __init__(self, problem: str, mend: str = "", status: int = StatusCodes.BadTypeMismatch) -> None:
        """Say what is wrong and what would be right."""
        self.problem, self.mend, self.status = problem, mend, int(status)
        super().__init__(problem + (f" ({mend})" if mend else ""))


def built_in_value(given: object, built_in: BuiltInType) -> Value:  # noqa: PLR0911 - one case a family of types
    """Read a scalar. Raises :class:`JsonValueError`."""
    if built_in is BuiltInType.Boolean:
        if not isinstance(given, bool):
            refuse(f"{shown(given)} is no Boolean", "write true or false")
        return given
    if built_in is BuiltInType.StatusCode and isinstance(given, dict):
        return whole_number(_members(cast("object", given)).get("Code", 0), built_in)
    if built_in in RANGES:
        return whole_number(given, built_in)
    if built_in in (BuiltInType.Float, BuiltInType.Double):
        return _real(given, built_in)
    if built_in is BuiltInType.ByteString and isinstance(given, bytes | bytearray):
        return bytes(given)
    if built_in is BuiltInType.LocalizedText:
        return _localized(given)
    if not isinstance(given, str):
        refuse(f"{shown(given)} is no {built_in.name}", "write a text")
    read = _TEXTS.get(built_in)
    if read is None:
        refuse(f"a {built_in.name} cannot be written so", "write it by OPC UA")
    return read(given)


def _date_time(text: str) -> int:
    try:
        return parse_date_time(text)
    except ValueError as error:
        refuse(str(error), "write it in UTC, as 2024-05-01T12:00:00Z")


def _guid(text: str) -> UUID:
    if not _GUID.fullmatch(text):  # Python's own reading takes underscores and the digits of all scripts for digits
        refuse(f"{shown(text)} is no Guid", "write 09087e75-8e5e-499b-954f-f2a9603db28a")
    return UUID(text)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        refuse(f"{shown(text)} is no Base64", "write the bytes as Base64, with = up to a multiple of four")


def _qualified(text: str) -> QualifiedName:
    namespace, sign, name = text.rpartition(";")
    return QualifiedName(namespace.removeprefix("nsu=") if sign else STANDARD_NAMESPACE, name)


def node_name(given: object) -> NodeName:
    """Read a NodeId. Raises :class:`JsonValueError`."""
    try:
        return NodeName.parse(given if isinstance(given, str) else "")
    except NodeNameError as error:
        raise JsonValueError(error.problem, error.mend) from None


_TEXTS: Final[Mapping[BuiltInType, Callable[[str], Value]]] = {
    BuiltInType.String: str,
    BuiltInType.XmlElement: str,
    BuiltInType.DateTime: _date_time,
    BuiltInType.Guid: _guid,
    BuiltInType.ByteString: _bytes,
    BuiltInType.NodeId: node_name,
    BuiltInType.ExpandedNodeId: lambda text: ExpandedNodeName(node_name(text)),
    BuiltInType.QualifiedName: _qualified,
}
"""The types that are a text in JSON."""


def whole_number(given: object, built_in: BuiltInType) -> int:
    """Read a whole number: a JSON number without a fraction, or a text of digits."""
    number: int | None = None
    if isinstance(given, int) and not isinstance(given, bool):
        number = given
    elif (isinstance(given, float) and given.is_integer() and abs(given) <= _EXACT) or (
        isinstance(given, str) and WHOLE.fullmatch(given)
    ):
        number = int(given)
    if number is None:
        refuse(f"{shown(given)} is no {built_in.name}", "write a whole number")
    least, most = RANGES[built_in]
    if not least <= number <= most:
        refuse(f"{shown(number)} is no {built_in.name}", f"write one from {least} to {most}", StatusCodes.BadOutOfRange)
    return number


def _real(given: object, built_in: BuiltInType) -> float:
    """Read a number; a whole one has to stay what it is, a fraction becomes the nearest one that there is."""
    if isinstance(given, str) and given in _SPECIAL:
        return _SPECIAL[given]
    if isinstance(given, bool) or not isinstance(given, int | float):
        refuse(f"{shown(given)} is no {built_in.name}", "write a number, without quotes")
    try:
        number = float(given)
        if built_in is BuiltInType.Float:
            number = cast("float", _FLOAT.unpack(_FLOAT.pack(number))[0])
    except OverflowError:
        number = math.inf
    if math.isinf(number) and not (isinstance(given, float) and math.isinf(given)):
        refuse(f"{shown(given)} is beyond what a {built_in.name} can say", "", StatusCodes.BadOutOfRange)
    if math.isinf(number):  # JSON has none: digits that overflowed when they were read
        refuse(f"the number is beyond what a {built_in.name} can say", "", StatusCodes.BadOutOfRange)
    if isinstance(given, int) and number != given:
        refuse(f"{given} would become {number:.0f} as a {built_in.name}", "write a number that it can hold")
    return number


def _members(given: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", given) if isinstance(given, dict) else {"": None}


def _localized(given: object) -> LocalizedText:
    if isinstance(given, str):
        return LocalizedText(None, given)
    parts = _members(given)
    locale, text = parts.get("Locale"), parts.get("Text")
    known = parts.keys() <= {"Locale", "Text"}
    if not known or not isinstance(locale, str | None) or not isinstance(text, str | None):
        refuse(f"{shown(given)} is no LocalizedText", 'write {"Locale": "en", "Text": "…"} or a text')
    return LocalizedText(locale, text)


def listed(given: object) -> list[object] | None:
    """Give a list; None for what is none."""
    return cast("list[object]", given) if isinstance(given, list) else None


def flattened(given: object, dimensions: int) -> tuple[list[int], list[object]]:
    """Take arrays inside each other apart: the sizes, and the elements in row-major order."""
    sizes: list[int] = []
    elements: list[object] = [given]
    for _ in range(dimensions):
        if not elements:
            sizes.append(0)
            continue
        if not all(isinstance(one, list) for one in elements):
            many = "an array" if dimensions == 1 else f"an array of {dimensions} dimensions"
            refuse(f"the variable is {many}, and {shown(given)} is not", "write a list")
        rows = cast("list[list[object]]", elements)
        lengths = {len(row) for row in rows}
        if len(lengths) != 1:
            refuse("the rows of a matrix differ in length", "write rows of one length")
        sizes.append(lengths.pop())
        elements = [one for row in rows for one in row]
    return sizes, elements


def shown(given: object) -> str:
    """Quote a value, as much of it as a line has room for."""
    text = repr(given)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def refuse(problem: str, mend: str = "", status: int = StatusCodes.BadTypeMismatch) -> NoReturn:
    """Raise :class:`JsonValueError`."""
    raise JsonValueError(problem, mend, status)
