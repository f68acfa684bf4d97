"""How many operations a request may have: at least one, and as many as OperationLimits tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

_T = TypeVar("_T")


def check_count(count: int, most: int) -> None:
    """Raise :class:`ServiceError` for no operations, or more than ``most`` (Part 4 v1.05 7.38.2)."""
    if count <= 0:
        raise ServiceError(StatusCodes.BadNothingToDo)
    if count > most:
        raise ServiceError(StatusCodes.BadTooManyOperations)


def bounded(operations: Sequence[_T] | None, most: int) -> Sequence[_T]:
    """Give a request's operations back; raise as :func:`check_count` does."""
    given = operations or ()
    check_count(len(given), most)
    return given
