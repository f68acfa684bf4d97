from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.time import Clock
from historian.contract import HistoryStore
from historian.sqlite import SQLiteStore, merge
from tests.conformance.store import StoreConformance
from tests.conformance.store_edits import EditConformance
from tests.conformance.store_summaries import SummaryConformance


class TestSQLiteStore(StoreConformance, EditConformance, SummaryConformance):
    def make(self, folder: Path) -> HistoryStore:
        return SQLiteStore(folder / "history.sqlite", retention_days=36_500)

    def make_keeping(self, folder: Path, clock: Clock, raw_days: float) -> HistoryStore:
        return SQLiteStore(
            folder / "history.sqlite",
            retention_days=raw_days,
            second_days=36_500,
            minute_days=36_500,
            hour_days=36_500,
            clock=clock,
        )

    async def settle(self, store: HistoryStore) -> None:
        assert isinstance(store, SQLiteStore)
        await store.compact()


class TestSQLiteStoreWithSmallBlocks(TestSQLiteStore):
    """The same with merges and blocks that come all the time."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def small(cls) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(merge, "FAN", 2)
            patch.setattr(merge, "BLOCK_SAMPLES", 5)
            patch.setattr(merge, "LARGEST_BLOCK", 3)
            yield
