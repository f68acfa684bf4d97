"""Deliveries of the outbox into the database, record by record; runs in one thread."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.errors import StoreUnavailable
from historian.contract import Delivery, PoisonRecord
from historian.influx import ledger, query
from historian.influx.connection import Connection
from historian.influx.ledger import Entry
from historian.influx.lines import FIELDS, LineWriter, within_reach
from historian.influx.lookup import DatabaseLookup
from historian.influx.ordinals import Ordinals
from historian.influx.positions import Lane, record_of
from historian.influx.posting import Posting
from historian.influx.query import Querier
from historian.influx.settings import InfluxSettings
from historian.samples import SampleBlock

_TAGS: Final = ("n", "node", "path", "type")


@dataclass(slots=True)
class _Written:
    """A record of which the server has every line that it takes."""

    samples: int
    faults: list[str] = field(default_factory=list[str])

    @property
    def problem(self) -> str:
        """Say what of it cannot be kept, and why."""
        lost = f"{len(self.faults)} of its {self.samples} samples cannot be kept"
        return (
            f"{lost}, the others are: {self.faults[0]}"
            if len(self.faults) < self.samples
            else f"{lost}: {self.faults[0]}"
        )


class Appender:
    """Writes records in their order and remembers in the ledger how far it is."""

    def __init__(self, settings: InfluxSettings, path_of: Callable[[str], str], lane: Lane) -> None:
        """Prepare; nothing is connected."""
        self._settings = settings
        self.connection = Connection(settings)
        self._querier = Querier(settings, self.connection)
        self._posting = Posting(settings, self.connection, self._probe)
        self._lookup = DatabaseLookup(self._querier, settings.measurement, lane)
        self._ordinals = Ordinals(self._lookup)
        self._writer = LineWriter(settings.measurement, path_of)
        self._lane = lane
        self._entries: dict[str, Entry] = {}
        self._origin = ""
        self._lines: list[str] = []
        self._owners: list[tuple[int, _Written]] = []
        """From which of the waiting lines on they are whose."""
        self._whole: dict[int, _Written] = {}
        """Records of which all lines wait or are written."""
        self._written: dict[int, _Written] = {}
        """By their sequences, records of the present origin that the ledger does not know to be kept yet."""
        self._doubted = False
        """A delivery failed since the database was looked at last."""

    @property
    def expired(self) -> int:
        """Samples since the start that the server left out as older than it keeps."""
        return self._posting.expired

    def open(self) -> None:
        """Read the ledger, and see whether the measurement is ours. Raises :class:`StoreUnavailable`.

        What was known of the points is forgotten: what of a failed delivery is stored has to be looked up, and the
        database may have been made anew.
        """
        self._ordinals = Ordinals(self._lookup)
        self._written.clear()
        self._entries = ledger.read(self._querier, self._settings.measurement, create=self._settings.create)
        name = query.identifier(self._settings.measurement)
        tables = self._querier.ask([f"SHOW FIELD KEYS FROM {name}"])[0]
        for key, kind in ((row[0], row[1]) for table in tables for row in table.rows):
            if key in _TAGS or FIELDS.get(key, kind) != kind:
                where = f"the measurement {self._settings.measurement} in {self._settings.queried}"
                message = f"{where} has a field {key} of type {kind} from elsewhere (name another measurement)"
                raise StoreUnavailable(message)
        self._doubted = False

    def append(self, deliveries: Sequence[Delivery], origin: str) -> None:
        """Write what the ledger does not know to be kept (:meth:`historian.contract.HistoryStore.append`)."""
        if self._doubted:
            self.open()
        if origin != self._origin:
            self._origin = origin
            self._written.clear()
        entry = self._entries.get(origin) or self._begin(origin)
        waiting = [delivery for delivery in deliveries if delivery.sequence > entry.sequence]
        sequences = [delivery.sequence for delivery in waiting]
        try:
            for delivery in waiting:
                if delivery.sequence not in self._written:
                    self._take(delivery, entry.number, sequences)
            self._flush(sequences)
            self._mark(sequences)
        except BaseException:
            self._lines, self._owners = [], []
            self._whole.clear()
            self._doubted = True
            raise
        for sequence in sequences:
            written = self._written.get(sequence)
            if written is not None and written.faults:
                raise PoisonRecord(sequence, written.problem, samples=len(written.faults))

    def _begin(self, origin: str) -> Entry:
        """Enter an origin that the ledger does not have, before a sample names it."""
        self._entries = ledger.read(self._querier, self._settings.measurement) | self._entries
        numbers = [entry.number for entry in self._entries.values()]
        entry = self._entries.get(origin) or Entry(origin, max(numbers, default=0) + 1, 0, 0)
        self._enter(entry)
        return entry

    def _enter(self, entry: Entry) -> None:
        expired = self._posting.expired
        if self._posting.post([ledger.line(self._settings.measurement, entry)]) or self._posting.expired > expired:
            problem = "does not take what is kept about an origin (is this machine's clock right?)"
            message = f"InfluxDB at {self.connection.peer} {problem}"
            raise StoreUnavailable(message)
        self._entries[entry.origin] = entry

    def _take(self, delivery: Delivery, number: int, sequences: Sequence[int]) -> None:
        written = _Written(sum(map(len, delivery.blocks)))
        blocks: list[SampleBlock] = []
        for block in delivery.blocks:
            within, faults = within_reach(block)
            written.faults.extend(faults)
            if within is not None:
                blocks.append(within)
        plan = self._ordinals.plan(blocks)
        if plan.times:
            self._flush(sequences)
        record = record_of(number, delivery.sequence)
        for block, ordinals in zip(blocks, self._ordinals.give(plan, record), strict=True):
            lines, faults = self._writer.write(block, ordinals, self._lane, record)
            written.faults.extend(faults)
            self._add(lines, written, sequences)
        self._whole[delivery.sequence] = written

    def _add(self, lines: Sequence[str], written: _Written, sequences: Sequence[int]) -> None:
        start = 0
        while start < len(lines):
            if len(self._lines) >= self._settings.lines:
                self._flush(sequences)
            self._owners.append((len(self._lines), written))
            part = lines[start : start + self._settings.lines - len(self._lines)]
            self._lines.extend(part)
            start += len(part)

    def _flush(self, sequences: Sequence[int]) -> None:
        """Write what waits, and with it how far it was before."""
        entry = self._reached(sequences)
        lines = self._lines
        count = len(lines)
        if entry is not None and count:
            lines.append(ledger.line(self._settings.measurement, entry))
        for refusal in self._posting.post(lines):
            if refusal.place >= count:
                message = f"InfluxDB at {self.connection.peer} does not take how far the history is: {refusal.reason}"
                raise StoreUnavailable(message)
            place = bisect_right(self._owners, refusal.place, key=lambda owner: owner[0]) - 1
            self._owners[place][1].faults.append(refusal.reason)
        if entry is not None and count:
            self._marked(entry)
        self._lines, self._owners = [], []
        self._written.update(self._whole)
        self._whole.clear()

    def _mark(self, sequences: Sequence[int]) -> None:
        """Enter how far it is."""
        entry = self._reached(sequences)
        if entry is not None:
            self._enter(entry)
            self._marked(entry)

    def _reached(self, sequences: Sequence[int]) -> Entry | None:
        """Give the entry that is due: up to the last record before one that is not written, or not wholly."""
        entry = self._entries[self._origin]
        reached, samples = entry.sequence, 0
        for sequence in sequences:
            written = self._written.get(sequence)
            if sequence <= entry.sequence:
                continue
            if written is None or written.faults:
                break
            reached = sequence
        if reached == entry.sequence:
            return None
        for sequence, written in self._written.items():
            if sequence <= reached:
                samples += written.samples - len(written.faults)
        return replace(entry, sequence=reached, samples=entry.samples + samples)

    def _marked(self, entry: Entry) -> None:
        self._entries[entry.origin] = entry
        for sequence in [sequence for sequence in self._written if sequence <= entry.sequence]:
            del self._written[sequence]

    def _probe(self) -> str:
        entry = self._entries.get(self._origin) or Entry("probe", 0, 0, 0)
        return ledger.line(self._settings.measurement, entry)
