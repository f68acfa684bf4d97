from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from server.demo.devices.filling_line import FAULT_EVERY, FAULT_LASTS, FIRST_FAULT, JAM, NO_COOLING, FillingLine, State

STEP = 0.05


@pytest.fixture
def line() -> FillingLine:
    return FillingLine(random.Random(1))


def _run(line: FillingLine, seconds: float, each: Callable[[], None] = lambda: None) -> None:
    for _ in range(round(seconds / STEP)):
        line.step(STEP)
        each()


def test_it_starts_by_itself_and_reaches_its_setpoint(line: FillingLine) -> None:
    states: list[State] = []
    _run(line, 10.0, lambda: states.append(line.state))
    assert list(dict.fromkeys(states)) == [State.STARTING, State.RUNNING]
    assert line.speed == pytest.approx(300.0)
    assert line.running


def test_bottles_are_counted_at_the_speed(line: FillingLine) -> None:
    _run(line, 10.0)
    before = line.filled
    _run(line, 20.0)
    assert line.filled - before == pytest.approx(100, abs=1)


def test_the_setpoint_is_followed(line: FillingLine) -> None:
    line.setpoint = 450.0
    _run(line, 15.0)
    assert line.speed == pytest.approx(450.0)


def test_without_the_command_it_stops_and_takes_little_power(line: FillingLine) -> None:
    _run(line, 10.0)
    busy = line.power
    line.run = False
    _run(line, 10.0)
    assert (line.state, line.speed, line.running) == (State.STOPPED, 0.0, False)
    assert line.power < busy / 2


def test_the_level_is_a_saw_tooth_that_the_flow_fills(line: FillingLine) -> None:
    levels: list[float] = []
    _run(line, 55.0, lambda: levels.append(line.level))
    assert 40.0 < min(levels) < 46.0
    assert 79.0 < max(levels) < 85.0


def test_faults_come_when_they_are_announced_and_go(line: FillingLine) -> None:
    _run(line, FIRST_FAULT - 1.0)
    assert line.fault == 0
    calm, load = line.temperature, line.current
    _run(line, 2.0)
    assert (line.state, line.fault) == (State.FAULTED, JAM)
    _run(line, FAULT_LASTS - 3.0)
    assert line.temperature > calm + 8.0
    assert line.current > 2 * load
    assert not line.running
    _run(line, 4.0)
    assert (line.state, line.fault) == (State.STARTING, 0)
    _run(line, FAULT_EVERY - FAULT_LASTS - 1.0)
    assert (line.state, line.fault) == (State.FAULTED, NO_COOLING)


def test_a_reset_ends_a_fault_early(line: FillingLine) -> None:
    _run(line, FIRST_FAULT + 1.0)
    line.reset()
    _run(line, 1.0)
    assert (line.state, line.fault) == (State.STARTING, 0)


def test_a_reset_without_a_fault_does_nothing(line: FillingLine) -> None:
    _run(line, 10.0)
    line.reset()
    assert line.state is State.RUNNING


def test_a_stopped_line_has_no_faults(line: FillingLine) -> None:
    line.run = False
    faults: set[int] = set()
    _run(line, FIRST_FAULT + FAULT_EVERY + 5.0, lambda: faults.add(line.fault))
    assert faults == {0}


def test_everything_stays_in_the_ranges_that_the_model_gives(line: FillingLine) -> None:
    def within() -> None:
        assert 0 <= line.temperature <= 120
        assert 0 <= line.pressure <= 10
        assert 0 <= line.level <= 100
        assert 0 <= line.flow <= 200
        assert 0 <= line.speed <= 600
        assert 0 <= line.belt <= 1.5
        assert 0 <= line.current <= 20
        assert 0 < line.power < 60_000

    line.setpoint = 600.0
    _run(line, 600.0, within)
