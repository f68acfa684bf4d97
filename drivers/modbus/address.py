"""The address syntax: ``holding:40001/float32@cdab``. README.md has the grammar and the table."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.datatypes import DataType
from core.errors import AddressError
from drivers.modbus.encoding import ADDRESSES, Area, Encoding, Order

MOST_CHARACTERS = 250
"""A string fits into one request of 125 registers; a value is never read in two."""
_BITS = 16
_LARGEST_REFERENCE = 465_536

_FORM = re.compile(
    r"(?P<area>[A-Za-z]*):(?P<number>0[xX][0-9A-Fa-f]{0,9}|[0-9]{0,9})"
    r"(?:\.(?P<bit>[0-9]{0,9}))?(?:/(?P<type>[A-Za-z]*(?:[0-9]{0,9})))?(?:@(?P<order>[A-Za-z]*))?"
)
_ORDERS = {order.value: order for order in Order} | {"ab": Order.ABCD, "ba": Order.BADC}
_AREAS = {area.value: area for area in Area}
_ENCODINGS = {encoding.value: encoding for encoding in Encoding if encoding is not Encoding.STRING}
_OF_DATATYPE = {encoding.datatype: encoding for encoding in _ENCODINGS.values()} | {
    DataType.SBYTE: Encoding.INT16,
    DataType.BYTE: Encoding.UINT16,
}


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """A parsed address. ``digits`` is the number as written: what it counts from is the device's to say.

    ``order`` None takes the device's. ``length``: characters of a string. ``bit``: 0 is a register's least significant.
    """

    text: str
    area: Area
    digits: str
    encoding: Encoding
    bit: int | None = None
    length: int = 0
    order: Order | None = None

    def __str__(self) -> str:
        """Give the address as written."""
        return self.text

    @property
    def count(self) -> int:
        """Count the registers, or bits of a bit area, that the value takes."""
        return (self.length + 1) // 2 if self.encoding is Encoding.STRING else self.encoding.registers

    @property
    def number_column(self) -> int:
        """Say where the number stands in the text, from 1."""
        return self.text.index(":") + 2


def parse_address(text: str, datatype: DataType | None) -> ModbusAddress:
    """Read an address; ``datatype``, the type that the table asks for, stands in for a type that is left out.

    Raises:
        AddressError: with the column and the mend.
    """
    match = _FORM.match(text)
    if match is None:
        raise _no_area(text)
    if match.end() != len(text):
        problem = f"{text[match.end() :]!r} is not understood here"
        raise AddressError(text, problem, "write area:number[.bit][/type][@order]", match.end() + 1)
    area = _area(text, match)
    digits = _number(text, match)
    bit = _bit(text, match, area)
    encoding, length = _encoding(text, match, area, bit, datatype)
    return ModbusAddress(text, area, digits, encoding, bit, length, _order(text, match, area, encoding, bit))


def _no_area(text: str) -> AddressError:
    word = re.match(r"[A-Za-z]*", text)
    assert word is not None  # noqa: S101 - the pattern matches every text
    mend = "write area:number, for example holding:40001/float32"
    if not text:
        return AddressError(text, "the address is empty", mend)
    return AddressError(text, "an area and a colon are expected", mend, 1 if word.end() == 0 else word.end() + 1)


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower(), list(known), 1, 0.5)
    return f"write {close[0]}" if close else f"write one of {', '.join(known)}"


def _area(text: str, match: re.Match[str]) -> Area:
    area = _AREAS.get(match["area"].lower())
    if area is None:
        problem = f"there is no area {match['area']!r}" if match["area"] else "the area is missing"
        raise AddressError(text, problem, _nearest(match["area"], _AREAS), 1)
    return area


def _number(text: str, match: re.Match[str]) -> str:
    digits = match["number"].lower()
    column = match.start("number") + 1
    if digits in ("", "0x"):
        raise AddressError(text, "the number is missing", "write for example holding:40001 or holding:0x0000", column)
    value = int(digits, 16) if digits.startswith("0x") else int(digits)
    largest = ADDRESSES - 1 if digits.startswith("0x") else _LARGEST_REFERENCE
    if value > largest:
        problem = f"{match['number']} is beyond every register"
        raise AddressError(
            text, problem, "protocol addresses end at 65535 (0xFFFF), reference numbers at 465536", column
        )
    return digits


def _bit(text: str, match: re.Match[str], area: Area) -> int | None:
    written = match["bit"]
    if written is None:
        return None
    column = match.start("bit") + 1
    if area.is_bits:
        raise AddressError(text, f"a {area.noun} is a single bit", f"leave .{written} out", column)
    if not written or int(written) >= _BITS:
        raise AddressError(text, f"a register has no bit {written!r}", "write .0 (least significant) to .15", column)
    return int(written)


def _encoding(
    text: str, match: re.Match[str], area: Area, bit: int | None, datatype: DataType | None
) -> tuple[Encoding, int]:
    written = match["type"]
    if written is None:
        return _implied(text, area, bit, datatype), 0
    column = match.start("type") + 1
    name = written.lower()
    length = 0
    if name.startswith("string"):
        encoding, length = Encoding.STRING, _length(text, name, column)
    elif name in _ENCODINGS:
        encoding = _ENCODINGS[name]
    else:
        raise AddressError(text, f"there is no type {written!r}", _nearest(name, [*_ENCODINGS, "string16"]), column)
    if (area.is_bits or bit is not None) and encoding is not Encoding.BOOL:
        problem = f"a single bit cannot be {written}"
        raise AddressError(text, problem, "leave the type out or write /bool", column)
    _fits(text, encoding, datatype, column)
    return encoding, length


def _length(text: str, name: str, column: int) -> int:
    digits = name.removeprefix("string")
    if not digits or not 1 <= int(digits) <= MOST_CHARACTERS:
        problem = "a string needs its length in characters"
        raise AddressError(text, problem, f"write /string1 to /string{MOST_CHARACTERS}", column + len("string"))
    return int(digits)


def _implied(text: str, area: Area, bit: int | None, datatype: DataType | None) -> Encoding:
    if area.is_bits or bit is not None:
        _fits(text, Encoding.BOOL, datatype, 1)
        return Encoding.BOOL
    if datatype is None:
        return Encoding.UINT16
    if datatype is DataType.STRING:
        problem = "a String needs its length in characters"
        raise AddressError(text, problem, f"write {text}/string16 for 16 characters", len(text) + 1)
    encoding = _OF_DATATYPE.get(datatype)
    if encoding is None or encoding is Encoding.BOOL:
        problem = f"{datatype.symbol} does not say what the register holds"
        mend = f"write a bit, {text}.0" if datatype is DataType.BOOLEAN else f"write the register's type, {text}/uint16"
        raise AddressError(text, problem, mend, len(text) + 1)
    return encoding


def _fits(text: str, encoding: Encoding, datatype: DataType | None, column: int) -> None:
    """Refuse a table's type that the encoding's values cannot become."""
    if datatype is None or datatype is encoding.datatype:
        return
    if encoding is Encoding.STRING or not (datatype.is_number or datatype is DataType.BOOLEAN):
        problem = f"the table's type is {datatype.symbol}, but {encoding.value} is read here"
        raise AddressError(text, problem, f"let the table say {encoding.datatype.symbol}", column)


def _order(text: str, match: re.Match[str], area: Area, encoding: Encoding, bit: int | None) -> Order | None:
    written = match["order"]
    if written is None:
        return None
    column = match.start("order") + 1
    if area.is_bits:
        raise AddressError(text, f"a {area.noun} has no byte order", f"leave @{written} out", column)
    order = _ORDERS.get(written.lower())
    if order is None:
        raise AddressError(
            text, f"there is no order {written!r}", "write abcd, cdab, badc or dcba; 16 bits: ab or ba", column
        )
    one = bit is not None or (encoding.registers == 1 and encoding is not Encoding.STRING)
    if len(written) == len("ab") and not one:
        mend = f"write {'abcd' if order is Order.ABCD else 'badc'} or the order that its manual shows"
        raise AddressError(text, f"{written} orders 16 bits, {encoding.value} has more", mend, column)
    return order
