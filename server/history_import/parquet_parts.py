"""Reads Parquet tables part by part, by pyarrow where it is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import Findings, Place
from server.extras import arrow
from server.history_import.csv_parts import long_series, wide_series
from server.history_import.form import CELLS_AT_ONCE, Series
from server.history_import.heads import read_head


@dataclass(slots=True, eq=False)
class ParquetPart:
    """Some rows; ``first`` is the first one's number in the file, from 1 on."""

    number: int
    times: Sequence[object]
    series: Sequence[Series]
    progress: float
    time_column: int
    node_column: int
    status_column: int
    file: str
    first: int
    skipped: int = 0

    def place(self, row: int, column: int) -> Place:
        """Tell where a cell stands: its row in the file, and its column."""
        return Place(self.file, self.first + row, column)


def read_parquet(file: Path, findings: Findings) -> Iterator[ParquetPart]:
    """Give the parts of a table one by one; what is malformed is told in ``findings``.

    Raises :class:`OSError` and :class:`~server.extras.ExtraMissingError`.
    """
    pa, pq = arrow()
    try:
        with pq.ParquetFile(file) as table:
            yield from _parts(file, table, pa, findings)
    except pa.ArrowInvalid as error:
        findings.add(Place.of(file), f"this is no Parquet file: {error}", "give CSV files a name that ends in .csv")


def _parts(file: Path, table: Any, pa: Any, findings: Findings) -> Iterator[ParquetPart]:  # noqa: ANN401 - pyarrow has no annotations
    names = [str(name) for name in table.schema_arrow.names]
    head = read_head(names, [Place.of(file)] * max(len(names), 1), findings)
    used = range(len(names)) if head is None else (head.time, head.node, head.value, head.status, *dict(head.nodes))
    nested = [at for at in sorted({*used}) if at >= 0 and pa.types.is_nested(table.schema_arrow.field(at).type)]
    for at in nested:
        problem = f"the column '{names[at]}' holds {table.schema_arrow.field(at).type}, which is no plain value"
        findings.add(Place.of(file), problem, "leave the column out, or make a column of each of its parts")
    if head is None or nested:
        return
    total = max(int(table.metadata.num_rows), 1)
    size = max(1, CELLS_AT_ONCE // len(head.nodes)) if head.is_wide else CELLS_AT_ONCE
    first = 1
    for number, batch in enumerate(table.iter_batches(batch_size=size), 1):
        columns = [_cells(column, pa) for column in batch.columns]
        records: list[tuple[object, ...]] = list(zip(*columns, strict=True))
        yield ParquetPart(
            number,
            columns[head.time],
            wide_series(head, records) if head.is_wide else long_series(head, records),
            min((first + len(records) - 1) / total, 1.0),
            head.time + 1,
            head.node + 1,
            head.status + 1,
            str(file),
            first,
        )
        first += len(records)


def _cells(column: Any, pa: Any) -> list[object]:  # noqa: ANN401 - as above
    """Give a column as Python values; timestamps of a zone as texts of UTC, so that no digit is lost."""
    kind = column.type
    if not pa.types.is_timestamp(kind):
        found: list[object] = column.to_pylist()
        return found
    zone = "Z" if kind.tz is not None else ""
    plain = column.cast(pa.timestamp(kind.unit)).to_numpy(zero_copy_only=False)
    # In their own unit: in nanoseconds years outside 1678 to 2261 would turn round.
    return [None if text == "NaT" else f"{text}{zone}" for text in plain.astype(str).tolist()]
