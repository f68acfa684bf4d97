"""Fault 27: the power is cut at any moment, and the disk forgets what was not synced, or keeps a torn part of it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from historian.database import Database
from tests.disk import Event, after_power_cut, disk
from tests.system.recording_plant import HISTORY, check_oracle, integrity, recording

RECORDS = 40
CUTS = 25


@pytest.fixture
def small_log(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let SQLite bring its log into the file every few pages, so that this too is cut."""
    connect = Database.connect

    def often(self: Database, **more: Any) -> sqlite3.Connection:
        connection = connect(self, **more)
        connection.execute("PRAGMA wal_autocheckpoint=8")
        return connection

    monkeypatch.setattr(Database, "connect", often)
    return monkeypatch


async def recorded(folder: Path) -> list[Event]:
    """Record numbered samples, each accepted on its own; give all that happened to the disk."""
    with disk(folder) as below:
        below.events = []
        async with recording(folder) as plant:
            for number in range(RECORDS):
                await plant.accept([number])
                below.mark(number)
            await plant.arrived()
            await plant.store.compact()
        return below.events


def lay_down(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def accepted(events: Sequence[Event]) -> list[int]:
    return [event.mark for event in events if event.kind == "mark"]


async def survived(folder: Path, wanted: Sequence[int]) -> None:
    """Open what is left; everything accepted has to be there and go on to the history."""
    async with recording(folder) as plant:
        await plant.arrived()
        await check_oracle(plant.store, wanted)
        await plant.accept([1_000_000])
        await plant.arrived()
        await check_oracle(plant.store, [*wanted, 1_000_000])
    assert integrity(folder) == []


@pytest.mark.usefixtures("small_log")
async def test_fault_27_a_power_cut_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    events = await recorded(tmp_path / "whole")
    first = next(place for place, event in enumerate(events) if event.kind == "mark")
    assert sum(event.kind == "sync" and event.name == HISTORY for event in events) > 5, "the log was brought in"
    chance = random.Random(27)
    told: set[int] = set()
    for cut in range(CUTS):
        until = events[: chance.randrange(first, len(events) + 1)]
        folder = tmp_path / f"cut{cut}"
        files = after_power_cut(until, chance)
        told.add(len(accepted(until)))
        lay_down(folder, files)
        await survived(folder, accepted(until))
    assert len(told) > CUTS // 2


async def test_fault_27_a_cut_while_the_files_are_made_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    events = await recorded(tmp_path / "whole")
    first = next(place for place, event in enumerate(events) if event.kind == "mark")
    chance = random.Random(270)
    for cut in range(5):
        folder = tmp_path / f"cut{cut}"
        lay_down(folder, after_power_cut(events[: chance.randrange(first)], chance))
        async with recording(folder) as plant:
            await plant.accept([1])
            await plant.arrived()
            await check_oracle(plant.store, [1])


async def test_fault_27_a_store_that_does_not_sync_would_be_found_out(
    tmp_path: Path, small_log: pytest.MonkeyPatch
) -> None:
    """The test of the test: a commit that is not synced is lost with the power."""
    connect = Database.connect

    def careless(self: Database, **more: Any) -> sqlite3.Connection:
        connection = connect(self, **more)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")  # which would sync now and then
        return connection

    with small_log.context() as patched:
        patched.setattr(Database, "connect", careless)
        (tmp_path / "whole").mkdir()
        events = await recorded(tmp_path / "whole")
    last = max(place for place, event in enumerate(events) if event.kind == "mark")
    folder = tmp_path / "cut"
    lay_down(folder, after_power_cut(events[: last + 1], random.Random(1), kept=0.0))
    with pytest.raises(AssertionError):
        await survived(folder, accepted(events))
