"""What was kept of each origin of the outbox: a measurement of its own, ``history_applied``.

``history_applied,origin=… number=3i,sequence=1042i,samples=5120000i …``, one point an origin and ten minutes, written
over while they last: ``sequence`` is the highest one kept, ``samples`` how many came from this origin up to there,
``number`` what the origin is called in the field ``rec`` of the samples. It is known before a sample names it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from core.errors import StoreUnavailable
from historian.influx.query import Querier

_SLOT: Final = 600 * 10**9
_FIELDS: Final = ("number", "sequence", "samples")


@dataclass(frozen=True, slots=True)
class Entry:
    """One origin."""

    origin: str
    number: int
    sequence: int
    samples: int


def measurement_of(measurement: str) -> str:
    """Name the ledger of a measurement."""
    return f"{measurement}_applied"


def line(measurement: str, entry: Entry) -> str:
    """Write an entry in line protocol. A clock that was set back does no harm: the largest sequence counts."""
    name = measurement_of(measurement).replace(",", "\\,").replace(" ", "\\ ")
    stamp = time.time_ns() // _SLOT * _SLOT
    return (
        f"{name},origin={_escaped(entry.origin)}"
        f" number={entry.number}i,sequence={entry.sequence}i,samples={entry.samples}i {stamp}"
    )


def read(querier: Querier, measurement: str, *, create: bool = False) -> dict[str, Entry]:
    """Read all entries by their origins. Raises :class:`StoreUnavailable`."""
    selected = ", ".join(f'max("{name}") AS "{name}"' for name in _FIELDS)
    source = querier.source(measurement_of(measurement))
    statement = f"SELECT {selected} FROM {source} GROUP BY origin"  # noqa: S608 - the name is quoted
    found: dict[str, Entry] = {}
    for table in querier.ask([statement], create=create)[0]:
        if not table.rows:
            continue
        row = dict(zip(table.columns, table.rows[0], strict=True))
        if any(row.get(name) is None for name in _FIELDS):
            message = f"the measurement {measurement_of(measurement)} is not Plantspace's; name another measurement"
            raise StoreUnavailable(message)
        origin = table.tags["origin"]
        found[origin] = Entry(origin, *(int(row[name]) for name in _FIELDS))
    return found


def _escaped(origin: str) -> str:
    return origin.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
