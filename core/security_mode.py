"""How the messages of a SecureChannel are protected."""

from __future__ import annotations

from enum import IntEnum


class SecurityMode(IntEnum):
    """MessageSecurityMode (Part 4 v1.05 7.20); ``INVALID`` where none is meant."""

    INVALID = 0
    NONE = 1
    SIGN = 2
    SIGN_AND_ENCRYPT = 3
