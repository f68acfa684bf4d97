from __future__ import annotations

import asyncio
import logging
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.quality import Status
from drivers.health import DeviceHealth, HealthChange
from drivers.supervision.diagnostics import State
from tests.clock import settle
from tests.unit.drivers.supervised import LISTENING, Rig, lost, rig_of, running
from tests.waiting import until


async def test_stop_is_safe_before_start_and_twice() -> None:
    rig = rig_of()
    await rig.supervisor.stop()
    await rig.supervisor.start()
    await rig.supervisor.start()
    await settle()
    assert rig.supervisor.state is State.RUNNING
    await rig.supervisor.stop()
    await rig.supervisor.stop()
    assert rig.supervisor.state is State.STOPPED
    assert len(rig.script.connects) == rig.script.closes == 1
    assert rig.status() == Status.BAD_OUT_OF_SERVICE


async def test_starts_again_after_stop() -> None:
    rig = rig_of()
    async with running(rig):
        pass
    async with running(rig):
        assert rig.status() == Status.GOOD
        assert rig.supervisor.state is State.RUNNING


async def test_start_does_not_wait_for_the_device() -> None:
    rig = rig_of()
    rig.script.hangs.add("connect")
    async with running(rig):
        assert rig.supervisor.state is State.CONNECTING
        assert rig.supervisor.health is DeviceHealth.CHECK_FUNCTION


async def test_restart_connects_again_at_once_whatever_the_state() -> None:
    rig = rig_of()
    rig.script.connect = lost()
    async with running(rig):
        await rig.clock.advance(600)
        assert rig.supervisor.state is State.DEMOTED
        rig.script.connect = None
        before = len(rig.script.connects)
        await rig.supervisor.restart()
        await settle()
        assert len(rig.script.connects) == before + 1
        assert rig.status() == Status.GOOD
        await rig.supervisor.restart()
        await settle()
        assert rig.supervisor.state is State.RUNNING
        assert rig.script.closes == len(rig.script.connects) - 1
    await rig.supervisor.restart()
    await settle()
    assert rig.supervisor.state is State.RUNNING
    await rig.supervisor.stop()


async def test_scans_keep_their_moments_however_long_they_take() -> None:
    rig = rig_of(scans=(0.1,))
    lengths = iter([0.03, 0.09, 0.0, 0.05] * 10)

    def take_time() -> None:
        rig.clock.seconds += next(lengths, 0.01)

    rig.script.reading = take_time
    async with running(rig):
        start = rig.script.reads[0][0]
        await rig.clock.advance(3.0)
        for number, (moment, _) in enumerate(rig.script.reads):
            assert moment == pytest.approx(start + number * 0.1)
        assert rig.supervisor.diagnostics().missed_scans == 0


async def test_missed_scans_are_counted_and_skipped_never_bunched() -> None:
    rig = rig_of(scans=(0.1,))

    def stall_once() -> None:
        if len(rig.script.reads) == 3:
            rig.clock.seconds += 1.05

    rig.script.reading = stall_once
    async with running(rig):
        start = rig.script.reads[0][0]
        await rig.clock.advance(3.0)
        moments = [moment - start for moment, _ in rig.script.reads]
        # The third begins at 0.2 and ends at 1.25: that of 1.2 is late, those of 0.3 to 1.1 are missed.
        assert moments[:6] == pytest.approx([0.0, 0.1, 0.2, 1.25, 1.3, 1.4])
        assert rig.supervisor.diagnostics().missed_scans == 9


async def test_the_faster_group_goes_first_and_does_not_starve_the_slower() -> None:
    rig = rig_of(scans=(0.5, 0.1, 0.1))

    def too_slow() -> None:
        rig.clock.seconds += 0.15

    async with running(rig):
        assert [interval for _, interval in rig.script.reads] == [0.1, 0.5]
        await rig.clock.advance(0.5)
        assert [interval for _, interval in rig.script.reads[-2:]] == [0.1, 0.5]
        rig.script.reading = too_slow
        rig.script.reads.clear()
        await rig.clock.advance(0.1)
        await settle(300)  # each turn moves the clock; the link is never idle
        slow = [moment for moment, interval in rig.script.reads if interval == 0.5]
        assert len(slow) > 10
        assert max(after - before for before, after in pairwise(slow)) < 1.5


async def test_fault_12_schedules_are_monotonic_when_the_wall_clock_jumps() -> None:
    rig = rig_of(scans=(0.1,))
    async with running(rig):
        start = rig.script.reads[0][0]
        for jump in (3600.0, -3600.0, -3600.0, 3600.0):
            rig.clock.jump(jump)
            await rig.clock.advance(1.0)
        assert [moment for moment, _ in rig.script.reads] == pytest.approx([start + n * 0.1 for n in range(41)])
        assert len(rig.batches) == 41
        assert rig.supervisor.diagnostics().missed_scans == 0
        assert not rig.marks
        assert rig.status() == Status.GOOD


@pytest.mark.parametrize("where", ["connect", "read", "plan", "make", "close"])
@pytest.mark.parametrize("error", [lost(), OSError("broken pipe"), ZeroDivisionError("a bug"), KeyError("tag")])
async def test_whatever_a_driver_raises_ends_in_backoff_and_another_try(where: str, error: Exception) -> None:
    rig = rig_of()
    setattr(rig.script, where, error)
    if where == "close":
        rig.script.read = lost("gone")
    async with running(rig):
        assert rig.supervisor.state is State.BACKOFF
        assert rig.supervisor.health is DeviceHealth.FAILURE
        assert rig.supervisor.diagnostics().last_error
        setattr(rig.script, where, None)
        rig.script.read = None
        await rig.clock.advance(2.0)
        assert rig.supervisor.state is State.RUNNING
        assert rig.supervisor.health is DeviceHealth.NORMAL
        assert rig.status() == Status.GOOD


async def test_a_driver_that_cancels_itself_is_a_failure_and_no_end() -> None:
    rig = rig_of()
    rig.script.read = asyncio.CancelledError()
    async with running(rig):
        assert rig.supervisor.state is State.BACKOFF
        rig.script.read = None
        await rig.clock.advance(2.0)
        assert rig.status() == Status.GOOD


async def test_a_driver_is_closed_even_when_stopped_while_closing() -> None:
    rig = rig_of(settings={"timeout": "10s"})
    rig.script.read = lost()
    rig.script.hangs.add("close")
    await rig.supervisor.start()
    await settle()
    assert rig.script.closes == 1
    stopping = asyncio.create_task(rig.supervisor.stop())
    await settle(1)
    rig.script.hangs.clear()
    await stopping
    assert rig.script.closes == 2


@pytest.mark.parametrize("slots", [[99], [0, 99], [-5]])
async def test_slots_that_are_not_the_devices_do_no_harm(slots: list[int]) -> None:
    rig = rig_of(scans=(1.0,))
    moment = rig.clock.now()
    wrong = Batch(np.array(slots, np.int32), np.zeros(len(slots)), 0, moment, moment)
    rig.script.extra = [wrong]
    async with running(rig):
        rig.script.read = lost()
        await rig.clock.advance(2)
        assert rig.status() == Status.UNCERTAIN_LAST_USABLE_VALUE
        rig.script.read = None
        await rig.clock.advance(5)
        assert rig.status() == Status.GOOD


@pytest.mark.parametrize("malformed", [None, [None], [3], 7])
async def test_an_answer_that_is_no_list_of_batches_is_a_failure(malformed: Any) -> None:
    rig = rig_of()
    rig.script.answer = malformed
    rig.script.answers_wrong = True
    async with running(rig):
        assert rig.supervisor.state is State.BACKOFF
        rig.script.answers_wrong = False
        await rig.clock.advance(2)
        assert rig.status() == Status.GOOD


@pytest.mark.parametrize("where", ["connect", "read", "close"])
async def test_a_call_that_hangs_is_ended(where: str) -> None:
    rig = rig_of(settings={"timeout": "50ms"})
    rig.script.hangs.add(where)
    if where == "close":
        rig.script.read = lost()
    async with running(rig):
        await until(lambda: rig.supervisor.state is State.BACKOFF, seconds=30)
        rig.script.hangs.clear()
        rig.script.read = None
        await rig.clock.advance(2.0)
        assert rig.status() == Status.GOOD


async def test_a_dead_device_is_tried_ever_more_seldom_then_demoted_and_comes_back_by_itself() -> None:
    rig = rig_of(settings={"retry_longest": "60s", "demote_after": 4})
    rig.script.connect = lost()
    async with running(rig):
        await rig.clock.advance(20)
        assert rig.supervisor.state is State.DEMOTED
        demoted = len(rig.script.connects)
        assert demoted == 4
        await rig.clock.advance(600)
        waits = [after - before for before, after in pairwise(rig.script.connects[demoted - 1 :])]
        assert len(waits) >= 9
        assert all(54 <= wait <= 66 for wait in waits)
        rig.script.connect = None
        await rig.clock.advance(66)
        assert rig.supervisor.state is State.RUNNING
        rig.script.read = lost()
        await rig.clock.advance(1)
        assert rig.supervisor.state is State.BACKOFF  # having answered, it begins anew


async def test_fault_13_a_thousand_devices_that_come_back_at_once_are_jittered() -> None:
    first = rig_of(scans=(1.0,))
    rigs = [first] + [rig_of(scans=(1.0,), clock=first.clock) for _ in range(999)]
    for rig in rigs:
        await rig.supervisor.start()
    clock = first.clock
    await clock.advance(2.5)
    assert all(rig.supervisor.state is State.RUNNING for rig in rigs)
    for rig in rigs:
        rig.script.read = rig.script.connect = lost("the switch is off")
    await clock.advance(60)
    for rig in rigs:
        assert rig.supervisor.state is not State.RUNNING
        rig.script.connects.clear()
        rig.script.read = rig.script.connect = None
    back = clock.seconds
    await clock.advance(40)
    assert all(rig.supervisor.state is State.RUNNING for rig in rigs)
    assert all(rig.status() == Status.GOOD for rig in rigs)
    tries = sorted(rig.script.connects[0] - back for rig in rigs)
    assert all(len(rig.script.connects) == 1 for rig in rigs)
    busiest = max(sum(1 for moment in tries if tenth <= moment * 10 < tenth + 1) for tenth in range(400))
    assert busiest < 30  # of a thousand, in a tenth of a second
    for rig in rigs:
        await rig.supervisor.stop()


async def test_what_cannot_take_values_does_not_stop_the_scans(caplog: pytest.LogCaptureFixture) -> None:
    rig = rig_of(scans=(0.1,))
    rig.refusal = ValueError("no room")
    with caplog.at_level(logging.ERROR, "plantspace.devices"):
        async with running(rig):
            await rig.clock.advance(1.0)
            known = rig.supervisor.diagnostics()
            assert known.state is State.RUNNING
            assert known.scans == known.publish_errors == known.samples_acquired == 11
            rig.refusal = None
    assert len(caplog.records) == 1


async def test_health_is_told_to_listeners_with_its_reason() -> None:
    rig = rig_of()
    told: list[HealthChange] = []

    def fails(_change: HealthChange) -> None:
        message = "a listener's own fault"
        raise RuntimeError(message)

    rig.supervisor.on_health(fails)
    rig.supervisor.on_health(told.append)
    async with running(rig):
        rig.script.read = lost("cable pulled")
        await rig.clock.advance(3)
        rig.script.read = None
        await rig.clock.advance(10)
    assert [change.after for change in told] == [
        DeviceHealth.NORMAL,
        DeviceHealth.FAILURE,
        DeviceHealth.NORMAL,
        DeviceHealth.CHECK_FUNCTION,
    ]
    assert "cable pulled" in told[1].reason
    assert told[1].before is DeviceHealth.NORMAL
    assert told[1].device == "device"


async def test_a_device_too_slow_for_its_scan_is_off_spec_until_it_keeps_up() -> None:
    rig = rig_of(scans=(0.1,))

    def too_slow() -> None:
        rig.clock.seconds += 0.35

    async with running(rig):
        rig.script.reading = too_slow
        await rig.clock.advance(2)
        assert rig.supervisor.health is DeviceHealth.OFF_SPEC
        rig.script.reading = None
        await rig.clock.advance(2)
        assert rig.supervisor.health is DeviceHealth.NORMAL


async def test_diagnostics_count_what_happened() -> None:
    rig = rig_of(scans=(0.1, 0.1))
    async with running(rig):
        await rig.clock.advance(1.0)
        rig.script.read = lost("gone")
        await rig.clock.advance(0.1)
        rig.script.read = None
        await rig.clock.advance(5.0)
        known = rig.supervisor.diagnostics()
        assert known.reads == known.scans + known.read_errors
        assert known.read_errors == 1
        assert known.reconnects == 1
        assert known.samples_acquired == 2 * known.scans
        assert known.last_error.endswith("gone")
        assert known.state is State.RUNNING


async def test_a_driver_that_never_waits_does_not_hold_up_the_loop() -> None:
    rig = rig_of(scans=(0.1,))

    def forever_late() -> None:
        rig.clock.seconds += 0.2
        if len(rig.script.reads) > 2000:
            rig.script.reading = None

    rig.script.reading = forever_late
    async with running(rig):
        turns = 0
        while rig.script.reading is not None and turns < 10_000:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 1000


class TestListening:
    async def listening(self) -> Rig:
        return rig_of(scans=(1.0, 1.0, 1.0), capabilities=LISTENING)

    async def test_what_is_sent_is_published(self) -> None:
        async with running(await self.listening()) as rig:
            assert rig.supervisor.state is State.RUNNING
            rig.send([0, 1, 2], 4.5)
            assert [rig.image.read(slot).value for slot in range(3)] == [4.5] * 3
            assert rig.supervisor.diagnostics().samples_acquired == 3

    async def test_a_point_that_falls_silent_is_uncertain_then_bad_alone(self) -> None:
        async with running(await self.listening()) as rig:
            rig.send([0, 1])
            for _ in range(14):
                await rig.clock.advance(0.5)
                rig.send([0])
            # Point 1: last heard 7 s ago; point 2: never, and the limit is over.
            assert rig.statuses() == [Status.GOOD, Status.UNCERTAIN_LAST_USABLE_VALUE, Status.BAD_NO_COMMUNICATION]
            for _ in range(8):
                await rig.clock.advance(0.5)
                rig.send([0])
            assert rig.statuses() == [Status.GOOD, Status.BAD_NO_COMMUNICATION, Status.BAD_NO_COMMUNICATION]
            assert rig.supervisor.health is DeviceHealth.NORMAL
            rig.send([1, 2])
            assert rig.status() == Status.GOOD

    async def test_a_silent_bus_is_a_failure_until_something_is_heard(self) -> None:
        async with running(await self.listening()) as rig:
            rig.send([0, 1, 2])
            assert rig.supervisor.health is DeviceHealth.NORMAL
            await rig.clock.advance(6)
            assert rig.status() == Status.UNCERTAIN_LAST_USABLE_VALUE
            assert rig.supervisor.health is DeviceHealth.FAILURE
            rig.send([1])
            assert rig.supervisor.health is DeviceHealth.NORMAL

    @pytest.mark.parametrize("error", [lost("bus off"), RuntimeError("a bug"), None])
    async def test_listening_that_ends_is_taken_up_again(self, error: Exception | None) -> None:
        async with running(await self.listening()) as rig:
            rig.send([0, 1, 2])
            ended = rig.script.ended
            assert ended is not None
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)
            await settle()
            assert rig.supervisor.state is State.BACKOFF
            assert rig.status() == Status.UNCERTAIN_LAST_USABLE_VALUE
            await rig.clock.advance(2)
            assert rig.supervisor.state is State.RUNNING
            rig.send([0, 1, 2])
            assert rig.status() == Status.GOOD
            assert rig.supervisor.health is DeviceHealth.NORMAL
