"""Samples as InfluxDB line protocol, every bit kept (docs/how-to/influxdb.md, "What stands in the database").

``history,node=…,path=…,type=Double f=21.5,lag=20000i,rec=1099511627783i 1700000000000000000``

====== ======= ==========================================================================================
field  type    holds
====== ======= ==========================================================================================
f      float   Float and Double as long as they are finite and not -0.0
i      integer SByte to Int64, Byte to UInt64 (from 2**63 on as its two's complement), DateTime in ticks,
               StatusCode
b      boolean Boolean
s      string  String that is printable text
j      string  everything else, as JSON in the form of :mod:`historian.objects`
x      integer the IEEE 754 bits of a Float or Double that is NaN, infinite or -0.0, which ``f`` cannot hold
status integer the StatusCode with the gateway's own bits; left out for Good (0)
lag    integer server time less source time in 100 ns
rec    integer the record that brought it (:func:`historian.influx.positions.record_of`)
====== ======= ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

import numpy as np

from core.batch import ValueArray
from core.datatypes import DataType
from core.time import UNIX_EPOCH_TICKS
from historian import objects
from historian.influx.positions import FIRST_TICK, LANE, LAST_TICK, TICK, Lane, OrdinalArray
from historian.samples import SampleBlock

FIELDS: Final = {
    "f": "float",
    "i": "integer",
    "b": "boolean",
    "s": "string",
    "j": "string",
    "x": "integer",
    "status": "integer",
    "lag": "integer",
    "rec": "integer",
}
"""The fields and the types InfluxDB has them in."""

_FLOATS: Final = (DataType.FLOAT, DataType.DOUBLE)
_ODD: Final = "~"
"""Begins a name that is written in percent signs."""
_OUTSIDE: Final = "source times outside of what InfluxDB keeps (1677-09-21 to 2262-04-11)"
_AT_ONCE: Final = 1_000
"""Samples whose parts of lines are held at a time."""
_FORMLESS: Final = "a value that has no JSON form"
_ESCAPED: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ "})


def tag(value: str) -> str:
    """Write a name so that a tag can hold it; :func:`untag` undoes it.

    Line protocol has no form for line ends, and none for a backslash that is sure to be read as one.
    """
    if value.isprintable() and "\\" not in value and not value.startswith(_ODD):
        return value
    return _ODD + quote(value, safe="/:;=?&+,@!*()'", errors="surrogatepass")


def untag(value: str) -> str:
    """Read a name that :func:`tag` has written."""
    return unquote(value[1:], errors="surrogatepass") if value.startswith(_ODD) else value


def within_reach(block: SampleBlock) -> tuple[SampleBlock | None, list[str]]:
    """Leave out the samples whose source times InfluxDB cannot keep, and say of which points they are, one by one."""
    if not len(block):
        return None, []
    kept = (block.source_time >= FIRST_TICK) & (block.source_time <= LAST_TICK)
    if bool(kept.all()):
        return block, []
    owner = np.repeat(np.arange(len(block.nodes)), block.counts)
    faults = [f"{block.nodes[place]}: {_OUTSIDE}" for place in owner[~kept].tolist()]
    if not bool(kept.any()):
        return None, faults
    counts = np.bincount(owner[kept], minlength=len(block.nodes)).astype(np.int32)
    some = SampleBlock(
        tuple(node for node, count in zip(block.nodes, counts.tolist(), strict=True) if count),
        block.datatype,
        counts[counts > 0],
        block.values[kept],
        block.status[kept],
        block.source_time[kept],
        block.server_time[kept],
    )
    return some, faults


class LineWriter:
    """Writes the lines of one measurement."""

    def __init__(self, measurement: str, path_of: Callable[[str], str]) -> None:
        """Name the measurement, and say how a point's browse path is found by its NodeId text (may be empty)."""
        self._measurement = measurement.replace(",", "\\,").replace(" ", "\\ ")
        self._path_of = path_of

    def write(
        self, block: SampleBlock, ordinals: OrdinalArray | None, lane: Lane, record: int
    ) -> tuple[list[str], list[str]]:
        """Give a block's lines in their order, and why each of those that are left out has none.

        ``ordinals``: int64[n], which of the lane's samples at its source time each is; None: the first, all of them.
        """
        lines: list[str] = []
        faults: list[str] = []
        heads = [self._head(node, block.datatype, 0) for node in block.nodes]
        owner = np.repeat(np.arange(len(heads)), block.counts)
        further = ordinals // LANE if ordinals is not None and bool((ordinals >= LANE).any()) else None
        for start in range(0, len(block), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            owners: list[int] = owner[part].tolist()
            places = (block.source_time[part] - UNIX_EPOCH_TICKS) * TICK + lane * LANE
            if ordinals is not None:
                places = places + ordinals[part] % LANE
            rests = _rests(block, part, record, places.tolist())
            values = _values(block.datatype, block.values[part])
            if further is None and None not in values:
                lines.extend(
                    [f"{heads[at]}{value}{rest}" for at, value, rest in zip(owners, values, rests, strict=True)]
                )
            else:
                numbers: list[int] = further[part].tolist() if further is not None else [0] * len(values)
                for at, value, rest, n in zip(owners, values, rests, numbers, strict=True):
                    head = self._head(block.nodes[at], block.datatype, n) if n else heads[at]
                    if value is None:
                        faults.append(f"{block.nodes[at]}: {_FORMLESS}")
                    else:
                        lines.append(f"{head}{value}{rest}")
        return lines, faults

    def _head(self, node: str, datatype: DataType, n: int) -> str:
        path = tag(self._path_of(node))
        return (
            self._measurement
            + (f",n={n}" if n else "")
            + f",node={tag(node).translate(_ESCAPED)}"
            + (f",path={path.translate(_ESCAPED)}" if path else "")
            + f",type={datatype.symbol} "
        )


def _rests(block: SampleBlock, part: slice, record: int, times: Sequence[int]) -> list[str]:
    """Give what follows the value of each line."""
    lags = (block.server_time[part] - block.source_time[part]).tolist()
    status = block.status[part]
    if not status.any():
        return [f",lag={lag}i,rec={record}i {stamp}" for lag, stamp in zip(lags, times, strict=True)]
    return [
        f",status={code}i,lag={lag}i,rec={record}i {stamp}" if code else f",lag={lag}i,rec={record}i {stamp}"
        for code, lag, stamp in zip(status.tolist(), lags, times, strict=True)
    ]


def _values(datatype: DataType, values: ValueArray) -> Sequence[str | None]:
    """Give each value as its field; None where it has no form."""
    if datatype.is_object:
        return [_object(value, plain=datatype is DataType.STRING) for value in values]
    if datatype in _FLOATS:
        return _floats(values)
    if datatype is DataType.BOOLEAN:
        return ["b=t" if value else "b=f" for value in values.tolist()]
    if datatype is DataType.UINT64:
        values = values.view(np.int64)
    return [f"i={value}i" for value in values.tolist()]


def _floats(values: ValueArray) -> list[str]:
    # a Float is written as the Double that it is exactly: its own shortest digits would be another one
    found = [f"f={value!r}" for value in values.astype(np.float64).tolist()]
    odd = ~np.isfinite(values) | (np.signbit(values) & (values == 0))
    if bool(odd.any()):
        bits = np.ascontiguousarray(values).view(f"<i{values.dtype.itemsize}")
        for row in np.flatnonzero(odd).tolist():
            found[row] = f"x={int(bits[row])}i"
    return found


def _object(value: Any, *, plain: bool) -> str | None:  # noqa: ANN401 - a Variant holds anything
    if plain and isinstance(value, str) and value.isprintable():
        return f's="{_quoted(value)}"'
    column: ValueArray = np.empty(1, object)
    column[0] = value
    try:
        return f'j="{_quoted(objects.encode(column)[1:-1].decode())}"'
    except (TypeError, ValueError, RecursionError):
        return None


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
