"""What is measured: the numbers of the gateway's Diagnostics nodes, out of the same books."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from core.time import to_unix
from drivers.health import DeviceHealth
from server.ledger.accounts import DATASET, DEVICE, Account
from server.ledger.bookkeeping import Bookkeeping
from server.metrics.exposition import Family, Labels
from server.plan.plan import Plan, version

_DEVICE_COUNTS: Final = {
    "Acquired": ("device_samples_acquired", "Samples read from the device."),
    "Stored": ("device_samples_stored", "Samples of the device that the history has stored."),
    "Dropped": ("device_samples_dropped", "Samples of the device that were lost."),
    "Gaps": ("device_gaps", "Gaps in the device's samples."),
}
_DATASET_COUNTS: Final = {
    "Acquired": ("dataset_samples_acquired", "Samples taken from the process image."),
    "Sent": ("dataset_samples_sent", "Values put into messages that the outbox has accepted."),
    "Acknowledged": ("dataset_samples_acknowledged", "Values whose message the broker has acknowledged."),
    "Dropped": ("dataset_samples_dropped", "Samples of the DataSet that were lost."),
    "Gaps": ("dataset_gaps", "Gaps in the DataSet's samples."),
}
_COMMANDS: Final = {
    "received": "Commands that came.",
    "done": "Commands that were carried out, in part at least.",
    "refused": "Commands of which nothing was done.",
    "duplicates": "Commands that had come before.",
    "unanswered": "Commands refused amid a flood, without an answer.",
}
_READERS: Final = {
    "messages": "DataSetMessages taken.",
    "written": "Fields written.",
    "refused": "Fields that could not be written.",
    "unreadable": "Messages that could not be read.",
    "unfit": "DataSetMessages made by other metadata than is known.",
    "overrun": "Messages that fell out because too many waited.",
    "stale": "Times that nothing came for too long.",
}
_SUPERVISION: Final = {
    "scans": "Scans begun.",
    "missed_scans": "Scans left out because the one before took too long.",
    "read_errors": "Scans that failed because the link was lost.",
    "reconnects": "Connections after the first.",
}


def families(plan: Plan, books: Bookkeeping) -> Iterator[Family]:
    """Give all metrics as they stand; on the loop's thread, which others may run in between two."""
    name: Labels = (("name", plan.settings.name), ("version", version()))
    yield Family("plantspace", "info", "The gateway.", [(name, 1)])
    yield Family("plantspace_points", "gauge", "Points in the process image.", [((), len(plan.points.points))])
    totals = books.totals()
    for word, text, read in (
        ("acquired", "Samples that came from devices.", totals.acquired),
        ("stored", "Samples that the history has stored.", totals.stored),
        ("published", "Values put into messages that the outbox has accepted.", totals.published),
        ("acknowledged", "Values whose message the broker has acknowledged.", totals.acknowledged),
        ("dropped", "Samples lost.", totals.dropped),
    ):
        yield Family(f"plantspace_samples_{word}", "counter", text, [((), read())])
    places: list[tuple[Labels, float]] = [
        ((("stage", count.place), ("reason", count.reason)), count.samples) for count in books.lost()
    ]
    yield Family("plantspace_stage_samples_dropped", "counter", "Samples lost, by where that was.", places)
    accounts = list(books.ledger.accounts.values())
    for kind, label, names in ((DEVICE, "device", _DEVICE_COUNTS), (DATASET, "dataset", _DATASET_COUNTS)):
        own = [account for account in accounts if account.name.startswith(kind)]
        for count, (word, text) in names.items():
            yield Family(f"plantspace_{word}", "counter", text, [_counted(one, label, count) for one in own])
    yield from _devices(books)
    yield from _storage(books)
    yield from _way_back(books)


def _counted(account: Account, label: str, count: str) -> tuple[Labels, float]:
    return ((label, account.owner),), account.counts[count]()


def _devices(books: Bookkeeping) -> Iterator[Family]:
    supervisors = books.supervisors
    for attribute, text in _SUPERVISION.items():
        counts: list[tuple[Labels, float]] = [
            ((("device", name),), getattr(one.diagnostics(), attribute)) for name, one in supervisors.items()
        ]
        yield Family(f"plantspace_device_{attribute}", "counter", text, counts)
    health: list[tuple[Labels, float]] = [
        ((("device", name), ("health", state.name)), float(one.health is state))
        for name, one in supervisors.items()
        for state in DeviceHealth
    ]
    yield Family("plantspace_device_health", "gauge", "1 for the health that the device has (NE 107), else 0.", health)


def _storage(books: Bookkeeping) -> Iterator[Family]:
    watch, storage = books.storage, books.storage.storage
    for word, text, number in (
        ("history_bytes", "Bytes of the history on disk.", storage.history_bytes),
        ("history_samples", "Raw samples in the history.", storage.history_samples),
        ("history_ingest_samples_per_second", "Samples stored a second, over the last ten seconds.", storage.rate),
        ("outbox_bytes", "Bytes of the outbox on disk.", storage.outbox_bytes),
    ):
        yield Family(f"plantspace_{word}", "gauge", text, [((), number)])
    if storage.oldest:
        text = "When the oldest raw sample was taken, Unix seconds."
        yield Family("plantspace_history_oldest_timestamp_seconds", "gauge", text, [((), to_unix(storage.oldest))])
    sinks: list[tuple[Labels, str]] = [((("sink", sink),), sink) for sink in sorted(storage.backlogs)]
    for word in ("records", "samples", "bytes"):
        waiting = [(labels, float(getattr(storage.backlogs[sink], word))) for labels, sink in sinks]
        text = f"{word.capitalize()} that wait for the sink."
        yield Family(f"plantspace_outbox_backlog_{word}", "gauge", text, waiting)
    ages = [(labels, watch.age(sink)) for labels, sink in sinks]
    yield Family("plantspace_outbox_oldest_record_age_seconds", "gauge", "How long the oldest of them waits.", ages)


def _way_back(books: Bookkeeping) -> Iterator[Family]:
    backs = books.way_backs
    taken = {name: one.counters for name, one in backs.items() if one.counters is not None}
    for attribute, text in _COMMANDS.items():
        counts: list[tuple[Labels, float]] = [
            ((("connection", name),), getattr(one, attribute)) for name, one in taken.items()
        ]
        yield Family(f"plantspace_commands_{attribute}", "counter", text, counts)
    readers = [
        ((("connection", name), ("reader", one)), reader.counters)
        for name, back in backs.items()
        for one, reader in back.readers.items()
    ]
    for attribute, text in _READERS.items():
        yield Family(
            f"plantspace_reader_{attribute}",
            "counter",
            text,
            [(labels, getattr(counters, attribute)) for labels, counters in readers],
        )
