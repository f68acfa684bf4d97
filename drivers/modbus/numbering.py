"""What the number of an address counts from: from the text to the protocol address that goes over the wire."""

from __future__ import annotations

from typing import Literal

from core.errors import AddressError
from drivers.modbus.address import ModbusAddress
from drivers.modbus.encoding import ADDRESSES, Area

OffsetBase = Literal["modicon", "zero", "one"]
"""``modicon``: reference numbers such as 40001, and plain numbers below 10001 as they are. ``zero`` and ``one``: every
decimal number counts from 0 or from 1. Hexadecimal numbers are protocol addresses always."""

_DIGIT = {Area.COIL: 0, Area.DISCRETE: 1, Area.INPUT: 3, Area.HOLDING: 4}
_PLAIN_BELOW = 10_001
_FIVE, _SIX = 5, 6
_SMALL_PAGE, _LARGE_PAGE = 10_000, 100_000


def protocol_address(address: ModbusAddress, base: OffsetBase) -> int:
    """Give the protocol address, 0 to 65535.

    Raises:
        AddressError: The number has no meaning under ``base``, or the value reaches beyond the last register.
    """
    start = _start(address, base)
    if start < 0 or start + address.count > ADDRESSES:
        problem = (
            f"{address.digits} is no {address.area.noun}" if start < 0 else "the value reaches beyond the last register"
        )
        mend = (
            "with offset_base: one the first is 1" if start < 0 else f"begin at {ADDRESSES - address.count} or before"
        )
        raise AddressError(address.text, problem, mend, address.number_column)
    return start


def _start(address: ModbusAddress, base: OffsetBase) -> int:
    digits = address.digits
    if digits.startswith("0x"):
        return int(digits, 16)
    value = int(digits)
    if base == "zero":
        return value
    if base == "one":
        return value - 1
    is_reference = len(digits) >= _FIVE and (digits.startswith("0") or value >= _PLAIN_BELOW)
    return _reference(address) if is_reference else value


def _reference(address: ModbusAddress) -> int:
    """Take a Modicon reference number apart: its first digit names the area, the rest counts from 1."""
    digits, value = address.digits, int(address.digits)
    page = _SMALL_PAGE if len(digits) == _FIVE else _LARGE_PAGE
    leading, rest = divmod(value, page)
    own = _DIGIT[address.area]
    if len(digits) in (_FIVE, _SIX) and leading == own and rest >= 1:
        return rest - 1
    others = [area for area, digit in _DIGIT.items() if digit == leading and rest >= 1]
    if others:
        problem = f"{digits} is the reference number of a {others[0].noun}, not of a {address.area.noun}"
        mend = f"write {others[0].value}:{digits}, or the protocol address in hex"
    else:
        problem = f"{digits} is not a reference number of a {address.area.noun}"
        mend = f"those begin with {own}; write the protocol address in hex"
    if value < ADDRESSES:
        mend += f" ({address.area.value}:0x{value:04X}), or set offset_base: zero for the device"
    raise AddressError(address.text, problem, mend, address.number_column)
