"""How a table of history is written, and what a part of one holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.errors import Place

TIME_NAMES: Final = ("time", "source_time", "timestamp")
"""Names that the column of times may have."""
LONG_NAMES: Final = ("node", "value", "status")
"""The other columns of a table with a row a sample."""
NODE_ID: Final = "node_id"
"""A column that ``plantspace history query`` writes; where there is one, it names the nodes."""
IGNORED_NAMES: Final = ("backfilled", NODE_ID, "server_time")
"""Columns that ``plantspace history query`` writes and an import has no other use for."""
CELLS_AT_ONCE: Final = 50_000
"""Cells of one batch. Batches are numbered, so another number here would make old half imports begin anew."""

RowArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TableForm:
    """What the command line says of all tables.

    ``unit``: ``iso`` or the unit of a number since 1970 (``s``, ``ms``, ``us``, ``ns``); ``zone``: of times that name
    none; ``decimal``: the sign in numbers; ``prefix``: stands before node names that are no path and no NodeId.
    ``used``: which of zone and decimal the table had use for, filled as it is read.
    """

    unit: str = "iso"
    zone: ZoneInfo | None = None
    decimal: str = "."
    prefix: str = ""
    used: set[str] = field(default_factory=set[str], compare=False)

    def afresh(self) -> TableForm:
        """Give the same for another table, of which nothing was read."""
        return replace(self, used=set())

    def words(self) -> list[str]:
        """Give what the table was read by as texts, for the origin of an import.

        The prefix is not among them: what the names mean with it tells more.
        """
        zone = str(self.zone or "") if "zone" in self.used else ""
        return [self.unit, zone, self.decimal if "decimal" in self.used else "."]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Samples of one node in a part of a table.

    ``rows``: int[n], which of the part's rows they stand in; ``values``: [n] texts or Python values, None or empty for
    none; ``statuses`` likewise, or None without such a column. ``column``: the values' column, from 1 on.
    """

    node: str
    rows: RowArray
    values: Sequence[object]
    statuses: Sequence[object] | None
    column: int


class Part(Protocol):
    """Some rows of a table, one batch of the import."""

    number: int
    """From 1 on, the same whenever the same table is read."""
    times: Sequence[object]
    """One a row."""
    series: Sequence[Series]
    node_column: int
    status_column: int
    time_column: int
    skipped: int
    """Samples of rows that could not be read and are no part of it."""
    progress: float
    """How much of the file was read by its end, 0 to 1."""

    def place(self, row: int, column: int) -> Place:
        """Tell where a cell stands; ``row`` counts from 0 in this part, ``column`` from 1."""
        ...
