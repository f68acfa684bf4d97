"""Says pydantic's errors in plain words."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydantic_core import ErrorDetails

from core.durations import format_duration
from core.errors import SettingError
from core.settings.nearest import nearest
from core.settings.plain import Step
from core.settings.references import Resolved
from core.settings.shapes import Shape

_SECRET_KEY = re.compile(r"pass|secret|token|credential|private", re.IGNORECASE)
_LONGEST_SHOWN = 40

# The first words of pydantic's error types -> what is expected, and an example of it.
_EXPECTED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("int_",), "a whole number", "1"),
    (("float_", "decimal_", "complex_"), "a number", "0.5"),
    (("bool_",), "true or false", "true"),
    (("string_type", "string_sub_type", "string_unicode"), "text", "some text"),
    (("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list", "[first, second]"),
    (
        ("dict_type", "model_type", "model_attributes_type", "mapping_type", "dataclass_type"),
        "a mapping",
        "{key: value}",
    ),
    (("path_type",), "a path", "./var"),
    (("url_",), "a URL", "tcp://host:port"),
    (("ip_v4",), "an IPv4 address", "192.168.0.10"),
    (("ip_",), "an IP address", "192.168.0.10"),
    (("date_from", "date_type", "date_parsing"), "a date", "2030-12-31"),
    (("datetime_",), "a date and time", "2030-12-31T23:59:59Z"),
    (("time_type", "time_parsing"), "a time of day", "23:59"),
    (("uuid_",), "a UUID", "123e4567-e89b-12d3-a456-426614174000"),
    (("bytes_",), "text", "some text"),
    (("none_required",), "nothing", "null"),
)

# pydantic's error type -> the key of its limit, and how the limit is said.
_LIMITS: dict[str, tuple[str, str]] = {
    "greater_than": ("gt", "must be more than {}"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "less_than": ("lt", "must be less than {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "multiple_of": ("multiple_of", "must be a multiple of {}"),
    "string_too_short": ("min_length", "must have at least {} characters"),
    "string_too_long": ("max_length", "must have at most {} characters"),
    "too_short": ("min_length", "must have at least {} items"),
    "too_long": ("max_length", "must have at most {} items"),
    "string_pattern_mismatch": ("pattern", "must have the form {}"),
}


class Said(NamedTuple):
    """A problem in plain words and its mend."""

    problem: str
    mend: str


def say(error: ErrorDetails, label: str, last: Step | None, shape: Shape, value: object) -> Said:
    """Say what is wrong with ``value``, named ``label``, where ``shape`` is expected; ``last`` is its own key."""
    kind = error["type"]
    context = error.get("ctx", {})
    if kind in {"value_error", "assertion_error"}:
        return _own_words(context.get("error"), label)
    if choices := _choices(kind, shape):
        return _choice(label, choices, value, last)
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        limit = context.get(name, "")
        told = _limit(limit, value)
        return Said(f"'{label}' {words.format(told)}, but {found(value, last)} stands there", _example(shape, last, ""))
    if kind == "finite_number":
        return Said(f"'{label}' must be a finite number", _example(shape, last, "0.5"))
    if known := expected(kind):
        return mismatch(label, [known], value, last, shape)
    return Said(f"'{label}' is not valid: {_tidy(error['msg'])}", _example(shape, last, ""))


def mismatch(label: str, kinds: list[tuple[str, str]], value: object, last: Step | None, shape: Shape) -> Said:
    """Say that a value is none of the expected kinds (each with an example)."""
    words = " or ".join(dict.fromkeys(word for word, _ in kinds))
    problem = f"'{label}' must be {words}, but {found(value, last)} stands there"
    if any(word == "text" for word, _ in kinds) and isinstance(value, int | float) and not isinstance(value, bool):
        mend = f'write it in quotes: "{value}"'
        return Said(problem, mend if not _is_secret(last) else "write it in quotes")
    return Said(problem, _example(shape, last, kinds[0][1]))


def expected(kind: str) -> tuple[str, str] | None:
    """Give what pydantic's error type expects, and an example; None for types that are no mismatch of kinds."""
    for starts, words, example in _EXPECTED:
        if kind.startswith(starts):
            return words, example
    return None


def found(value: object, last: Step | None) -> str:
    """Say what stands in the file, and nothing of it that may be secret."""
    if isinstance(value, Resolved):
        return f"the text of {value.written}"
    if value is None or isinstance(value, dict | list):
        return "nothing" if value is None else "a mapping" if isinstance(value, dict) else "a list"
    return "something else" if _is_secret(last) else _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        shown = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 1] + "…"
        return f"the text {shown!r}"
    return f"the number {value}"


def _is_secret(last: Step | None) -> bool:
    return isinstance(last, str) and _SECRET_KEY.search(last) is not None


def _own_words(error: object, label: str) -> Said:
    """Give the words of a validator of ours, led by the setting's name."""
    lead = f"'{label}': " if label else ""
    if isinstance(error, SettingError):
        return Said(lead + error.problem, error.mend)
    return Said(lead + (str(error) or "the value is not valid"), "")


def _choices(kind: str, shape: Shape) -> list[str]:
    return shape.choices() if kind in {"literal_error", "enum"} else []


def _choice(label: str, choices: list[str], value: object, last: Step | None) -> Said:
    problem = f"'{label}' must be one of {', '.join(choices)}, but {found(value, last)} stands there"
    near = nearest(value, choices) if isinstance(value, str) and not isinstance(value, Resolved) else None
    return Said(problem, f"did you mean '{near}'?" if near else "write one of them")


def _limit(limit: object, value: object) -> str:
    """Write a limit in the unit of the value: a duration's in time."""
    if isinstance(value, str) and isinstance(limit, int | float) and value[-1:].isalpha():
        return format_duration(float(limit))
    return str(limit)


def _example(shape: Shape, last: Step | None, otherwise: str) -> str:
    example = shape.example()
    text = otherwise if example is None else str(example)
    if not text:
        return ""
    return f"write for example {last}: {text}" if isinstance(last, str) else f"write for example {text}"


def _tidy(message: str) -> str:
    """Take pydantic's way of beginning from a message that has no words of ours."""
    return message.removeprefix("Input ").removeprefix("Value ").strip().rstrip(".")
