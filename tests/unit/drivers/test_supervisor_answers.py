"""A device that answers and gives no values: what its health, LastError and the log say."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from core.batch import Batch
from core.quality import Status
from drivers.health import DeviceHealth, HealthChange
from drivers.supervision.diagnostics import State
from tests.unit.drivers.supervised import Rig, lost, rig_of, running

DEAD = Status.BAD_NO_COMMUNICATION
WRONG = Status.BAD_CONFIGURATION_ERROR
NORMAL, FAILURE, ATTEND = DeviceHealth.NORMAL, DeviceHealth.FAILURE, DeviceHealth.MAINTENANCE_REQUIRED


def changes(rig: Rig) -> list[HealthChange]:
    told: list[HealthChange] = []
    rig.supervisor.on_health(told.append)
    return told


def last_error(rig: Rig) -> str:
    return rig.supervisor.diagnostics().last_error


@pytest.mark.parametrize("scans", [(0.1,), (0.1, 0.1), (0.1, 0.5, 2.0)])
async def test_a_device_that_refuses_everything_is_a_failure_and_says_why(scans: tuple[float, ...]) -> None:
    rig = rig_of(scans=scans)
    rig.script.status, rig.script.words = DEAD, "the unit does not answer (exception 0B)"
    told = changes(rig)
    async with running(rig):
        await rig.clock.advance(5)
        assert [change.after for change in told] == [FAILURE], "never NORMAL in between"
        assert "the unit does not answer (exception 0B)" in told[0].reason
        assert last_error(rig).startswith("device: it answers, but every value is Bad: BadNoCommunication, the unit")
        assert rig.supervisor.state is State.RUNNING, "the link is up; nothing is gained by dropping it"
        assert rig.status() == DEAD
        assert rig.supervisor.diagnostics().reconnects == 0


async def test_a_status_code_without_words_is_named_alone() -> None:
    rig = rig_of()
    rig.script.status = DEAD
    async with running(rig):
        assert "every value is Bad: BadNoCommunication (" in last_error(rig)


async def test_a_refused_group_beside_a_sound_one_asks_for_attention_and_is_named() -> None:
    rig = rig_of(scans=(0.1, 0.5, 0.5))
    rig.script.refused, rig.script.words = {0.5: WRONG}, "no such address (exception 02)"
    told = changes(rig)
    async with running(rig):
        await rig.clock.advance(5)
        assert [change.after for change in told] == [ATTEND]
        expected = (
            "device: no value of the 2 points scanned every 0.5 s (address and others): "
            "BadConfigurationError, no such address (exception 02)"
        )
        assert last_error(rig).startswith(expected)
        assert rig.statuses() == [Status.GOOD, WRONG, WRONG]


async def test_of_several_refused_groups_the_fastest_is_named_always() -> None:
    rig = rig_of(scans=(0.1, 0.3, 0.5))
    rig.script.refused = {0.3: WRONG, 0.5: DEAD}
    async with running(rig):
        for _ in range(20):
            await rig.clock.advance(0.1)
            assert "the one point scanned every 0.3 s (address): BadConfigurationError" in last_error(rig)


async def test_one_bad_point_shows_that_itself_and_the_device_is_normal() -> None:
    rig = rig_of(scans=(0.1, 0.1))
    moment = rig.clock.now()
    slots = np.array([0, 1], np.int32)
    one_bad = np.array([WRONG, 0], np.uint32)
    rig.script.answer = [Batch(slots, np.zeros(2), one_bad, moment, moment)]
    rig.script.answers_wrong = True
    async with running(rig):
        assert rig.supervisor.health is NORMAL
        assert last_error(rig) == ""
        rig.script.answer = [
            Batch(slots[:1], np.zeros(1), WRONG, moment, moment),
            Batch(slots[1:], np.zeros(1), one_bad[:1], moment, moment),
        ]
        await rig.clock.advance(0.1)
        assert rig.supervisor.health is FAILURE
        rig.script.answer = []
        await rig.clock.advance(0.1)
        assert rig.supervisor.health is NORMAL, "an empty answer refuses nothing"


async def test_recovery_is_told_at_once_and_the_last_error_stays(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(scans=(0.1, 0.5))
    told = changes(rig)
    with caplog.at_level(logging.INFO, "plantspace.devices"):
        async with running(rig):
            await rig.clock.advance(60)
            rig.script.status = DEAD
            await rig.clock.advance(0.5)
            assert rig.supervisor.health is FAILURE
            await rig.clock.advance(60)
            rig.script.status = 0
            await rig.clock.advance(0.5)
            assert rig.supervisor.health is NORMAL
            assert "BadNoCommunication" in last_error(rig)
            assert rig.status() == Status.GOOD
    # The first of the two groups to be scanned turns the device to one that needs attention; the second decides.
    assert [change.after for change in told[:-1]] == [NORMAL, ATTEND, FAILURE, ATTEND, NORMAL]
    assert len(caplog.records) == len(told[1:-1]), "each change once"
    assert caplog.messages[-1] == "device device: answers again"


async def test_flapping_is_told_ever_more_seldom_and_ends_in_normal(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(scans=(0.1,), settings={"retry": "1s", "retry_longest": "30s"})
    told = changes(rig)
    with caplog.at_level(logging.INFO, "plantspace.devices"):
        async with running(rig):
            for number in range(1000):
                rig.script.status = DEAD if number % 2 else 0
                await rig.clock.advance(0.1)
            assert [change.after for change in told] == [NORMAL, FAILURE, NORMAL, FAILURE]
            assert len(caplog.records) == 3
            rig.script.status = 0
            await rig.clock.advance(0.8)
            assert rig.supervisor.health is FAILURE
            await rig.clock.advance(0.4)
            assert rig.supervisor.health is NORMAL
            told.clear()
            for number in range(60):  # to and fro every 5 s, 5 minutes long
                rig.script.status = 0 if number % 2 else DEAD
                await rig.clock.advance(5)
            assert len(told) < 12
            assert rig.supervisor.health is FAILURE
            rig.script.status = 0
            await rig.clock.advance(31)
            assert rig.supervisor.health is NORMAL


async def test_a_lasting_refusal_is_logged_once_though_its_words_change(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(scans=(0.1,))
    rig.script.status = DEAD
    with caplog.at_level(logging.INFO, "plantspace.devices"):
        async with running(rig):
            for number in range(100):
                rig.script.words = f"exception {number % 2}"
                await rig.clock.advance(0.1)
                assert f"exception {number % 2}" in last_error(rig)
    assert len(caplog.records) == 1


async def test_a_lost_link_is_told_over_a_refusal_and_a_refusal_over_a_new_link() -> None:
    rig = rig_of(scans=(0.1,))
    rig.script.status = DEAD
    told = changes(rig)
    async with running(rig):
        rig.script.read = lost("cable pulled")
        await rig.clock.advance(0.2)
        assert last_error(rig).endswith("cable pulled")
        assert rig.supervisor.state is State.BACKOFF
        rig.script.read = None
        await rig.clock.advance(2)
        assert rig.supervisor.state is State.RUNNING
        assert "BadNoCommunication" in last_error(rig)
        rig.script.read = lost("cable pulled")
        await rig.clock.advance(0.2)
        rig.script.read, rig.script.status = None, 0
        await rig.clock.advance(2)
        assert [change.after for change in told] == [FAILURE, NORMAL]


async def test_a_link_that_breaks_before_all_groups_were_read_never_is_normal() -> None:
    rig = rig_of(scans=(0.1, 0.5))
    told = changes(rig)

    def break_at_the_slow_group() -> None:
        rig.script.read = lost("no answer") if rig.script.reads[-1][1] == 0.5 else None

    rig.script.reading = break_at_the_slow_group
    async with running(rig):
        await rig.clock.advance(20)
        assert [change.after for change in told] == [FAILURE]


async def test_a_slow_device_with_a_refused_group_is_off_spec_first() -> None:
    rig = rig_of(scans=(0.1, 0.5))
    rig.script.refused = {0.5: WRONG}
    told = changes(rig)

    def too_slow() -> None:
        rig.clock.seconds += 0.35

    async with running(rig):
        rig.script.reading = too_slow
        await rig.clock.advance(2)
        assert rig.supervisor.health is DeviceHealth.OFF_SPEC
        rig.script.reading = None
        await rig.clock.advance(3)
        assert [change.after for change in told] == [ATTEND, DeviceHealth.OFF_SPEC, ATTEND]
        rig.script.refused = {}
        rig.script.status = DEAD
        rig.script.reading = too_slow
        await rig.clock.advance(5)
        assert told[-1].after is FAILURE, "the pace of a device without values is no matter"


async def test_writes_still_go_to_a_device_that_refuses_its_reads() -> None:
    rig = rig_of(scans=(0.1,))
    rig.script.status = DEAD
    async with running(rig):
        assert await rig.supervisor.write(rig.points[0], 3.0) == Status.GOOD_COMPLETES_ASYNCHRONOUSLY
        assert rig.script.written == [(0, 3.0)]


async def test_a_driver_that_fails_to_explain_is_tried_again() -> None:
    rig = rig_of(scans=(0.1,))
    rig.script.status, rig.script.explain = DEAD, KeyError("no such part")
    async with running(rig):
        assert rig.supervisor.state is State.BACKOFF
        assert rig.supervisor.health is FAILURE
        rig.script.explain = None
        await rig.clock.advance(2)
        assert rig.supervisor.state is State.RUNNING


async def test_what_the_driver_counts_is_shown() -> None:
    rig = rig_of(scans=(0.1,))
    async with running(rig):
        counters = rig.supervisor.driver_counters
        counters.request_errors, counters.late_replies = 7, 3
        known = rig.supervisor.diagnostics()
        assert (known.request_errors, known.late_replies) == (7, 3)
