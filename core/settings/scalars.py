"""What an unquoted scalar means: YAML 1.2.2, 10.3.2, the core schema and nothing beside it.

No dates, no base 60, no ``yes`` for true: such text stays text.
"""

from __future__ import annotations

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INF = re.compile(r"(?P<sign>[-+]?)\.(?:inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})

LONGEST_NUMBER = 400
"""More characters than this are no number that a plant knows; they stay text."""


def meaning(text: str) -> str | float | bool | None:
    """Give the null, bool, int, float or text that an unquoted scalar stands for."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return text if len(text) > LONGEST_NUMBER else _number(text)


def _number(text: str) -> str | float:
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _INF.fullmatch(text):
        return float(f"{match['sign']}inf")
    return float("nan") if text in _NAN else text
