"""Carries a stream of the outbox to one sink: in order, at least once, waiting out a sink that is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.backoff import Backoff
from core.errors import StoreError, StoreUnavailable
from historian.contract import PoisonRecord, Record, Sink
from historian.outbox import Outbox

_log = logging.getLogger("plantspace.forwarder")

_LONGEST_ADVICE: Final = 3600.0
"""Seconds: what a sink says to come again after is not believed beyond that."""
_ASIDE_KEPT: Final = 10_000
"""Records set aside that are remembered until they are acknowledged; more than stand in a delivery."""
_DAMAGED: Final = "its bytes in the outbox do not match their checksum"


@dataclass(slots=True)
class ForwarderCounters:
    """Since the start: what was delivered and set aside (in records and samples), and how often the sink was away."""

    records: int = 0
    samples: int = 0
    dead_records: int = 0
    dead_samples: int = 0
    failures: int = 0


@dataclass(slots=True)
class Forwarder:
    """Delivers ``stream`` to ``sink``, known to the outbox as ``name``. ``last_error`` is empty while all is well.

    ``on_health`` is called with why the sink takes nothing, and with an empty text when it does again. The
    ``retry_after`` of a :class:`~core.errors.StoreUnavailable` is the sink's own advice when to come again, and heeded.
    """

    outbox: Outbox
    stream: str
    sink: Sink
    name: str
    backoff: Backoff = field(default_factory=Backoff)
    limit_bytes: int = 4 << 20
    counters: ForwarderCounters = field(default_factory=ForwarderCounters)
    last_error: str = ""
    on_health: Callable[[str], None] | None = None
    on_dead: Callable[[Record], None] | None = None
    """Told of each record that is set aside, once."""
    _task: asyncio.Task[None] | None = None
    _acknowledged: int = 0
    _aside: dict[int, None] = field(default_factory=dict[int, None])
    """Sequences set aside and not acknowledged yet, the oldest first: not offered again with what is tried again."""
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        """Register the sink and begin; the sink itself may still be away.

        Raises :class:`~core.errors.StoreUnavailable` of the outbox.
        """
        self._acknowledged = await self.outbox.register(self.name, self.stream)
        self._task = asyncio.create_task(self._run(self._acknowledged), name=f"forwarder-{self.name}")

    async def drain(self) -> None:
        """Return once every record of the stream that was accepted before this call is acknowledged.

        That is: delivered, set aside, or dropped over the outbox's cap. Waits as long as the sink is away or the
        forwarder does not run: bound it with :func:`asyncio.wait_for`.
        """
        newest = self.outbox.newest(self.stream)
        while self._acknowledged < newest:
            self._moved.clear()
            await self._moved.wait()

    async def stop(self) -> None:
        """End delivery; what is not acknowledged stays in the outbox. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.sink.close()

    async def _run(self, delivered: int) -> None:
        opened = False
        while True:
            try:
                if not opened:
                    await self.sink.open()
                    opened = True
                    self._recovered()
                if delivered > self._acknowledged:  # tried again without another delivery when the outbox fails here
                    await self.outbox.acknowledge(self.name, delivered)
                    self._recovered()
                    self._advance(delivered)
                # asked before reading: what is not found up to there was dropped over the cap, and is not waited for
                newest = self.outbox.newest(self.stream)
                records = await self.outbox.read(self.stream, delivered, self.limit_bytes)
                if records:
                    await self._deliver(records)
                    delivered = records[-1].sequence
                    continue
                delivered = max(delivered, newest)
                self._recovered()
                self._advance(delivered)
                await self.outbox.arrival(self.stream, delivered)
            except StoreError as error:
                await self._wait(error)
            except Exception as error:  # noqa: BLE001 - a fault of a sink must not end delivery for ever
                _log.exception("%s failed in a way it does not foresee", self.name)
                await self._wait(error)

    async def _deliver(self, records: Sequence[Record]) -> None:
        """Deliver all but what the sink can never take, which is set aside. Raises what a later try may mend."""
        waiting = [record for record in records if record.sequence not in self._aside]
        for record in [record for record in waiting if record.damaged]:
            await self._set_aside(record, _DAMAGED)
            waiting.remove(record)
        while waiting:
            try:
                await self.sink.deliver(waiting)
            except PoisonRecord as poison:
                culprits = [record for record in waiting if record.sequence == poison.sequence]
                if not culprits:
                    raise
                await self._set_aside(culprits[0], poison.reason, poison.samples)
                waiting.remove(culprits[0])
            else:
                self.counters.records += len(waiting)
                self.counters.samples += sum(record.samples for record in waiting)
                return

    async def _set_aside(self, record: Record, reason: str, lost: int | None = None) -> None:
        """Set a record aside of which the sink lacks ``lost`` samples; None: all of them."""
        lost = record.samples if lost is None else lost
        await self.outbox.set_aside(self.name, record, reason)
        self._aside[record.sequence] = None
        if len(self._aside) > _ASIDE_KEPT:
            del self._aside[next(iter(self._aside))]
        self.counters.dead_records += 1
        self.counters.dead_samples += lost
        self.counters.samples += record.samples - lost
        if self.on_dead is not None:
            self.on_dead(record)
        _log.error(
            "%s cannot take record %d (%d samples of %d), set aside: %s",
            self.name,
            record.sequence,
            lost,
            record.samples,
            reason,
        )

    async def _wait(self, error: Exception) -> None:
        self.counters.failures += 1
        if str(error) != self.last_error:
            level = logging.WARNING if isinstance(error, StoreUnavailable) else logging.ERROR
            _log.log(level, "%s is away, what it misses waits in the outbox: %s", self.name, error)
        well, self.last_error = not self.last_error, str(error) or type(error).__name__
        if well and self.on_health is not None:
            self.on_health(self.last_error)
        await asyncio.sleep(max(self.backoff.next(), self._advised(error)))

    def _advised(self, error: Exception) -> float:
        """Give the seconds that the sink asked for, with a little more so that many who were told the same part."""
        advice = error.retry_after if isinstance(error, StoreUnavailable) else None
        if advice is None or not advice > 0:  # NaN is no advice
            return 0.0
        return min(advice, _LONGEST_ADVICE) * self.backoff.random.uniform(1.0, 1.1)

    def _advance(self, sequence: int) -> None:
        self._acknowledged = sequence
        self._aside = {aside: None for aside in self._aside if aside > sequence}
        self._moved.set()

    def _recovered(self) -> None:
        if self.last_error:
            _log.info("%s is back", self.name)
            self.last_error = ""
            if self.on_health is not None:
                self.on_health("")
        self.backoff.reset()
