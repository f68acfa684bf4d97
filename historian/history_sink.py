"""The sink that turns outbox records back into samples for a history store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Final

from historian import chunks
from historian.contract import Delivery, HistoryStore, OpenOutcome, PoisonRecord, Record
from historian.encoding import DamagedData
from historian.outbox import Outbox
from historian.samples import Columns, SampleBlock
from historian.tally import Tally

_log = logging.getLogger("plantspace.historian")


SINK: Final = "history"
"""The name that the outbox knows the history's cursor by."""


class HistorySink:
    """Delivers the outbox's sample records to ``store``, which it opens and closes."""

    def __init__(self, store: HistoryStore, outbox: Outbox) -> None:
        """Join a store with the outbox whose point dictionary the records are written in."""
        self.store = store
        self.outcome = OpenOutcome()
        """What opening the store found; known once open."""
        self.stored = Tally()
        """Samples that the store has taken, by the outbox's points."""
        self._outbox = outbox
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the store. Raises :class:`~core.errors.StoreUnavailable`."""
        self.outcome = await self.store.open()
        try:
            await self._compare()
        except BaseException:
            await self.store.close()
            raise
        self._thread = ThreadPoolExecutor(1, "history-sink")

    async def deliver(self, records: Sequence[Record]) -> None:
        """Store the records, a commit an origin.

        Raises :class:`~core.errors.StoreUnavailable`, :class:`PoisonRecord`.
        """
        loop = asyncio.get_running_loop()
        for origin, group in groupby(records, key=lambda record: self._outbox.origins.of(record.sequence)):
            taken: list[Columns] = []
            deliveries = await loop.run_in_executor(self._thread, self._decode, list(group), taken)
            await self.store.append(deliveries, origin)
            for columns in taken:
                self.stored.add(columns.points, columns.counts)

    async def close(self) -> None:
        """Close the store; safe twice and before :meth:`open`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        await self.store.close()

    async def _compare(self) -> None:
        """Tell when the store has more of an origin than the outbox gave out: the outbox is an older copy."""
        for origin in self._outbox.origins.all:
            applied = await self.store.applied(origin.name)
            if origin.last is not None and applied > origin.last:
                _log.error(
                    "the outbox is older than the history beside it (from a backup?): it ends at record %d where the"
                    " history already has %d; what comes now is kept under a new origin, nothing is mixed up",
                    origin.last,
                    applied,
                )

    def _decode(self, records: Sequence[Record], taken: list[Columns]) -> list[Delivery]:
        """Read records; ``taken`` gets their columns as they name the outbox's points."""
        return [Delivery(record.sequence, self._blocks(record, taken)) for record in records]

    def _blocks(self, record: Record, taken: list[Columns]) -> list[SampleBlock]:
        try:
            found = [chunk.columns() for chunk in chunks.read(record.payload)]
            taken.extend(found)
            return [SampleBlock.of(columns, self._outbox.nodes(columns.points.tolist())) for columns in found]
        except DamagedData as error:
            raise PoisonRecord(record.sequence, str(error)) from error
        except KeyError as error:
            reason = f"the outbox has no point with the id {error}"
            raise PoisonRecord(record.sequence, reason) from error
