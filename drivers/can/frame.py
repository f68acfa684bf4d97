"""A CAN frame as this driver passes it on, and what its identifier says (ISO 11898-1, SAE J1939-21)."""

from __future__ import annotations

from typing import NamedTuple

EXTENDED = 0x8000_0000
"""Set in a frame's ``key`` when the identifier has 29 bits, as DBC files write it."""

_ERROR_CONTROLLER = 0x0000_0004
_ERROR_BUS_OFF = 0x0000_0040
_CONTROLLER_OVERFLOWS = 0x03
_PDU2_FIRST = 240


class Frame(NamedTuple):
    """One received frame. ``time``: DateTime ticks. ``key``: the identifier, with :data:`EXTENDED` for one of 29 bits.

    For an error frame ``key`` holds the error classes of Linux ``can/error.h``, and ``data`` their details.
    """

    time: int
    key: int
    data: bytes
    is_error: bool = False


def key_of(identifier: int, *, extended: bool) -> int:
    """Give the key that frames and messages are matched by."""
    return identifier | EXTENDED if extended else identifier


def pgn_of(identifier: int) -> int:
    """Give the parameter group of a 29-bit identifier; a PDU1 group's destination is no part of it (J1939-21 5.2)."""
    group = (identifier >> 8) & 0x3FFFF
    return group if (group >> 8) & 0xFF >= _PDU2_FIRST else group & 0x3FF00


def source_of(identifier: int) -> int:
    """Give the sender's address of a 29-bit identifier (J1939-21 5.2.6)."""
    return identifier & 0xFF


def is_bus_off(frame: Frame) -> bool:
    """Tell whether an error frame says that the controller has left the bus."""
    return frame.is_error and frame.key & _ERROR_BUS_OFF != 0


def is_overrun(frame: Frame) -> bool:
    """Tell whether an error frame says that the controller's buffers overflowed, so that frames are missing."""
    details = frame.data[1] if len(frame.data) > 1 else 0
    return frame.is_error and frame.key & _ERROR_CONTROLLER != 0 and details & _CONTROLLER_OVERFLOWS != 0
