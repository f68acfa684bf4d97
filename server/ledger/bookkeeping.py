"""Keeps the gateway's books: asks every part that counts samples, tells losses and gaps, shows all of it as nodes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from drivers.supervisor import Supervisor
from historian.contract import HistoryReader, Record
from historian.forwarder import Forwarder
from historian.history_sink import SINK as HISTORY_SINK
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.outbox_tables import Loss as OutboxLoss
from historian.recorder import STREAM, Recorder
from server.diagnostics import DiagnosticNodes, LossLedger
from server.event_history.history import EventHistory
from server.ledger.accounts import DATASET, DEVICE
from server.ledger.ledger import OUTBOX_PLACE, Ledger
from server.ledger.nodes import LedgerNodes
from server.ledger.storage import StorageWatch
from server.losses import Loss, LossCount, LossWatch
from server.operating import OperatorRunner
from server.plan.plan import Plan, version
from server.publishing import Publishing
from server.pubsub.component import full_name
from server.pubsub.delivery.streams import DataClass, is_pubsub_sink, sink_of, stream_of
from server.pubsub.statistics import PubSubStatistics
from server.pubsub.writer_counters import WriterCounters

if TYPE_CHECKING:
    from server.pubsub.commands.way_back import WayBack

GAPS_FILE: Final = "gaps.json"
_DEAD: Final = "it can never take them, and they are set aside in the outbox"


class Bookkeeping:
    """The books of one gateway. Start it before all that it counts, so that its last look is after their end.

    The parts are named as they come up: :meth:`record`, :meth:`publish`, ``operators``, ``supervisors``.
    """

    def __init__(self, plan: Plan, tell: Callable[[Loss], None]) -> None:
        """``tell`` is called with each loss, at most one a second and place."""
        self._plan = plan
        self._tell_others = tell
        self.ledger = Ledger(plan.data_dir / GAPS_FILE, plan.points.points, self.lost)
        self.losses = LossWatch(self.lost, self._tell)
        self.operators: Sequence[OperatorRunner] = ()
        self.supervisors: Mapping[str, Supervisor] = {}
        self.storage = StorageWatch(None, None, self.stored)
        self._recorder: Recorder | None = None
        self._forwarder: Forwarder | None = None
        self._sink: HistorySink | None = None
        self._publishing: Publishing | None = None
        self._nodes: LedgerNodes | None = None
        self._shown: set[str] = set()
        self._shown_sinks: set[str] = set()
        self._events: EventHistory | None = None
        self._stored_by: Mapping[str, int] = {}
        self._stored_at = 0
        self._over_cap: Counter[tuple[str, str]] = Counter()
        self._over_cap_shares: dict[tuple[str, str], Counter[str]] = {}
        self._dead: defaultdict[str, Counter[str]] = defaultdict(Counter)

    async def start(self) -> None:
        """Read the gaps that were kept, and begin to look for losses."""
        await self.ledger.gaps.start()
        await self.losses.start()

    async def stop(self) -> None:
        """Look for the last time, and keep the gaps. Safe twice and before :meth:`start`."""
        await self.losses.stop()
        await self.ledger.gaps.stop()

    def use(self, outbox: Outbox) -> None:
        """Know the outbox, made with :meth:`outbox_lost` and the ledger's ``shares``; it is open."""
        self.ledger.outbox = outbox
        self.storage.use(outbox)

    def record(self, recorder: Recorder, forwarder: Forwarder, sink: HistorySink) -> None:
        """Count what goes into the history."""
        self._recorder, self._forwarder, self._sink = recorder, forwarder, sink
        forwarder.on_dead = lambda record: self._died(HISTORY_SINK, STREAM, record)

    def record_events(self, events: EventHistory) -> None:
        """Count what goes into the history of events."""
        self._events = events

    @property
    def way_backs(self) -> Mapping[str, WayBack]:
        """What takes in commands and DataSets, by connection."""
        return {} if self._publishing is None else self._publishing.way_backs()

    def publish(self, publishing: Publishing) -> None:
        """Count what goes to the brokers."""
        self._publishing = publishing
        self.ledger.dataset_of = publishing.dataset_of
        publishing.on_dead = self._died_sending
        publishing.on_change = self._show_published

    def watch_storage(self, store: HistoryReader | None) -> StorageWatch:
        """Make what measures store and outbox; start it once they are up."""
        self.storage = StorageWatch(store, self.ledger.outbox, self.stored)
        return self.storage

    def outbox_lost(self, loss: OutboxLoss) -> None:
        """Take what the outbox has dropped (its ``on_loss``)."""
        key = (loss.stream, loss.reason)
        self._over_cap[key] += loss.samples
        self._over_cap_shares.setdefault(key, Counter()).update(loss.shares)
        self.ledger.outbox_lost(loss)

    def stored(self) -> int:
        """Count the samples that the history has stored since the start."""
        return self._forwarder.counters.samples if self._forwarder is not None else 0

    def totals(self) -> LossLedger:
        """Give the counts over all devices and sinks."""
        return LossLedger(
            acquired=lambda: sum(one.diagnostics().samples_acquired for one in self.supervisors.values()),
            stored=self.stored,
            published=lambda: sum(writer.values for writer in self._writers().values()),
            acknowledged=lambda: sum(one.delivery.samples for one in self._connections().values()),
            dropped=self.losses.total,
            gaps=lambda: self.losses.losses,
        )

    def show(self, sinks: Sequence[str]) -> None:
        """Answer the nodes of the gateway and its devices, and add those of devices, DataSets and sinks."""
        nodes = DiagnosticNodes(self._plan)
        nodes.fill_gateway(self._plan, self.totals(), version())
        own = LedgerNodes(self._plan, self.ledger.gaps)
        for device in self._plan.devices:
            supervisor = self.supervisors[device.name]
            account = self.ledger.open_account(
                f"{DEVICE}{device.name}",
                {
                    "Acquired": lambda of=supervisor: of.diagnostics().samples_acquired,
                    "Stored": lambda of=device.name: self._stored_of(of),
                },
            )
            below = nodes.add_device(device, supervisor)
            if below is not None:
                own.add_device(account, below)
        self._nodes = own
        own.fill_storage(self.storage)
        for sink in sinks:
            if not is_pubsub_sink(sink):
                own.add_sink(sink, self.storage)
        self._show_published()

    def lost(self) -> Iterator[LossCount]:
        """Ask every place where samples can be lost on their way to a consumer."""
        for (stream, reason), samples in self._over_cap.items():
            shares = self._over_cap_shares[stream, reason]
            yield LossCount(f"{OUTBOX_PLACE}{stream}", f"they were over the cap in {reason}", samples, shares)
        if self._recorder is not None:
            why = "its queue was full, or the outbox did not accept them"
            shares = self.ledger.by_slot(self._recorder.lost)
            yield LossCount("recorder", why, self._recorder.counters.dropped, shares)
        if self._forwarder is not None:
            yield LossCount(HISTORY_SINK, _DEAD, self._forwarder.counters.dead_samples, self._dead[HISTORY_SINK])
        if self._events is not None:
            why = "its queue was full, or the outbox did not accept them"
            yield LossCount("event recorder", why, self._events.recorder.counters.dropped)
            for stream, dead in self._events.dead():
                yield LossCount(f"{stream} history", _DEAD, dead)
        for name, writer in self._writers().items():
            why = "its queue was full, or no message could be made of them"
            yield LossCount(f"{DATASET}{name}", why, writer.dropped, {f"{DATASET}{name}": writer.dropped})
        for connection, found in self._connections().items():
            for kind, delivery in found.classes.items():
                sink = sink_of(connection, kind)
                yield LossCount(sink, _DEAD, delivery.dead_samples, self._dead[sink])
        for runner in self.operators:
            why = "its queue was full, it is slower than its input"
            yield LossCount(f"operator/{runner.planned.name}", why, runner.tap.counters.dropped)

    def _tell(self, loss: Loss) -> None:
        self.ledger.tell(loss)
        self._tell_others(loss)

    def _died(self, sink: str, stream: str, record: Record) -> None:
        self._dead[sink].update(self.ledger.shares(stream, record.payload, record.samples))

    def _stored_of(self, device: str) -> int:
        if self._sink is None or self._forwarder is None:
            return 0
        delivered = self._forwarder.counters.records
        if delivered != self._stored_at:  # added up once for all devices that are asked
            self._stored_by, self._stored_at = self.ledger.by_device(self._sink.stored), delivered
        return self._stored_by.get(f"{DEVICE}{device}", 0)

    def _show_published(self) -> None:
        """List the DataSets that are published now and the sinks of their connections, and no others."""
        nodes, publishing = self._nodes, self._publishing
        if nodes is None or publishing is None:
            return
        present, sinks = self._writers(publishing.statistics()).keys(), set(publishing.sinks())
        for name in self._shown - present:
            self.ledger.close_account(f"{DATASET}{name}")
            nodes.remove_dataset(name)
        for sink in self._shown_sinks - sinks:
            nodes.remove_sink(sink)
        for name in sorted(present - self._shown):
            account = self.ledger.open_account(
                f"{DATASET}{name}",
                {
                    "Acquired": lambda of=name: self._writer(of).acquired,
                    "Sent": lambda of=name: self._writer(of).values,
                    "Acknowledged": lambda of=name: self._acknowledged(of),
                },
            )
            nodes.add_dataset(account)
        for sink in sorted(sinks - self._shown_sinks):
            nodes.add_sink(sink, self.storage)
        self._shown, self._shown_sinks = set(present), sinks

    def _died_sending(self, connection: str, kind: DataClass, payload: bytes, samples: int) -> None:
        shares = self.ledger.shares(stream_of(connection, kind), payload, samples)
        self._dead[sink_of(connection, kind)].update(shares)

    def _connections(self) -> Mapping[str, PubSubStatistics]:
        return self._publishing.counted() if self._publishing is not None else {}

    def _writers(self, of: Mapping[str, PubSubStatistics] | None = None) -> Mapping[str, WriterCounters]:
        return {
            full_name(connection, name): counters
            for connection, found in (self._connections() if of is None else of).items()
            for name, counters in found.writers.items()
        }

    def _writer(self, name: str) -> WriterCounters:
        return self._writers().get(name) or WriterCounters()

    def _acknowledged(self, name: str) -> int:
        found = (
            (full_name(connection, dataset), count)
            for connection, one in self._connections().items()
            for dataset, count in one.acknowledged.items()
        )
        return next((count for dataset, count in found if dataset == name), 0)
