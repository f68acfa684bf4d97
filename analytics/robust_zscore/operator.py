"""The operator: samples in, score and anomaly out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from analytics.contract import OperatorContext, OperatorOutput, OutputColumn
from analytics.definitions import ArgumentDefinition, MethodDefinition, OperatorRefused, Value
from analytics.robust_zscore.parameters import MINIMUM_SAMPLES, PARAMETERS, THRESHOLD, WINDOW
from analytics.robust_zscore.score import LARGEST_VALUE, robust_score
from analytics.robust_zscore.settings import RobustZScoreSettings
from analytics.robust_zscore.window import SortedWindow
from core.batch import Samples
from core.datatypes import DataType
from core.quality import Status, is_bad, worst

EVALUATE = MethodDefinition(
    "Evaluate",
    "Scores a value against the present window and leaves the window as it is",
    (ArgumentDefinition("Value", DataType.DOUBLE, "The value to score, in the input's unit"),),
    (
        ArgumentDefinition("Score", DataType.DOUBLE, "Distance from the median in robust standard deviations"),
        ArgumentDefinition("Anomaly", DataType.BOOLEAN, "Whether the score's magnitude is greater than Threshold"),
    ),
)
RESET = MethodDefinition("Reset", "Forgets the window; scoring begins anew after MinimumSamples")
METHODS = (EVALUATE, RESET)

_CODE = 0xFFFF0000
"""A StatusCode without its info bits (Part 4 v1.05 7.39.1): limit and overflow bits tell of the input's own value."""
_REPEATED = frozenset(
    {Status.UNCERTAIN_LAST_USABLE_VALUE, Status.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE},
)
"""With these a value is an old one told again, no new measurement (Part 8 v1.05 6.3.2)."""


class RobustZScore:
    """Scores each sample against the window of those before it, then takes it into the window."""

    def __init__(self, settings: RobustZScoreSettings, context: OperatorContext) -> None:
        """Begin with an empty window."""
        self._name = context.name
        self._window = SortedWindow(settings.window)
        self._threshold = settings.threshold
        self._minimum_samples = settings.minimum_samples

    def process(self, samples: Samples) -> OperatorOutput:
        """Score samples of the input, oldest first. An anomaly enters the window too, or it would never adapt."""
        count = len(samples)
        scores = np.zeros(count, np.float64)
        statuses = np.empty(count, np.uint32)
        values: list[float] = samples.values.astype(np.float64).tolist()
        for place, (value, status) in enumerate(zip(values, samples.status.tolist(), strict=True)):
            scores[place], statuses[place] = self._take(value, status & _CODE)
        anomalies = np.abs(scores) > self._threshold
        return OperatorOutput(
            (
                OutputColumn(scores, statuses, samples.source_time),
                OutputColumn(anomalies, statuses, samples.source_time),
            ),
        )

    def parameters(self) -> Mapping[str, Value]:
        """Give Window, Threshold and MinimumSamples as they are."""
        return {
            WINDOW.name: self._window.capacity,
            THRESHOLD.name: self._threshold,
            MINIMUM_SAMPLES.name: self._minimum_samples,
        }

    def set_parameter(self, name: str, value: object) -> None:
        """Change one parameter. A smaller Window keeps the latest values.

        Raises :class:`~analytics.definitions.OperatorRefused`, also where Window would be less than MinimumSamples.
        """
        definition = next((parameter for parameter in PARAMETERS if parameter.name == name), None)
        if definition is None:
            message = f"{self._name} has no parameter {name!r}; it has {', '.join(p.name for p in PARAMETERS)}"
            raise OperatorRefused(message, Status.BAD_NODE_ID_UNKNOWN)
        accepted = definition.check(value)
        if definition is THRESHOLD:
            self._threshold = float(accepted)
            return
        number = int(accepted)
        if definition is WINDOW:
            self._refuse_unless(self._minimum_samples <= number, f"Window = {number}", "lower MinimumSamples first")
            self._window.resize(number)
        else:
            self._refuse_unless(number <= self._window.capacity, f"MinimumSamples = {number}", "raise Window first")
            self._minimum_samples = number

    async def call(self, method: str, arguments: Sequence[object]) -> tuple[Value, ...]:
        """Carry out Evaluate or Reset. Raises :class:`~analytics.definitions.OperatorRefused`."""
        if method == RESET.name:
            RESET.check(arguments)
            self._window.clear()
            return ()
        if method == EVALUATE.name:
            return self._evaluate(float(EVALUATE.check(arguments)[0]))
        message = f"{self._name} has no method {method!r}; it has {', '.join(known.name for known in METHODS)}"
        raise OperatorRefused(message, Status.BAD_METHOD_INVALID)

    def _take(self, value: float, status: int) -> tuple[float, int]:
        """Give score and StatusCode of one sample, and take it into the window unless it is no measurement."""
        if is_bad(status):
            return 0.0, status
        if not _is_usable(value):
            return 0.0, Status.BAD_OUT_OF_RANGE
        window = self._window
        if len(window) >= self._minimum_samples:
            score = robust_score(value, window)
        else:
            score, status = 0.0, worst(status, Status.UNCERTAIN_INITIAL_VALUE)
        if status not in _REPEATED:
            window.push(value)
        return score, status

    def _evaluate(self, value: float) -> tuple[Value, ...]:
        if not _is_usable(value):
            message = f"Value = {value} cannot be scored; give a number within ±{LARGEST_VALUE:g}"
            raise OperatorRefused(message, Status.BAD_INVALID_ARGUMENT, (Status.BAD_OUT_OF_RANGE,))
        held = len(self._window)
        if held < self._minimum_samples:
            message = f"the window holds {held} samples and scores from MinimumSamples = {self._minimum_samples} on"
            raise OperatorRefused(message, Status.BAD_INVALID_STATE)
        score = robust_score(value, self._window)
        return score, abs(score) > self._threshold

    def _refuse_unless(self, allowed: bool, what: str, mend: str) -> None:  # noqa: FBT001 - reads as the sentence it is
        if not allowed:
            message = (
                f"{what} does not go with Window = {self._window.capacity} and"
                f" MinimumSamples = {self._minimum_samples}; {mend}"
            )
            raise OperatorRefused(message, Status.BAD_OUT_OF_RANGE)


def _is_usable(value: float) -> bool:
    """Tell whether a value can be scored; NaN compares with nothing."""
    return -LARGEST_VALUE <= value <= LARGEST_VALUE
