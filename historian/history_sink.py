"""The sink that turns outbox records back into samples for a history store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from historian import chunks
from historian.contract import Delivery, HistoryStore, OpenOutcome, PoisonRecord, Record
from historian.encoding import DamagedData
from historian.outbox import Outbox
from historian.samples import SampleBlock


class HistorySink:
    """Delivers the outbox's sample records to ``store``, which it opens and closes."""

    def __init__(self, store: HistoryStore, outbox: Outbox) -> None:
        """Join a store with the outbox whose point dictionary the records are written in."""
        self.store = store
        self.outcome = OpenOutcome()
        """What opening the store found; known once open."""
        self._outbox = outbox
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Open the store. Raises :class:`~core.errors.StoreUnavailable`."""
        self.outcome = await self.store.open()
        self._thread = ThreadPoolExecutor(1, "history-sink")

    async def deliver(self, records: Sequence[Record]) -> None:
        """Store the records in one commit. Raises :class:`~core.errors.StoreUnavailable`, :class:`PoisonRecord`."""
        loop = asyncio.get_running_loop()
        deliveries = await loop.run_in_executor(self._thread, self._decode, records)
        await self.store.append(deliveries, self._outbox.identity)

    async def close(self) -> None:
        """Close the store; safe twice and before :meth:`open`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()
        await self.store.close()

    def _decode(self, records: Sequence[Record]) -> list[Delivery]:
        return [Delivery(record.sequence, self._blocks(record)) for record in records]

    def _blocks(self, record: Record) -> list[SampleBlock]:
        try:
            found = [chunk.columns() for chunk in chunks.read(record.payload)]
            return [SampleBlock.of(columns, self._outbox.nodes(columns.points.tolist())) for columns in found]
        except DamagedData as error:
            raise PoisonRecord(record.sequence, str(error)) from error
        except KeyError as error:
            reason = f"the outbox has no point with the id {error}"
            raise PoisonRecord(record.sequence, reason) from error
