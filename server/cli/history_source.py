"""Where the history of a configuration lies, opened to read or to write beside a running gateway."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from core.errors import PlantspaceError, StoreCorrupt
from historian.contract import HistoryStore
from historian.influx.positions import Lane
from historian.influx.store import InfluxReader
from historian.sqlite.store import SQLiteReader
from server.history_store import history_store
from server.plan.plan import Plan

LOCK_WAIT: Final = 30.0
"""Seconds that a command waits for the gateway's lock; the gateway holds it for milliseconds."""
HISTORY_FILE: Final = "history.sqlite"


class NoHistoryError(PlantspaceError):
    """There is no history where it should be; the message says what to write."""


def look_at(file: Path) -> None:
    """Raise unless the file is a history; opening it to write would set a damaged one aside.

    Raises :class:`NoHistoryError`, :class:`~core.errors.StoreCorrupt`.
    """
    if not file.is_file():
        message = f"there is no history at {file} yet (has the gateway run?)"
        raise NoHistoryError(message)
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT 1 FROM point LIMIT 1")
    except sqlite3.DatabaseError as error:
        mend = "plantspace history repair CONFIG mends a damaged one"
        if "no such table" in str(error):  # a sound file of something else, such as the events
            mend = f"give the data_dir, or the {HISTORY_FILE} in it; --events reads events"
        raise StoreCorrupt(file, f"this is no history: {error} ({mend})") from error


def file_in(data: Path) -> Path:
    """Find the history's file in a data_dir, or in the folder that holds the data_dir of the default name.

    Raises :class:`NoHistoryError`.
    """
    for file in (data, data / HISTORY_FILE, data / "var" / HISTORY_FILE):
        if file.is_file():
            return file
    message = f"{data} holds no history ({HISTORY_FILE} is not there: give the gateway's data_dir, or --config)"
    raise NoHistoryError(message)


async def reader_of(plan: Plan) -> SQLiteReader | InfluxReader:
    """Open the store of a configuration to read.

    Raises :class:`NoHistoryError`, :class:`~core.errors.StoreCorrupt`.
    """
    file = _file_of(plan)
    if plan.historian.influxdb is not None:
        return InfluxReader(plan.historian.influxdb.beside(plan.config.parent))
    await asyncio.to_thread(look_at, file)
    return SQLiteReader(file, lock_wait=LOCK_WAIT)


@asynccontextmanager
async def opened_store(plan: Plan) -> AsyncGenerator[HistoryStore]:
    """Open the store of a configuration to write, also while its gateway runs; one that is damaged stays as it is.

    Raises :class:`NoHistoryError`, :class:`~core.errors.StoreError`.
    """
    file = _file_of(plan)
    if plan.historian.influxdb is None:
        if await asyncio.to_thread(file.exists):
            await asyncio.to_thread(look_at, file)
        await asyncio.to_thread(plan.data_dir.mkdir, 0o700, parents=True, exist_ok=True)
    store = history_store(plan, lock_wait=LOCK_WAIT, lane=Lane.IMPORT, replaces_damaged=False)
    try:
        await store.open()
        yield store
    except StoreCorrupt as error:  # the gateway may be writing it: nobody else takes the file away
        mend = "end the gateway and write: plantspace history repair"
        raise StoreCorrupt(error.file, f"{error.problem} ({mend})") from error
    finally:
        await store.close()


def _file_of(plan: Plan) -> Path:
    file = plan.history_file
    if file is None:
        message = f"{plan.config} keeps no history (name nodes under historian: nodes:, or Historizing in the model)"
        raise NoHistoryError(message)
    return file
