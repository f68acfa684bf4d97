"""Writes history as a Parquet file (docs/how-to/keep-history.md tells its columns)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.quality import SHOWN, absent_mask, backfilled_mask
from core.time import UNIX_EPOCH_TICKS
from server.cli.history_rows import Heading, Rows, joined, say_empty, written_as
from server.cli.history_summed import COUNTS
from server.extras import arrow


class ParquetWriter:
    """Keeps all rows and writes the file at the end, so that it is whole or not there."""

    def __init__(self, heading: Heading, file: Path, nodes: Sequence[str]) -> None:
        """``nodes``: the NodeIds, in the order of coming. Raises :class:`~server.extras.ExtraMissingError`."""
        self._pa, self._pq = arrow()
        self._heading = heading
        self._file = file
        self._ids = iter(nodes)
        self._node = self._id = ""
        self._pages: list[Rows] = []
        self._parts: list[tuple[str, str, Rows]] = []

    def begin(self, node: str) -> None:
        """Begin with a node's rows."""
        self._node, self._id, self._pages = node, next(self._ids), []

    def add(self, rows: Rows) -> None:
        """Keep rows."""
        self._pages.append(rows)

    def end(self, *, known: bool) -> None:
        """Keep a node's rows together; say so where there are none."""
        if not self._pages:
            say_empty(self._node, known=known)
        self._parts += [(self._node, self._id, rows) for rows in joined(self._pages)]

    def close(self) -> None:
        """Write the file. Raises :class:`OSError`."""
        pa = self._pa
        tables = [self._table(*part) for part in self._parts]
        whole = pa.concat_tables(tables, promote_options="permissive") if tables else self._empty()
        temporary = self._file.with_name(f"{self._file.name}.part")
        try:
            self._pq.write_table(whole, temporary, compression="zstd")
            temporary.replace(self._file)
        finally:
            temporary.unlink(missing_ok=True)

    def _table(self, node: str, nodeid: str, rows: Rows) -> Any:  # noqa: ANN401 - pyarrow has no annotations
        pa = self._pa
        count = len(rows.times)
        columns: dict[str, Any] = {
            "node": pa.array([node] * count, pa.string()),
            "node_id": pa.array([nodeid] * count, pa.string()),
            self._heading.time: pa.array((rows.times - UNIX_EPOCH_TICKS) * 100, pa.timestamp("ns", "UTC")),
        }
        if rows.more:
            columns |= {name: pa.array(column, from_pandas=True) for name, column in rows.more.items()}
            return pa.table(columns)
        columns["value"] = self._values(rows)
        columns["status"] = pa.array(rows.status & np.uint32(SHOWN), pa.uint32())
        columns["backfilled"] = pa.array(backfilled_mask(rows.status))
        return pa.table(columns)

    def _values(self, rows: Rows) -> Any:  # noqa: ANN401 - as above
        """Give numbers as they are, if need be as doubles beside those of other nodes; everything else as text."""
        pa = self._pa
        absent = absent_mask(rows.status)
        kinds = {part.datatype for _, _, part in self._parts}
        if any(kind.is_object or written_as(kind) is not None for kind in kinds):
            write = written_as(rows.datatype) or _text
            texts = [None if empty else write(one) for one, empty in zip(rows.values.tolist(), absent, strict=True)]
            return pa.array(texts, pa.string())
        values = rows.values.astype(np.float64) if len(kinds) > 1 else rows.values
        return pa.array(values, mask=absent)

    def _empty(self) -> Any:  # noqa: ANN401 - as above
        pa = self._pa
        names = [("node", pa.string()), ("node_id", pa.string()), (self._heading.time, pa.timestamp("ns", "UTC"))]
        others = {"status": pa.uint32(), "backfilled": pa.bool_(), **dict.fromkeys(COUNTS, pa.int64())}
        return pa.schema(
            [*names, *((name, others.get(name, pa.float64())) for name in self._heading.columns)]
        ).empty_table()


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
