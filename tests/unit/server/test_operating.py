from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from analytics.contract import OperatorOutput, OutputColumn
from analytics.definitions import Value
from core.batch import Samples
from core.quality import Status
from tests.unit.server.operated import ANOMALY, INPUT, MINIMUM, OTHER, SCORE, THRESHOLD, WINDOW, Operated
from tests.waiting import until

QUIET = (10.0, 10.5, 9.5, 10.2, 9.8, 10.1, 9.9)


async def test_parameters_are_shown_and_each_input_sample_makes_one_of_each_output() -> None:
    plant = Operated()
    await plant.runner.start()
    assert [plant.image.read(slot).value for slot in (WINDOW, THRESHOLD, MINIMUM)] == [20, 3.5, 5]
    plant.put(*QUIET)
    moment = plant.put(50.0, slots=(OTHER, INPUT))
    await until(lambda: len(plant.shown) == len(QUIET) + 1)
    await plant.runner.stop()
    assert [status for _, _, status in plant.shown] == [Status.UNCERTAIN_INITIAL_VALUE] * 5 + [Status.GOOD] * 3
    assert [anomaly for _, anomaly, _ in plant.shown] == [False] * 7 + [True]
    assert plant.image.read(SCORE).value == plant.shown[-1][0] > 3.5
    assert plant.image.read(ANOMALY).source_time == moment


async def test_only_inputs_are_taken() -> None:
    plant = Operated()
    await plant.runner.start()
    plant.put(1.0, 2.0, slots=(OTHER,))
    await plant.runner.stop()
    assert plant.runner.tap.counters.offered == 0
    assert not plant.shown


async def test_what_waits_is_finished_at_the_stop_and_nothing_is_taken_afterwards() -> None:
    plant = Operated()
    await plant.runner.start()
    plant.put(*QUIET)
    await plant.runner.stop()
    await plant.runner.stop()
    assert len(plant.shown) == len(QUIET)
    plant.put(1.0)
    assert plant.runner.tap.counters.offered == len(QUIET)


async def test_stop_before_start_is_safe() -> None:
    await Operated().runner.stop()


async def test_the_inputs_quality_is_the_outputs() -> None:
    plant = Operated()
    await plant.runner.start()
    plant.put(*QUIET)
    plant.put(10.0, status=Status.UNCERTAIN_LAST_USABLE_VALUE)
    plant.put(10.0, status=Status.BAD_NO_COMMUNICATION)
    await plant.runner.stop()
    assert [status for _, _, status in plant.shown[-2:]] == [
        Status.UNCERTAIN_LAST_USABLE_VALUE,
        Status.BAD_NO_COMMUNICATION,
    ]


async def test_a_parameter_is_set_and_all_are_shown_anew() -> None:
    plant = Operated()
    await plant.runner.start()
    assert plant.runner.set_parameter(WINDOW, 40) == Status.GOOD
    assert plant.runner.set_parameter(THRESHOLD, 7.0) == Status.GOOD
    assert [plant.image.read(slot).value for slot in (WINDOW, THRESHOLD, MINIMUM)] == [40, 7.0, 5]
    await plant.runner.stop()


@pytest.mark.parametrize(
    ("slot", "value", "status"),
    [
        (WINDOW, 2, Status.BAD_OUT_OF_RANGE),
        (WINDOW, 10_001, Status.BAD_OUT_OF_RANGE),
        (WINDOW, 4, Status.BAD_OUT_OF_RANGE),
        (MINIMUM, 21, Status.BAD_OUT_OF_RANGE),
        (THRESHOLD, 0.0, Status.BAD_OUT_OF_RANGE),
        (THRESHOLD, float("nan"), Status.BAD_OUT_OF_RANGE),
        (THRESHOLD, "7", Status.BAD_TYPE_MISMATCH),
    ],
)
async def test_a_refused_parameter_changes_nothing(slot: int, value: object, status: int) -> None:
    plant = Operated()
    await plant.runner.start()
    assert plant.runner.set_parameter(slot, value) == status
    assert [plant.image.read(each).value for each in (WINDOW, THRESHOLD, MINIMUM)] == [20, 3.5, 5]
    await plant.runner.stop()


class Faulty:
    """An operator that raises, or whose output has the wrong shape, until it is told to work."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def process(self, samples: Samples) -> OperatorOutput:
        if self.fault == "raises":
            message = "no idea"
            raise ZeroDivisionError(message)
        count = len(samples)
        status = np.zeros(count, np.uint32)
        score = OutputColumn(np.ones(count), status, samples.source_time)
        anomaly = OutputColumn(np.zeros(count, np.bool_), status, samples.source_time)
        return OperatorOutput((score, anomaly) if self.fault == "" else (score,))

    def parameters(self) -> Mapping[str, Value]:
        return {"Window": 20, "Threshold": 3.5, "MinimumSamples": 5}

    def set_parameter(self, name: str, value: object) -> None:
        del name, value

    async def call(self, method: str, arguments: Sequence[object]) -> tuple[Value, ...]:
        del method, arguments
        return ()


@pytest.mark.parametrize("fault", ["raises", "gives one column too few"])
async def test_an_operators_fault_is_its_outputs_quality_and_ends_when_it_works_again(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    operator = Faulty(fault)
    plant = Operated(operator)
    await plant.runner.start()
    plant.put(1.0, 2.0, 3.0)
    await until(lambda: plant.image.read(ANOMALY).status == Status.BAD_INTERNAL_ERROR)
    assert plant.image.read(SCORE).status == Status.BAD_INTERNAL_ERROR
    operator.fault = ""
    plant.put(4.0)
    await until(lambda: plant.image.read(SCORE).status == Status.GOOD)
    await plant.runner.stop()
    assert caplog.text.count("the operator watch failed") == 1


async def test_a_flood_is_bounded_and_counted() -> None:
    plant = Operated()
    plant.runner.tap.capacity = 3
    await plant.runner.start()
    plant.put(*QUIET)
    await plant.runner.stop()
    assert plant.runner.tap.counters.dropped == len(QUIET) - 3
    assert len(plant.shown) == 3
