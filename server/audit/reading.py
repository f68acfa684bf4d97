"""Reading the trail's file, also while the gateway writes to it, and copies of it. Nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StoreUnavailable
from server.audit.entry import Entry, read_entry
from server.audit.schema import TRAIL_FILE


def trail_file(path: Path) -> Path:
    """Give the trail's file of a data folder, or the file itself."""
    return path / TRAIL_FILE if path.is_dir() else path


@contextmanager
def reading(file: Path) -> Generator[sqlite3.Connection]:
    """Open a trail to be read, as it stands at one moment, also while the gateway runs.

    Raises :class:`~core.errors.StoreUnavailable` where there is none.
    """
    if not file.is_file():
        message = f"{file}: there is no audit trail (name the gateway's data_dir, or a copy of {TRAIL_FILE})"
        raise StoreUnavailable(message)
    # without its log nobody writes to it: then it is read without making one, so also in a folder that is read-only
    alone = not file.with_name(f"{file.name}-wal").exists()
    mode = "mode=ro&immutable=1" if alone else "mode=ro"
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", isolation_level=None, uri=True, timeout=5.0)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def entries(connection: sqlite3.Connection, since: int | None = None, until: int | None = None) -> Iterator[Entry]:
    """Give records in their order; ``since`` and ``until``: DateTime ticks, the first within and the second beyond.

    Raises :class:`sqlite3.Error` and :class:`~server.address_space.extents.DecodingError`; verify the trail then.
    """
    rows = connection.execute(
        "SELECT record, hash FROM record WHERE (?1 IS NULL OR time >= ?1) AND (?2 IS NULL OR time < ?2) "
        "ORDER BY sequence",
        (since, until),
    )
    for record, recorded_hash in rows:
        yield read_entry(record, recorded_hash)
