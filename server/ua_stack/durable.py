"""Durable subscriptions: SetSubscriptionDurable (Part 5 v1.05 9.3), and keeping them on the disk (Part 4 v1.05 6.8)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from functools import partial
from math import ceil
from pathlib import Path

from asyncua import ua

from core.backoff import Backoff
from core.errors import PlantspaceError, StoreError
from core.time import now
from historian.database import Database
from historian.threads import Reader, Writer
from server.subscriptions.durable.lane import Budget
from server.subscriptions.durable.looking import Known, Owned
from server.subscriptions.durable.record import DurableRecord
from server.subscriptions.durable.store import SCHEMA, Write, read, write
from server.subscriptions.subscription import Subscription
from server.ua_stack.durable_restoring import Restoring, node_text, owner_text
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.sessions import CALLER
from server.ua_stack.subscription_service import LONGEST_DURABLE, HeldSubscription, SubscriptionService, cycles
from server.ua_stack.values import encode_variant

_log = logging.getLogger("plantspace.subscriptions")
SET_SUBSCRIPTION_DURABLE = ua.NodeId(ua.Int32(ua.ObjectIds.Server_SetSubscriptionDurable))
LOOK_SECONDS = 1.0
"""What a kill loses at most of what was queued."""
MAX_BYTES = 512 * 1024 * 1024
"""Queued values and events on the disk, of all subscriptions."""
_SLICE = 0.002


class DurableSubscriptions:
    """Keeps durable subscriptions in one file, which is made with the first of them."""

    def __init__(self, service: SubscriptionService, nodeids: NodeIds, file: Path) -> None:
        """Keep those of ``service``; ``nodeids``: the NamespaceArray."""
        self._service = service
        self._nodeids = nodeids
        self._database = Database(file, SCHEMA)
        self._reader = Reader(self._database)
        self._writer: Writer | None = None
        self._known: dict[int, Known] = {}
        self._ended: set[int] = set()
        self._last: list[Write] | None = None
        self._lock = asyncio.Lock()
        self._ending = asyncio.Event()
        self._backoff = Backoff(LOOK_SECONDS, longest=30.0)
        self._told = ""
        self._full = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what was kept. Raises :class:`~core.errors.StoreError` for a file that cannot be used."""
        try:
            if await asyncio.to_thread(self._database.path.exists):
                await self._open()
                await self._restore()
                await self._flush()
        except PlantspaceError:
            await self._close()
            raise
        self._service.keeper = self
        self._task = asyncio.create_task(self._run(), name="durable-subscriptions")

    async def stop(self) -> None:
        """Write what there is. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            self._ending.set()
            await task
            if self._last is None:
                self.look_last()
            async with self._lock:
                await self._write(self._last or [])
            self._service.keeper = None
        await self._close()

    async def set_durable(
        self, _parent: ua.NodeId, subscription: ua.Variant, hours: ua.Variant
    ) -> ua.StatusCode | list[ua.Variant]:
        """SetSubscriptionDurable; 0 hours are the most that there are."""
        held = self._service.held.get(subscription.Value)
        if held is None:
            return _refused(ua.StatusCodes.BadSubscriptionIdInvalid)
        if held.owner is not CALLER.get():
            return _refused(ua.StatusCodes.BadUserAccessDenied)
        held.core.touched()
        if held.core.items:
            return _refused(ua.StatusCodes.BadInvalidState)
        parameters = held.core.parameters
        least = ceil(3 * parameters.keep_alive_count * parameters.interval / 3600)
        revised = max(min(hours.Value or LONGEST_DURABLE, LONGEST_DURABLE), least, 1)
        if not await self._begin(held, revised):
            return _refused(ua.StatusCodes.BadResourceUnavailable)
        return [ua.Variant(revised, ua.VariantType.UInt32)]

    @property
    def is_behind(self) -> bool:
        """Tell whether a definition has changed that the disk does not have yet.

        Nobody waits for a disk that took nothing the last time: it is tried again each second.
        """
        return not self._told and (bool(self._ended) or any(known.is_behind for known in self._known.values()))

    async def settle(self) -> None:
        """Let the disk have the definitions. Where it fails that is told, and tried again each second."""
        async with self._lock:
            writes = [
                known.definition(owned, now())
                for known in tuple(self._known.values())
                if known.is_behind and (owned := self._owned(known.core)) is not None
            ]
            await self._write(writes)

    def forget(self, core: Subscription) -> None:
        """Keep a subscription no more: it has ended."""
        if self._known.pop(core.id, None) is not None:
            self._ended.add(core.id)

    def look_last(self) -> None:
        """See what is to be written by :meth:`stop`: the subscriptions end now, and nothing is sent any more."""
        budget = self._budget()
        found: list[Write] = []
        for known in self._known.values():
            owned = self._owned(known.core)
            if owned is not None:
                found += [one for one in known.look(owned, now(), budget, last=True) if one is not None]
        self._last = found

    async def _begin(self, held: HeldSubscription, hours: int) -> bool:
        core = held.core
        before = core.parameters.lifetime_count, core.record, core.reserved
        core.parameters.lifetime_count = cycles(hours, core.parameters.interval)
        if core.record is None:
            core.record = DurableRecord()
            core.reserved = core.sequence  # no message before a number is reserved for it
        try:
            async with self._lock:
                if self._writer is None:
                    await self._open()
        except StoreError as error:
            self._tell(error)
            core.parameters.lifetime_count, core.record, core.reserved = before
            return False
        if core.id not in self._known:
            self._known[core.id] = Known(core, core.record, encode_variant)
        await self.settle()
        known = self._known.get(core.id)
        if known is not None and not known.is_behind:
            return True
        if before[1] is None:
            self.forget(core)
        core.parameters.lifetime_count, core.record, core.reserved = before
        return False

    async def _run(self) -> None:
        wait = LOOK_SECONDS
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._ending.wait()
            if not self._ending.is_set():
                wait = LOOK_SECONDS if await self._flush() else self._backoff.next()

    async def _flush(self) -> bool:
        async with self._lock:
            budget = self._budget()
            writes: list[Write] = []
            for known in tuple(self._known.values()):
                found = await self._looked(known, budget)
                if found is not None and not found.is_empty:
                    writes.append(found)
            self._tell_full(budget)
            return await self._write(writes)

    async def _looked(self, known: Known, budget: Budget) -> Write | None:
        """Look at one subscription; others have their turn on the loop in between."""
        owned = self._owned(known.core)
        if owned is None:
            return None
        until = time.monotonic() + _SLICE
        for found in known.look(owned, now(), budget):
            if found is not None:
                return found
            if time.monotonic() > until:
                await asyncio.sleep(0)
                until = time.monotonic() + _SLICE
        return None

    async def _write(self, writes: Sequence[Write]) -> bool:
        """Write; false, and told, where that failed. The lock is held."""
        ended = tuple(self._ended)
        writes = [one for one in writes if one.id not in self._ended]
        if self._writer is None or not (writes or ended):
            return True
        one_by_one = partial(write, writes=writes, ended=ended, name=partial(node_text, self._nodeids))
        try:
            await self._writer.run(one_by_one)
        except (StoreError, PlantspaceError) as error:
            self._tell(error)
            self._begin_anew(writes)
            return False
        self._told = ""
        self._backoff.reset()
        self._ended.difference_update(ended)
        for one in writes:
            if one.row is not None and one.id in self._known:
                self._known[one.id].core.reserved = one.row.reserved
        return True

    def _begin_anew(self, writes: Sequence[Write]) -> None:
        """Write all of a subscription the next time: what the disk has of it is not known any more."""
        for one in writes:
            known = self._known.get(one.id)
            if known is not None:
                self._known[one.id] = Known(known.core, known.record, encode_variant)

    async def _open(self) -> None:
        await self._reader.prepare()
        writer = Writer(self._database)
        await writer.start()
        self._writer = writer

    async def _close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.stop()
        await self._reader.stop()

    async def _restore(self) -> None:
        found, damaged = await self._reader.run(read)
        for number, error in damaged:
            self._drop(number, error)
        restoring = Restoring(self._service, self._nodeids)
        for kept in found:
            try:
                core = await restoring.restore(kept)
            except Exception as error:  # noqa: BLE001 - whatever damaged bytes make of their decoders; the others go on
                self._drop(kept.row.id, error)
                continue
            if core is None or core.record is None:
                self._ended.add(kept.row.id)
            else:
                self._known[core.id] = Known(core, core.record, encode_variant)
        if self._known:
            _log.info("%d durable subscriptions go on", len(self._known))

    def _drop(self, number: int, error: Exception) -> None:
        _log.error("%s: subscription %s is damaged, and lost: %s", self._database.path, number, error)
        self._ended.add(number)

    def _owned(self, core: Subscription) -> Owned | None:
        held = self._service.held.get(core.id)
        if held is None:
            return None
        owner = held.owner
        return Owned(owner_text(owner, self._nodeids), tuple(owner.context.locales), self._nodeids.uris)

    def _budget(self) -> Budget:
        return Budget(MAX_BYTES - sum(known.bytes for known in self._known.values()))

    def _tell(self, error: Exception) -> None:
        if str(error) != self._told:
            self._told = str(error)
            _log.error("durable subscriptions cannot be kept, a restart may lose what they queue: %s", error)

    def _tell_full(self, budget: Budget) -> None:
        full = budget.refused > 0
        if full and not self._full:
            _log.warning(
                "durable subscriptions have %d MiB queued on the disk, the most: a restart loses the newest",
                MAX_BYTES >> 20,
            )
        self._full = full


def _refused(status: int) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(status))
