"""The ledger: one place that knows all counts, for nodes and metrics alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from core.point import Point
from historian.outbox import Outbox
from historian.outbox_tables import Loss as OutboxLoss
from historian.recorder import STREAM
from historian.tally import Tally
from server.ledger.accounts import DATASET, DEVICE, Account, Number
from server.ledger.gaps import Gap, GapLog
from server.losses import Loss, LossCount
from server.pubsub.delivery.streams import is_pubsub

OUTBOX_PLACE: Final = "outbox/"
_UNKNOWN: Final = -1


@dataclass(slots=True)
class Ledger:
    """Accounts, gaps and losses. ``points``: the process image's, by slot; ``counts``: what was lost, everywhere."""

    file: Path
    points: Sequence[Point]
    counts: Callable[[], Iterable[LossCount]]
    accounts: dict[str, Account] = field(default_factory=dict[str, Account])
    gaps: GapLog = field(init=False)
    outbox: Outbox | None = None
    dataset_of: Callable[[str, bytes], str | None] | None = None
    _numbers: dict[str, int] = field(default_factory=dict[str, int])
    """Numbers of devices, as they stand in the next."""
    _number_of: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    """The device's number by the outbox's point."""

    def __post_init__(self) -> None:
        """Keep gaps in the file."""
        self.gaps = GapLog(self.file)

    def open_account(self, name: str, counts: Mapping[str, Number]) -> Account:
        """Begin to count for a device or DataSet; Dropped and Gaps come of themselves."""
        own: dict[str, Number] = {
            **counts,
            "Dropped": lambda: self.dropped(name),
            "Gaps": lambda: self.gaps.begun(name),
        }
        account = self.accounts[name] = Account(name, own)
        return account

    def close_account(self, name: str) -> None:
        """Show a DataSet's counts no more; what it has lost stays among all losses."""
        self.accounts.pop(name, None)

    def dropped(self, account: str) -> int:
        """Count the samples of an account that were lost since the start, wherever that was."""
        return sum(count.shares.get(account, 0) for count in self.counts())

    def tell(self, loss: Loss) -> None:
        """Note gaps; those of the outbox come with their own times (:meth:`outbox_lost`)."""
        if not loss.place.startswith(OUTBOX_PLACE):
            for account, samples in loss.shares.items():
                self.gaps.add(account, Gap(loss.start, loss.end, samples, loss.place, loss.reason))

    def outbox_lost(self, loss: OutboxLoss) -> None:
        """Note gaps where the outbox dropped records; they lie where these had been accepted."""
        place = f"{OUTBOX_PLACE}{loss.stream}"
        for account, samples in loss.shares.items():
            self.gaps.add(account, Gap(loss.first, loss.last, samples, place, f"over the cap in {loss.reason}"))

    def shares(self, stream: str, payload: bytes, samples: int) -> dict[str, int]:
        """Tell whose ``samples`` an outbox record of ``stream`` holds. May be called on any thread."""
        if is_pubsub(stream):
            name = self.dataset_of(stream, payload) if self.dataset_of is not None else None
            return {} if name is None else {f"{DATASET}{name}": samples}
        if stream != STREAM or self.outbox is None:
            return {}
        tally = Tally()
        tally.add_payload(payload)
        ids = np.flatnonzero(tally.counts)
        devices = {point.node: point.device for point in self.points if point.device}
        found: Counter[str] = Counter()
        for node, count in zip(self.outbox.nodes(ids.tolist()), tally.counts[ids].tolist(), strict=True):
            if device := devices.get(node):
                found[f"{DEVICE}{device}"] += count
        return dict(found)

    def by_slot(self, lost: Mapping[int, int]) -> dict[str, int]:
        """Add up by device what is counted by slot."""
        found: Counter[str] = Counter()
        for slot, samples in lost.items():
            if device := self.points[slot].device:
                found[f"{DEVICE}{device}"] += samples
        return dict(found)

    def by_device(self, tally: Tally) -> dict[str, int]:
        """Add up by device what is counted by the outbox's points; on the loop's thread alone."""
        counts = tally.counts
        if self.outbox is None or not len(counts):
            return {}
        if len(self._number_of) < len(counts):
            grown = np.full(len(counts), _UNKNOWN, np.int32)
            grown[: len(self._number_of)] = self._number_of
            self._number_of = grown
        numbers = self._number_of[: len(counts)]
        new = np.flatnonzero((counts > 0) & (numbers == _UNKNOWN)).tolist()
        if new:
            devices = {point.node: point.device for point in self.points if point.device}
            for point, node in zip(new, self.outbox.nodes(new), strict=True):
                device = devices.get(node, "")
                numbers[point] = self._numbers.setdefault(device, len(self._numbers))
        sums = np.bincount(numbers + 1, counts, len(self._numbers) + 1).astype(np.int64).tolist()
        return {f"{DEVICE}{device}": sums[number + 1] for device, number in self._numbers.items() if device}
