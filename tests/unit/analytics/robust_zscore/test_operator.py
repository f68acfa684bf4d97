from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.contract import OperatorContext
from analytics.definitions import OperatorRefused
from analytics.robust_zscore.operator import RobustZScore
from analytics.robust_zscore.score import SCORE_LIMIT
from analytics.robust_zscore.settings import RobustZScoreSettings
from core.quality import Status, is_bad, worst
from tests.conformance.operator import noise, samples_of

STATUSES = st.sampled_from(
    [
        Status.GOOD,
        Status.GOOD_CLAMPED,
        Status.UNCERTAIN,
        Status.UNCERTAIN_LAST_USABLE_VALUE,
        Status.BAD_SENSOR_FAILURE,
    ]
)
VALUES = st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=True, allow_infinity=True))


def operator_of(window: int = 8, minimum_samples: int = 4, threshold: float = 3.5) -> RobustZScore:
    settings = RobustZScoreSettings(
        operator="robust-zscore", input="i=1", window=window, minimum_samples=minimum_samples, threshold=threshold
    )
    return RobustZScore(settings, OperatorContext("watch", {"Input": 10}))


def plain_score(value: float, window: Sequence[float]) -> float:
    """The definition, recomputed from the whole window."""
    median = statistics.median(window)
    deviations = [abs(member - median) for member in window]
    spread = statistics.median(deviations) / 0.6745 or 1.253314 * (math.fsum(deviations) / len(window))
    if value == median:
        return 0.0
    score = (value - median) / spread if spread else math.copysign(math.inf, value - median)
    return min(max(score, -SCORE_LIMIT), SCORE_LIMIT)


@given(st.integers(3, 9), st.lists(st.tuples(VALUES, STATUSES), max_size=60))
def test_it_does_what_the_plain_model_does(window: int, stream: list[tuple[float, Status]]) -> None:
    operator = operator_of(window, minimum_samples=3)
    kept: list[float] = []
    expected: list[tuple[float, bool, int]] = []
    for value, status in stream:
        if is_bad(status):
            expected.append((0.0, False, status))
        elif not math.isfinite(value) or abs(value) > 1e300:
            expected.append((0.0, False, Status.BAD_OUT_OF_RANGE))
        else:
            score = plain_score(value, kept[-window:]) if len(kept) >= 3 else 0.0
            carried = status if len(kept) >= 3 else worst(status, Status.UNCERTAIN_INITIAL_VALUE)
            expected.append((score, abs(score) > 3.5, carried))
            if status is not Status.UNCERTAIN_LAST_USABLE_VALUE:
                kept.append(value)
    samples = samples_of([value for value, _ in stream], status=[status for _, status in stream])
    score, anomaly = operator.process(samples).columns
    assert score.values.tolist() == pytest.approx([row[0] for row in expected], rel=1e-12)
    assert anomaly.values.tolist() == [row[1] for row in expected]
    assert score.status.tolist() == anomaly.status.tolist() == [row[2] for row in expected]


async def test_evaluate_gives_what_the_next_sample_would_get_and_does_not_add_it() -> None:
    operator = operator_of()
    operator.process(samples_of(noise(20)))
    first = await operator.call("Evaluate", [90.0])
    assert await operator.call("Evaluate", [90]) == first
    score, anomaly = operator.process(samples_of([90.0])).columns
    assert first == (score.values[0], anomaly.values[0]) == (pytest.approx(first[0]), True)
    assert await operator.call("Evaluate", [90.0]) != first


async def test_evaluate_before_the_window_is_filled_is_refused() -> None:
    operator = operator_of(minimum_samples=4)
    operator.process(samples_of([1.0, 2.0, 3.0]))
    with pytest.raises(OperatorRefused, match="3 samples and scores from MinimumSamples = 4") as refusal:
        await operator.call("Evaluate", [1.0])
    assert refusal.value.status == Status.BAD_INVALID_STATE


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.1e300])
async def test_evaluate_refuses_what_is_no_number(value: float) -> None:
    operator = operator_of()
    operator.process(samples_of(noise(20)))
    with pytest.raises(OperatorRefused) as refusal:
        await operator.call("Evaluate", [value])
    assert (refusal.value.status, refusal.value.arguments) == (Status.BAD_INVALID_ARGUMENT, (Status.BAD_OUT_OF_RANGE,))


def test_an_anomaly_enters_the_window_so_that_a_new_level_becomes_normal() -> None:
    operator = operator_of(window=8)
    operator.process(samples_of([1.0, 2.0] * 8))
    _, anomaly = operator.process(samples_of([101.0, 102.0] * 8)).columns
    assert anomaly.values[0]
    assert not anomaly.values[-1]


def test_a_value_told_again_while_the_device_is_silent_is_scored_and_does_not_enter() -> None:
    operator = operator_of()
    operator.process(samples_of(noise(20)))
    silent = samples_of([90.0] * 20, status=Status.UNCERTAIN_LAST_USABLE_VALUE)
    score, anomaly = operator.process(silent).columns
    assert set(score.values.tolist()) == {score.values[0]}
    assert anomaly.values.all()
    assert set(score.status.tolist()) == {Status.UNCERTAIN_LAST_USABLE_VALUE}


def test_info_bits_of_the_input_are_not_carried() -> None:
    operator = operator_of()
    operator.process(samples_of(noise(20)))
    limit_high = Status.UNCERTAIN | 0x0600
    score, _ = operator.process(samples_of([50.0], status=limit_high)).columns
    assert score.status.tolist() == [Status.UNCERTAIN]


def test_a_constant_signal_is_no_anomaly_until_it_moves() -> None:
    score, anomaly = operator_of().process(samples_of([5.0] * 10 + [5.1])).columns
    assert score.values.tolist() == [0.0] * 10 + [SCORE_LIMIT]
    assert anomaly.values.tolist() == [False] * 10 + [True]


def test_a_new_threshold_holds_from_the_next_sample_on() -> None:
    operator = operator_of(threshold=1000.0)
    operator.process(samples_of([1.0, 2.0] * 8))
    before = operator.process(samples_of([20.0])).columns[1]
    operator.set_parameter("Threshold", 2)
    assert operator.parameters()["Threshold"] == 2.0
    assert not before.values[0]
    assert operator.process(samples_of([20.0])).columns[1].values[0]


def test_a_shorter_window_keeps_the_latest_values() -> None:
    operator = operator_of(window=8, minimum_samples=3)
    operator.process(samples_of([0.0] * 5 + [7.0, 8.0, 9.0]))
    operator.set_parameter("Window", 3)
    assert operator.process(samples_of([8.0])).columns[0].values.tolist() == [0.0]


def test_more_minimum_samples_than_held_make_outputs_uncertain_again() -> None:
    operator = operator_of(window=8, minimum_samples=3)
    operator.process(samples_of([1.0, 2.0, 3.0]))
    operator.set_parameter("MinimumSamples", 8)
    assert operator.process(samples_of([4.0])).columns[0].status.tolist() == [Status.UNCERTAIN_INITIAL_VALUE]


@pytest.mark.parametrize(("name", "value"), [("Window", 3), ("MinimumSamples", 9)])
def test_a_window_shorter_than_minimum_samples_is_refused(name: str, value: int) -> None:
    operator = operator_of(window=8, minimum_samples=4)
    with pytest.raises(OperatorRefused, match="does not go with Window = 8 and MinimumSamples = 4") as refusal:
        operator.set_parameter(name, value)
    assert refusal.value.status == Status.BAD_OUT_OF_RANGE
    assert operator.parameters() == {"Window": 8, "Threshold": 3.5, "MinimumSamples": 4}
