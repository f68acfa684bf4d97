"""An image of one watched point and one operator over it, as the plan makes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from asyncua import ua

from analytics.contract import Operator, OperatorContext
from analytics.robust_zscore.manifest import MANIFEST
from analytics.robust_zscore.settings import RobustZScoreSettings
from core.batch import Batch, Samples
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from server.operating import OperatorRunner
from server.plan.operators import PlannedOperator

INPUT, OTHER, SCORE, ANOMALY, WINDOW, THRESHOLD, MINIMUM = range(7)
_TYPES = (
    ("Input", DataType.FLOAT),
    ("Other", DataType.FLOAT),
    ("Score", DataType.DOUBLE),
    ("Anomaly", DataType.BOOLEAN),
    ("Window", DataType.UINT32),
    ("Threshold", DataType.DOUBLE),
    ("MinimumSamples", DataType.UINT32),
)


class Operated:
    """The parts, with what the runner said of its outputs."""

    def __init__(self, operator: Operator | None = None) -> None:
        self.image = ProcessImage([Point(f"nsu=urn:test;s={name}", datatype) for name, datatype in _TYPES], 10)
        settings = RobustZScoreSettings(operator="robust-zscore", input="/Objects/Input", window=20, minimum_samples=5)
        self.planned = PlannedOperator(
            "watch",
            MANIFEST,
            operator or MANIFEST.make(settings, OperatorContext("watch", {"Input": INPUT})),
            {"Input": INPUT},
            (SCORE, ANOMALY),
            {"Window": WINDOW, "Threshold": THRESHOLD, "MinimumSamples": MINIMUM},
            {},
            ua.NodeId(ua.String("watch"), ua.Int16(1)),
        )
        self.shown: list[tuple[float, bool, int]] = []
        """Score, Anomaly and StatusCode of every sample."""
        self.runner = OperatorRunner(self.planned, self.image, self._show)
        self._moment = 100

    def put(self, *values: float, slots: Sequence[int] = (INPUT,), status: int = 0) -> int:
        """Hand in values, each in a batch of its own; gives the last one's source time."""
        for value in values:
            self._moment += 10
            column = np.full(len(slots), value, np.float32)
            self.image.apply(Batch(np.array(slots, np.int32), column, status, self._moment, self._moment + 1))
        return self._moment

    def _show(self, planned: PlannedOperator, shown: Sequence[Samples]) -> None:
        assert planned is self.planned
        score, anomaly = shown
        assert int(score.status[0]) == int(anomaly.status[0])
        self.shown.append((float(score.values[0]), bool(anomaly.values[0]), int(score.status[0])))
