"""Quality is the OPC UA StatusCode (Part 4 v1.05 7.39; values of Part 6 v1.05 A.2): uint32, severity in two bits."""

from __future__ import annotations

import enum

import numpy as np
import numpy.typing as npt

StatusArray = npt.NDArray[np.uint32]


class Status(enum.IntEnum):
    """The StatusCodes that Plantspace itself gives."""

    GOOD = 0x00000000
    GOOD_COMPLETES_ASYNCHRONOUSLY = 0x002E0000
    GOOD_CLAMPED = 0x00300000
    GOOD_LOCAL_OVERRIDE = 0x00960000
    GOOD_ENTRY_INSERTED = 0x00A20000
    GOOD_ENTRY_REPLACED = 0x00A30000
    GOOD_NO_DATA = 0x00A50000
    GOOD_MORE_DATA = 0x00A60000
    UNCERTAIN = 0x40000000
    UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE = 0x408F0000
    UNCERTAIN_LAST_USABLE_VALUE = 0x40900000
    UNCERTAIN_INITIAL_VALUE = 0x40920000
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x40930000
    UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x40940000
    UNCERTAIN_DATA_SUB_NORMAL = 0x40A40000
    BAD = 0x80000000
    BAD_UNEXPECTED_ERROR = 0x80010000
    BAD_INTERNAL_ERROR = 0x80020000
    BAD_OUT_OF_MEMORY = 0x80030000
    BAD_RESOURCE_UNAVAILABLE = 0x80040000
    BAD_COMMUNICATION_ERROR = 0x80050000
    BAD_ENCODING_ERROR = 0x80060000
    BAD_TIMEOUT = 0x800A0000
    BAD_SHUTDOWN = 0x800C0000
    BAD_USER_ACCESS_DENIED = 0x801F0000
    BAD_REQUEST_CANCELLED_BY_CLIENT = 0x802C0000
    BAD_NO_COMMUNICATION = 0x80310000
    BAD_WAITING_FOR_INITIAL_DATA = 0x80320000
    BAD_NODE_ID_INVALID = 0x80330000
    BAD_NODE_ID_UNKNOWN = 0x80340000
    BAD_ATTRIBUTE_ID_INVALID = 0x80350000
    BAD_INDEX_RANGE_INVALID = 0x80360000
    BAD_INDEX_RANGE_NO_DATA = 0x80370000
    BAD_DATA_ENCODING_INVALID = 0x80380000
    BAD_NOT_READABLE = 0x803A0000
    BAD_NOT_WRITABLE = 0x803B0000
    BAD_OUT_OF_RANGE = 0x803C0000
    BAD_NOT_SUPPORTED = 0x803D0000
    BAD_CONFIGURATION_ERROR = 0x80890000
    BAD_NOT_CONNECTED = 0x808A0000
    BAD_DEVICE_FAILURE = 0x808B0000
    BAD_SENSOR_FAILURE = 0x808C0000
    BAD_OUT_OF_SERVICE = 0x808D0000
    BAD_EVENT_ID_UNKNOWN = 0x809A0000
    BAD_NO_DATA = 0x809B0000
    BAD_DATA_LOST = 0x809D0000
    BAD_ENTRY_EXISTS = 0x809F0000
    BAD_NO_ENTRY_EXISTS = 0x80A00000
    BAD_TYPE_MISMATCH = 0x80740000
    BAD_TOO_MANY_PUBLISH_REQUESTS = 0x80780000
    BAD_NO_SUBSCRIPTION = 0x80790000
    BAD_METHOD_INVALID = 0x80750000
    BAD_ARGUMENTS_MISSING = 0x80760000
    BAD_INVALID_ARGUMENT = 0x80AB0000
    BAD_INVALID_STATE = 0x80AF0000
    BAD_BOUND_NOT_FOUND = 0x80D70000
    BAD_TOO_MANY_ARGUMENTS = 0x80E50000


NO_VALUE = 0x10000000
"""Inside the gateway: a sample that has no value, whatever stands in its column.

Part 4 v1.05 7.39.1 reserves the bits 28:29 and wants them zero, so no StatusCode of anyone else means this; whoever
shows a StatusCode to the outside strips it with :data:`SHOWN`.
"""
BACKFILLED = 0x20000000
"""Inside the gateway: a sample that came later than those around it, out of a device's buffer, an upstream server's
history or a file. It is history, never the present value; kept by the stores, in the other bit that Part 4 v1.05 7.39.1
reserves."""
SHOWN = 0xCFFFFFFF
"""The bits of a StatusCode that others see."""

_SEVERITY_MASK = 0xC0000000
_SEVERITY_UNCERTAIN = 0x40000000
_CODE_MASK = 0xFFFF0000


def is_good(status: int) -> bool:
    """Tell whether a StatusCode's severity is Good."""
    return status & _SEVERITY_MASK == 0


def is_uncertain(status: int) -> bool:
    """Tell whether a StatusCode's severity is Uncertain."""
    return status & _SEVERITY_MASK == _SEVERITY_UNCERTAIN


def is_bad(status: int) -> bool:
    """Tell whether a StatusCode's severity is Bad."""
    return status & 0x80000000 != 0


def bad_mask(status: StatusArray) -> npt.NDArray[np.bool_]:
    """Tell for each StatusCode whether it is Bad."""
    return (status & np.uint32(0x80000000)) != 0


def uncertain_mask(status: StatusArray) -> npt.NDArray[np.bool_]:
    """Tell for each StatusCode whether it is Uncertain."""
    return (status & np.uint32(_SEVERITY_MASK)) == _SEVERITY_UNCERTAIN


def absent_mask(status: StatusArray) -> npt.NDArray[np.bool_]:
    """Tell for each sample of the gateway's own columns whether it goes without a value."""
    return (status & np.uint32(NO_VALUE)) != 0


def backfilled_mask(status: StatusArray) -> npt.NDArray[np.bool_]:
    """Tell for each sample of the gateway's own columns whether it came later than those around it."""
    return (status & np.uint32(BACKFILLED)) != 0


def worst(*statuses: int) -> int:
    """Give the StatusCode of the worst severity; among equals the first. No input at all is Good."""
    return max(statuses, key=lambda status: status & _SEVERITY_MASK, default=int(Status.GOOD))


def symbol(status: int) -> str:
    """Name a StatusCode as Part 6 does (``BadNoCommunication``); an unknown one is given in hex."""
    try:
        member = Status(status & _CODE_MASK & SHOWN)
    except ValueError:
        return f"0x{status & SHOWN:08X}"
    return "".join(part.capitalize() for part in member.name.split("_"))
