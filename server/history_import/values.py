"""Values and StatusCodes as tables write them, as columns of a point's DataType."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from asyncua import ua

from core.batch import MaskArray, ValueArray
from core.datatypes import DataType
from core.quality import SHOWN, StatusArray
from server.history_import.form import TableForm
from server.history_import.times import value_of

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_BOOLEANS: Final = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_EXACT: Final = 1 << 53
_LARGEST: Final = 0xFFFFFFFF
_CODES: Final = {
    name.casefold(): int(code)
    for name, code in vars(ua.StatusCodes).items()  # pyright: ignore[reportPrivateImportUsage] - re-exported by a star
    if not name.startswith("_") and isinstance(code, int)
}
Wrong = dict[int, tuple[str, str]]


def values_of(cells: Sequence[object], datatype: DataType, form: TableForm) -> tuple[ValueArray, MaskArray, Wrong]:
    """Read a column of values.

    Gives [n] of the DataType's dtype, bool[n] which cells have no value, and of the cells that are wrong the problem
    and the mend. An empty text is a value of a String and none of all other types.
    """
    absent: MaskArray = np.fromiter((cell is None for cell in cells), np.bool_, len(cells))
    if datatype is not DataType.STRING:
        absent |= np.fromiter((cell == "" for cell in cells), np.bool_, len(cells))
    present = [cell for cell, empty in zip(cells, absent.tolist(), strict=True) if not empty]
    wrong: Wrong = {}
    column = _numbers(present, datatype, form) if datatype.is_number else None
    if column is None:
        column, found = _each(present, datatype, form)
        rows = np.flatnonzero(~absent)
        wrong = {int(rows[place]): told for place, told in found.items()}
    if not absent.any():
        return column, absent, wrong
    values: ValueArray = np.zeros(len(cells), datatype.dtype)
    if datatype.is_object:
        values[:] = None
    values[~absent] = column
    return values, absent, wrong


def statuses_of(cells: Sequence[object]) -> tuple[StatusArray, Wrong]:
    """Read a column of StatusCodes: names, hexadecimal or whole numbers; an empty cell is Good."""
    known: dict[object, int | None] = {cell: _status(cell) for cell in set(cells)}
    codes = [known[cell] for cell in cells]
    mend = "write a name such as BadNoCommunication, or the code such as 0x80310000"
    wrong: Wrong = {row: (f"{cells[row]!r} is no StatusCode", mend) for row, code in enumerate(codes) if code is None}
    return np.array([code or 0 for code in codes], np.uint32), wrong


def _status(cell: object) -> int | None:
    if cell is None or cell == "":
        return 0
    text = str(cell).strip()
    code = _CODES.get(text.casefold())
    if code is None:
        try:
            code = int(text, 16) if text[:2].casefold() == "0x" else int(text)
        except ValueError:
            return None
    return code if 0 <= code <= _LARGEST and not code & ~SHOWN else None


def _numbers(cells: Sequence[object], datatype: DataType, form: TableForm) -> ValueArray | None:
    """Read a whole column of numbers; None where it has to be looked at cell by cell."""
    # The upper half of UInt64 does not fit into what the checks below are made in.
    if not cells or form.decimal != "." or datatype is DataType.UINT64 or any(isinstance(one, bool) for one in cells):
        return None
    try:
        raw: Any = np.array(cells)
        if raw.dtype.kind not in "Uiuf" or (raw.dtype.kind == "U" and any("_" in str(cell) for cell in cells)):
            return None
        return _whole_column(raw, datatype) if datatype.is_integer else _real_column(raw, datatype)
    except (ValueError, OverflowError):
        return None


def _real_column(raw: Any, datatype: DataType) -> ValueArray | None:  # noqa: ANN401 - an array of texts or numbers
    wide = raw.astype(np.float64)
    with np.errstate(over="ignore"):
        narrow: ValueArray = wide.astype(datatype.dtype)
    return narrow if bool(np.array_equal(np.isfinite(wide), np.isfinite(narrow))) else None


def _whole_column(raw: Any, datatype: DataType) -> ValueArray | None:  # noqa: ANN401 - as above
    if raw.dtype.kind == "f" and not bool(np.array_equal(raw, np.trunc(raw))):
        return None
    # Larger floats may stand for other whole numbers than were written, and larger than Int64 for any.
    if raw.dtype.kind in "fu" and not bool(np.all(np.abs(raw) < _EXACT)):
        return None
    whole = raw.astype(np.int64)
    limits = np.iinfo(datatype.dtype)  # type: ignore[arg-type]  # an integer type, as asked above
    inside = bool(np.all((whole >= limits.min) & (whole <= limits.max)))
    return whole.astype(datatype.dtype) if inside else None


def _each(cells: Sequence[object], datatype: DataType, form: TableForm) -> tuple[ValueArray, Wrong]:
    """Read cell by cell."""
    read = _READERS.get(datatype, _whole if datatype.is_integer else _real)
    column: ValueArray = np.zeros(len(cells), datatype.dtype)
    wrong: Wrong = {}
    for place, cell in enumerate(cells):
        try:
            column[place] = read(cell, datatype, form)
        except (ValueError, OverflowError) as error:
            wrong[place] = (f"{cell!r} is no {datatype.symbol}", str(error))
    return column, wrong


def _whole(cell: object, datatype: DataType, form: TableForm) -> int:
    number = int(text) if _WHOLE.fullmatch(text := str(cell).strip()) else _real(cell, datatype, form)
    limits = np.iinfo(datatype.dtype)  # type: ignore[arg-type]  # an integer type
    if isinstance(number, float) and not number.is_integer():
        message = "the variable takes whole numbers only"
        raise ValueError(message)
    if not limits.min <= number <= limits.max:
        message = f"the variable takes {limits.min} to {limits.max}"
        raise ValueError(message)
    return int(number)


def _real(cell: object, datatype: DataType, form: TableForm) -> float:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        number = float(cell)
    else:
        text = str(cell).strip()
        if form.decimal != ".":
            if form.decimal in text or "." in text:
                form.used.add("decimal")
            text = text.replace(form.decimal, ".") if "." not in text else "?"
        if isinstance(cell, bool) or not _NUMBER.fullmatch(text):
            message = "write a number such as -12.5" + (
                "; with --decimal , for decimal commas" if form.decimal == "." and "," in text else ""
            )
            raise ValueError(message)
        number = float(text)
    if datatype is DataType.FLOAT and math.isfinite(number) and abs(number) > float(np.finfo(np.float32).max):
        message = "it is too large for the variable"
        raise ValueError(message)
    return number


def _boolean(cell: object, _datatype: DataType, _form: TableForm) -> bool:
    known = _BOOLEANS.get(str(cell).strip().casefold())
    if known is None:
        message = "write true or false"
        raise ValueError(message)
    return known


def _text(cell: object, _datatype: DataType, _form: TableForm) -> str:
    return str(cell)


def _moment(cell: object, _datatype: DataType, form: TableForm) -> int:
    return value_of(cell, form)


def _guid(cell: object, _datatype: DataType, _form: TableForm) -> uuid.UUID:
    try:
        return uuid.UUID(str(cell).strip())
    except ValueError:
        message = "write it as 72962b91-fa75-4ae6-8d28-b404dc7daf63"
        raise ValueError(message) from None


def _bytes(cell: object, _datatype: DataType, _form: TableForm) -> bytes:
    if isinstance(cell, bytes):
        return cell
    try:
        return bytes.fromhex(str(cell))
    except ValueError:
        message = "write the bytes in hexadecimal"
        raise ValueError(message) from None


def _code(cell: object, _datatype: DataType, _form: TableForm) -> int:
    code = _status(cell)
    if code is None:
        message = "write a name such as BadNoCommunication, or the code such as 0x80310000"
        raise ValueError(message)
    return code


_READERS: Final[dict[DataType, Callable[[object, DataType, TableForm], Any]]] = {
    DataType.BOOLEAN: _boolean,
    DataType.STRING: _text,
    DataType.DATETIME: _moment,
    DataType.GUID: _guid,
    DataType.BYTESTRING: _bytes,
    DataType.STATUSCODE: _code,
}
