"""Counts samples by point, a column at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from historian import chunks
from historian.encoding import DamagedData
from historian.samples import IndexArray


class Tally:
    """How many samples of each point, by the ids of a file's point dictionary. For one thread."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._counts = np.zeros(0, np.int64)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many samples by point id (int64[highest id seen + 1])."""
        return self._counts

    def add(self, points: IndexArray, counts: IndexArray) -> None:
        """Add ``counts`` samples of ``points``, each of which is named once."""
        if not len(points):
            return
        highest = int(points.max())
        if highest >= len(self._counts):
            grown = np.zeros(max(highest + 1, 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        self._counts[points] += counts

    def add_payload(self, payload: bytes) -> None:
        """Add what a payload holds, without inflating it; of a damaged one what comes before the damage."""
        try:
            for chunk in chunks.read(payload):
                self.add(chunk.points, chunk.counts)
        except DamagedData:
            return
