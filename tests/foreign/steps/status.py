"""StatusCodes as they stand in the script."""

from __future__ import annotations

from asyncua.ua.status_codes import StatusCodes

OVERFLOW = 0x480
"""InfoType DataValue with the Overflow bit (Part 4 v1.05 7.39)."""
CALCULATED = 0x401
"""InfoType DataValue, made by an aggregate (Part 13 v1.05 5.3.3.2)."""

_NAMES = {int(value): name for name, value in vars(StatusCodes).items() if isinstance(value, int)}


def name(status: int) -> str:
    """Name a StatusCode."""
    return _NAMES.get(status, f"0x{status:08X}")


def names(statuses: list[int]) -> list[str]:
    """Name StatusCodes."""
    return [name(status) for status in statuses]


def is_good(status: int) -> bool:
    """Tell whether a StatusCode's severity is Good."""
    return status >> 30 == 0
