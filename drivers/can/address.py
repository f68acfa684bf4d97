"""The address of a signal: ``Message.Signal``, or ``Message.Signal@0x23`` for one sender of a parameter group."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.datatypes import DataType
from core.errors import AddressError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SOURCE = re.compile(r"0[xX][0-9A-Fa-f]{1,2}|[0-9]{1,3}")
_HIGHEST_SOURCE = 253
_FORM = "write Message.Signal, or Message.Signal@0x23 for one sender"


@dataclass(frozen=True, slots=True)
class CanAddress:
    """A signal of a message, with the type that its point has. ``source``: a J1939 address 0..253; None: anyone."""

    message: str
    signal: str
    source: int | None = None
    datatype: DataType = DataType.DOUBLE

    def __str__(self) -> str:
        """Give the text that :func:`parse_address` reads."""
        sender = "" if self.source is None else f"@0x{self.source:02X}"
        return f"{self.message}.{self.signal}{sender}"


def parse_address(text: str, datatype: DataType | None) -> CanAddress:
    """Read an address; whether the DBC has it is another question (:func:`drivers.can.discovery.check`).

    ``datatype``: the binding's type; a Double without one. Raises :class:`~core.errors.AddressError`.
    """
    message = _NAME.match(text)
    if message is None:
        raise AddressError(text, "a message name is expected here", _FORM, 1)
    position = message.end()
    if text[position : position + 1] != ".":
        raise AddressError(text, "a '.' and the signal's name are missing here", _FORM, position + 1)
    signal = _NAME.match(text, position + 1)
    if signal is None:
        raise AddressError(text, "a signal name is expected here", _FORM, position + 2)
    position = signal.end()
    source = None
    if text[position : position + 1] == "@":
        source = _source(text, position + 1)
    elif position != len(text):
        raise AddressError(text, f"{text[position]!r} has no place here", _FORM, position + 1)
    if datatype is not None and not (datatype is DataType.BOOLEAN or datatype.is_number):
        problem = f"a CAN signal is a number, it cannot be a {datatype.symbol}"
        raise AddressError(text, problem, "take Boolean, a whole number type, Float or Double")
    return CanAddress(message.group(), signal.group(), source, datatype or DataType.DOUBLE)


def _source(text: str, position: int) -> int:
    match = _SOURCE.fullmatch(text, position)
    source = int(match.group(), 0 if match.group()[:2].lower() == "0x" else 10) if match else _HIGHEST_SOURCE + 1
    if source > _HIGHEST_SOURCE:
        raise AddressError(text, "a sender's address is expected here", "0 to 253, as 35 or 0x23", position + 1)
    return source
