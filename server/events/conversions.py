"""The single conversions of Table 125 (Part 4 v1.05 7.7.3), by source and target type.

Each takes and gives what :class:`~server.events.values.Value` holds of its types, or gives None where the value has no
counterpart: a number beyond the target's range, a text that is no number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np

from core.time import from_iso, to_iso
from nodesets.built_in_types import BuiltInType as Kind
from nodesets.built_in_types import LocalizedText
from server.address_space.node import BrowseName
from server.events.node_id_text import expanded_from_text, expanded_to_text, node_id_from_text, node_id_to_text
from server.events.values import ExpandedKey

Convert = Callable[[Any], Any]

INTEGERS = {
    Kind.SByte: (-(2**7), 2**7 - 1),
    Kind.Byte: (0, 2**8 - 1),
    Kind.Int16: (-(2**15), 2**15 - 1),
    Kind.UInt16: (0, 2**16 - 1),
    Kind.Int32: (-(2**31), 2**31 - 1),
    Kind.UInt32: (0, 2**32 - 1),
    Kind.Int64: (-(2**63), 2**63 - 1),
    Kind.UInt64: (0, 2**64 - 1),
}
"""The integer types with their least and greatest value."""
FLOATING = (Kind.Float, Kind.Double)
MAX_TEXT = 4096
"""Characters of a String that is converted."""
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?|[+-]?INF|NaN", re.ASCII)
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_GUID_BYTES = 16
_LARGEST_FLOAT = float(np.finfo(np.float32).max)


def _to_integer(kind: Kind, number: float) -> int | None:
    least, greatest = INTEGERS[kind]
    if isinstance(number, float):
        if not math.isfinite(number):
            return None
        number = math.floor(number + 0.5)
    return int(number) if least <= number <= greatest else None


def _to_float(number: float) -> float | None:
    if math.isfinite(number) and abs(number) > _LARGEST_FLOAT:
        return None
    return float(np.float32(number))


def _integer_from_text(kind: Kind, text: str) -> int | None:
    return _to_integer(kind, int(text)) if _INTEGER.fullmatch(text) else None


def _double_from_text(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text) else None


def _float_from_text(text: str) -> float | None:
    number = _double_from_text(text)
    return None if number is None else _to_float(number)


def _decimal_text(shown: str) -> str:
    return {"inf": "INF", "-inf": "-INF", "nan": "NaN"}.get(shown, shown)


def _double_to_text(number: float) -> str:
    return _decimal_text(repr(number))


def _float_to_text(number: float) -> str:
    return _decimal_text(str(np.float32(number)))


def _boolean_to_text(value: bool) -> str:  # noqa: FBT001 - what is converted
    return "true" if value else "false"


def _boolean_from_text(text: str) -> bool | None:
    return _TRUTH.get(text.lower()) if len(text) <= len("false") else None


def _guid_from_text(text: str) -> UUID | None:
    return UUID(text) if _GUID.fullmatch(text) else None


def _guid_from_bytes(held: bytes) -> UUID | None:
    return UUID(bytes_le=held) if len(held) == _GUID_BYTES else None


def _guid_to_bytes(held: UUID) -> bytes:
    return held.bytes_le


def _time_from_text(text: str) -> int | None:
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        return None


def _bits(kind: Kind, number: int) -> int:
    """Read 32 bits as the target reads them."""
    return number - 2**32 if kind is Kind.Int32 and number >= 2**31 else number


def _high_bits(kind: Kind, code: int) -> int:
    """Give the code without its flags, which is what 16 bits have room for."""
    high = code >> 16
    return high - 2**16 if kind is Kind.Int16 and high >= 2**15 else high


def _code_of_32(number: int) -> int | None:
    return number & 0xFFFF_FFFF if -(2**31) <= number < 2**32 else None


def _code_of_16(number: int) -> int:
    return (number & 0xFFFF) << 16


def _text_of(text: LocalizedText) -> str | None:
    return text.text


def _name_of(name: BrowseName) -> str:
    return name.name


def _text_from_name(name: BrowseName) -> LocalizedText:
    return LocalizedText(None, name.name)


def _text_from_string(text: str) -> LocalizedText:
    return LocalizedText(None, text)


def _name_from_string(text: str) -> BrowseName | None:
    return BrowseName(0, text) if text else None


def _expanded(key: Any) -> ExpandedKey:  # noqa: ANN401 - a key is one of several types
    return ExpandedKey(key)


def _local(key: ExpandedKey) -> Any:  # noqa: ANN401 - as above
    return key.key if key.uri is None and not key.server else None


def _bounded(convert: Convert) -> Convert:
    def bounded(text: str) -> Any:  # noqa: ANN401 - whatever the conversion gives
        return convert(text) if len(text) <= MAX_TEXT else None

    return bounded


def _numbers() -> dict[tuple[int, int], Convert]:
    table: dict[tuple[int, int], Convert] = {}
    for source in (*INTEGERS, *FLOATING, Kind.Boolean):
        table |= {(source, target): partial(_to_integer, target) for target in INTEGERS}
        table[source, Kind.Float] = _to_float
        table[source, Kind.Double] = float
        table[source, Kind.Boolean] = bool
        table[source, Kind.String] = str
    table |= {(Kind.String, target): _bounded(partial(_integer_from_text, target)) for target in INTEGERS}
    return table


def _status_codes() -> dict[tuple[int, int], Convert]:
    """Part 4 v1.05 7.7.3: 32 bits are copied as they are, 16 bits are the upper half."""
    table: dict[tuple[int, int], Convert] = {}
    for kind in (Kind.Int32, Kind.UInt32, Kind.Int64, Kind.UInt64):
        table[Kind.StatusCode, kind] = partial(_bits, kind)
        table[kind, Kind.StatusCode] = _code_of_32
    for kind in (Kind.Int16, Kind.UInt16):
        table[Kind.StatusCode, kind] = partial(_high_bits, kind)
        table[kind, Kind.StatusCode] = _code_of_16
    return table


CONVERSIONS: dict[tuple[int, int], Convert] = {
    **_numbers(),
    **_status_codes(),
    (Kind.Float, Kind.String): _float_to_text,
    (Kind.Double, Kind.String): _double_to_text,
    (Kind.Boolean, Kind.String): _boolean_to_text,
    (Kind.String, Kind.Boolean): _boolean_from_text,
    (Kind.String, Kind.Float): _bounded(_float_from_text),
    (Kind.String, Kind.Double): _bounded(_double_from_text),
    (Kind.String, Kind.Guid): _bounded(_guid_from_text),
    (Kind.String, Kind.DateTime): _bounded(_time_from_text),
    (Kind.String, Kind.NodeId): _bounded(node_id_from_text),
    (Kind.String, Kind.ExpandedNodeId): _bounded(expanded_from_text),
    (Kind.String, Kind.LocalizedText): _text_from_string,
    (Kind.String, Kind.QualifiedName): _name_from_string,
    (Kind.Guid, Kind.String): str,
    (Kind.Guid, Kind.ByteString): _guid_to_bytes,
    (Kind.ByteString, Kind.Guid): _guid_from_bytes,
    (Kind.DateTime, Kind.String): to_iso,
    (Kind.NodeId, Kind.String): node_id_to_text,
    (Kind.NodeId, Kind.ExpandedNodeId): _expanded,
    (Kind.ExpandedNodeId, Kind.String): expanded_to_text,
    (Kind.ExpandedNodeId, Kind.NodeId): _local,
    (Kind.LocalizedText, Kind.String): _text_of,
    (Kind.QualifiedName, Kind.String): _name_of,
    (Kind.QualifiedName, Kind.LocalizedText): _text_from_name,
}
"""All conversions there are."""
