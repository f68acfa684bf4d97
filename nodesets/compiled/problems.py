"""What is wrong with compiled lines, and the checks that find it."""

from __future__ import annotations

from collections.abc import Sized
from typing import TypeVar, cast

from core.errors import PlantspaceError

_T = TypeVar("_T")


class CompiledError(PlantspaceError):
    """Lines are not what the compiler writes: torn, tampered with, or written by another version."""


def all_of(kind: type[_T], raw: object) -> list[_T]:
    """Check that ``raw`` is a list of exactly this type (True is no int)."""
    if type(raw) is not list or not set(map(type, raw)) <= {kind}:  # pyright: ignore[reportUnknownArgumentType] - of any type
        message = f"not a list of {kind.__name__}"
        raise CompiledError(message)
    return raw  # pyright: ignore[reportUnknownVariableType] - that was just checked


def rows_of(raw: object) -> list[list[object]]:
    """Check that ``raw`` is a list of lists."""
    return cast("list[list[object]]", all_of(list, raw))


def the(kind: type[_T], raw: object) -> _T:
    """Check that ``raw`` is of exactly this type."""
    if type(raw) is not kind:
        message = f"not a {kind.__name__}"
        raise CompiledError(message)
    return raw  # pyright: ignore[reportUnknownVariableType] - that was just checked


def within(numbers: list[int], least: int, most: int) -> list[int]:
    """Check that whole numbers are within bounds; indexes that are negative would count from the end."""
    if numbers and (min(numbers) < least or max(numbers) > most):
        message = f"a number is not from {least} to {most}"
        raise CompiledError(message)
    return numbers


def text_or_none(raw: object) -> str | None:
    """Check that ``raw`` is a text or nothing."""
    return None if raw is None else the(str, raw)


def texts_or_none(raw: object) -> list[str | None]:
    """Check that ``raw`` is a list of texts and nothings."""
    if type(raw) is not list or not set(map(type, raw)) <= {str, type(None)}:  # pyright: ignore[reportUnknownArgumentType] - of any type
        message = "not a list of texts"
        raise CompiledError(message)
    return raw  # pyright: ignore[reportUnknownVariableType] - that was just checked


def same_length(*columns: Sized) -> None:
    """Check that columns have as many entries as each other."""
    if len({len(column) for column in columns}) > 1:
        message = "columns differ in length"
        raise CompiledError(message)
