"""Faults 1 and 2 against real sockets are in test_supervisor_sockets.py; here the clock is moved by hand."""

from __future__ import annotations

import pytest

from core.quality import Status
from tests.unit.drivers.supervised import lost, rig_of, running

UNCERTAIN = Status.UNCERTAIN_LAST_USABLE_VALUE
BAD = Status.BAD_NO_COMMUNICATION


@pytest.mark.parametrize("scan", [0.1, 1.0, 4.0])
async def test_fault_01_values_are_uncertain_then_bad_within_two_scans_and_the_limit(scan: float) -> None:
    dead = rig_of(scans=(scan, scan))
    alive = rig_of(scans=(0.1,), clock=dead.clock)
    clock = dead.clock
    async with running(dead), running(alive):
        await clock.advance(10 * scan)
        assert dead.status() == Status.GOOD
        last_contact = dead.script.reads[-1][0]
        dead.script.read = dead.script.connect = lost("stopped answering")
        alive.script.reads.clear()
        began = clock.seconds
        await clock.advance(20.0)
        (uncertain_at, uncertain, slots), (bad_at, bad, bad_slots) = dead.marks
        assert (uncertain, bad) == (UNCERTAIN, BAD)
        assert slots == bad_slots == [0, 1]
        assert uncertain_at <= last_contact + 2 * scan
        assert bad_at == pytest.approx(last_contact + 5.0)
        assert bad_at <= last_contact + 2 * scan + 5.0
        assert dead.image.read(0).value == 11.0  # the last usable value, never a Good zero
        assert len(alive.script.reads) == pytest.approx((clock.seconds - began) / 0.1, abs=1)
        assert alive.status() == Status.GOOD


async def test_a_device_back_within_the_limit_never_turns_bad() -> None:
    rig = rig_of(scans=(1.0, 1.0))
    async with running(rig):
        await rig.clock.advance(3)
        rig.script.read = lost()
        await rig.clock.advance(1)
        assert rig.status() == UNCERTAIN
        rig.script.read = None
        await rig.clock.advance(30)
        assert rig.status() == Status.GOOD
        assert [status for _, status, _ in rig.marks] == [UNCERTAIN]


async def test_points_that_never_had_a_value_wait_and_are_bad_after_the_limit() -> None:
    rig = rig_of()
    rig.script.connect = lost()
    async with running(rig):
        await rig.clock.advance(4.9)
        assert rig.status() == Status.BAD_WAITING_FOR_INITIAL_DATA
        await rig.clock.advance(0.2)
        assert rig.status() == BAD
        assert [status for _, status, _ in rig.marks] == [BAD]


async def test_a_link_that_comes_up_but_never_answers_does_not_put_the_limit_off() -> None:
    rig = rig_of(scans=(0.5, 0.5))
    async with running(rig):
        await rig.clock.advance(2)
        contact = rig.clock.seconds
        rig.script.read = lost("connected but silent")
        await rig.clock.advance(20)
        assert [status for _, status, _ in rig.marks] == [UNCERTAIN, BAD]
        assert rig.marks[1][0] <= contact + 5.5
        assert len(rig.script.connects) > 3


async def test_what_the_device_called_bad_is_not_made_better_by_a_lost_link() -> None:
    rig = rig_of()
    rig.script.status = Status.BAD_SENSOR_FAILURE
    async with running(rig):
        assert rig.status() == Status.BAD_SENSOR_FAILURE
        rig.script.read = rig.script.connect = lost()
        await rig.clock.advance(2)
        assert rig.status() == Status.BAD_SENSOR_FAILURE
        await rig.clock.advance(5)
        assert rig.status() == BAD


async def test_every_loss_counts_again() -> None:
    rig = rig_of()
    async with running(rig):
        for _ in range(3):
            rig.script.read = rig.script.connect = lost()
            await rig.clock.advance(10)
            assert rig.status() == BAD
            rig.script.read = rig.script.connect = None
            await rig.clock.advance(40)
            assert rig.status() == Status.GOOD
        assert [status for _, status, _ in rig.marks] == [UNCERTAIN, BAD] * 3


async def test_marks_that_are_not_taken_do_no_harm() -> None:
    rig = rig_of()
    async with running(rig):
        rig.script.read, rig.refusal = lost(), ValueError("no room")
        await rig.clock.advance(1)
        assert rig.supervisor.diagnostics().publish_errors == 1
        rig.script.read = rig.refusal = None
        await rig.clock.advance(5)
        assert rig.status() == Status.GOOD
