"""Writes that are read back, over a scripted driver: what is answered, what is shown, and in which order."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.errors import AnswerOverdue, ConnectionLost
from core.quality import Status
from drivers.supervision.diagnostics import State
from drivers.supervision.write_queue import MOST_AT_ONCE
from tests.clock import settle
from tests.unit.drivers.supervised import VERIFIED, Rig, lost, rig_of, running


def rig(scans: tuple[float, ...] = (60.0, 60.0), **how: Any) -> Rig:
    made = rig_of(scans, VERIFIED, **how)
    made.script.held = {}
    return made


async def test_good_is_answered_when_the_device_holds_the_value_and_it_is_shown_at_once() -> None:
    one = rig(scale=0.1)
    async with running(one):
        assert await one.supervisor.write(one.points[1], 12.5) == Status.GOOD
        assert one.script.held == {1: pytest.approx(125.0)}
        assert one.image.read(1).value == pytest.approx(12.5)
        assert one.supervisor.diagnostics().scans == 1


@pytest.mark.parametrize("held", [0.0, 5.0, 7.5 + 1e-9, math.nan])
async def test_what_the_device_limits_or_ignores_is_a_failure_and_shown_as_it_is(held: float) -> None:
    one = rig()
    one.script.keeps = lambda _: held
    async with running(one):
        assert await one.supervisor.write(one.points[0], 7.5) == Status.BAD_DEVICE_FAILURE
        assert one.image.read(0).value == pytest.approx(held, nan_ok=True)
        assert one.image.read(0).status == Status.GOOD
        assert "instead of 7.5" in one.supervisor.diagnostics().last_error
        assert one.supervisor.diagnostics().write_errors == 1
        assert one.supervisor.state is State.RUNNING


async def test_why_a_write_failed_is_in_the_log_once_until_one_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    one = rig(minimum=0.0, maximum=10.0)
    async with running(one):
        with caplog.at_level(logging.WARNING, "plantspace.devices"):
            for value in (11.0, 11.0, 5.0, 11.0):
                await one.supervisor.write(one.points[0], value)
    words = "11.0 is outside 0.0..10.0 of nsu=urn:test;s=p0"
    line = f"device device: a write to nsu=urn:test;s=p0 is answered BadOutOfRange: {words}"
    assert [record.getMessage() for record in caplog.records] == [line, line]


@pytest.mark.parametrize(("device", "point", "looks"), [("read-back", False, 0), ("none", None, 0), ("none", True, 1)])
async def test_a_binding_says_otherwise_than_its_device(device: str, point: bool | None, looks: int) -> None:  # noqa: FBT001 - a parameter of the test
    one = rig(settings={"verify": device})
    one.script.keeps = lambda _: 1.0
    async with running(one):
        reads = len(one.script.reads)
        status = await one.supervisor.write(replace(one.points[0], verify=point), 7.5)
        assert status == (Status.BAD_DEVICE_FAILURE if looks else Status.GOOD_COMPLETES_ASYNCHRONOUSLY)
        assert len(one.script.reads) - reads == looks


@pytest.mark.parametrize(
    ("error", "status"), [(lost(), Status.BAD_COMMUNICATION_ERROR), (AnswerOverdue("late"), Status.BAD_TIMEOUT)]
)
async def test_a_device_that_goes_between_write_and_read_back_has_taken_it_perhaps(
    error: ConnectionLost, status: Status
) -> None:
    one = rig()
    async with running(one):
        one.script.read = error
        assert await one.supervisor.write(one.points[0], 1.0) == status
        await settle()
        assert one.supervisor.state is State.BACKOFF


async def test_a_read_back_that_is_refused_has_the_devices_answer() -> None:
    one = rig()
    async with running(one):
        one.script.status = int(Status.BAD_CONFIGURATION_ERROR)
        one.script.words = "there is nothing to be read"
        assert await one.supervisor.write(one.points[0], 1.0) == Status.BAD_CONFIGURATION_ERROR
        assert "cannot be read back: there is nothing" in one.supervisor.diagnostics().last_error


async def test_a_scan_from_before_is_never_shown_after_what_was_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large scan is taken in batch by batch, with turns for others in between; a write's comes when all of it is."""
    monkeypatch.setattr("drivers.supervisor._LARGE_SCAN", 0)
    one = rig(scans=(0.1, 0.1))
    async with running(one):
        moment = one.clock.now()
        one.script.gate = asyncio.Event()
        one.script.extra = [Batch(np.array([0], np.int32), np.zeros(1), 0, moment, moment) for _ in range(9)]
        await one.clock.advance(0.1)
        writing = asyncio.create_task(one.supervisor.write(one.points[0], 7.5))
        await settle()
        one.batches.clear()
        one.script.reading = one.script.extra.clear
        one.script.gate.set()
        assert await writing == Status.GOOD
        shown = [float(batch.values[0]) for batch in one.batches if batch.slots[0] == 0]
        assert shown == [0.0] * 10 + [7.5]
        assert one.image.read(0).value == 7.5


async def test_concurrent_writes_end_with_the_last_ones_value_and_each_was_seen_in_the_device() -> None:
    one = rig()
    async with running(one):
        writes = [one.supervisor.write(one.points[0], float(number)) for number in range(20)]
        assert await asyncio.gather(*writes) == [Status.GOOD] * 20
        assert one.script.held == {0: 19.0}
        assert one.image.read(0).value == 19.0


async def test_a_write_that_has_no_turn_in_time_is_given_up_and_never_sent() -> None:
    one = rig(scans=(0.1, 60.0), settings={"write_deadline": "2s"})
    async with running(one):
        one.script.gate = asyncio.Event()
        await one.clock.advance(0.1)
        writing = asyncio.create_task(one.supervisor.write(one.points[0], 7.5))
        await one.clock.advance(1.9)
        assert not writing.done()
        await one.clock.advance(0.2)
        assert await writing == Status.BAD_TIMEOUT
        one.script.gate.set()
        await settle(20)
        assert not one.script.written
        assert one.supervisor.state is State.RUNNING


async def test_a_client_that_goes_while_its_write_waits_takes_it_back() -> None:
    one = rig(scans=(0.1, 60.0))
    async with running(one):
        one.script.gate = asyncio.Event()
        await one.clock.advance(0.1)
        writing = asyncio.create_task(one.supervisor.write(one.points[0], 7.5))
        await settle()
        writing.cancel()
        await settle()
        assert writing.cancelled()
        one.script.gate.set()
        await settle(20)
        assert not one.script.written


async def test_a_write_that_has_begun_is_finished_and_verified_without_its_client() -> None:
    one = rig()
    async with running(one):
        one.script.write_gate = asyncio.Event()
        writing = asyncio.create_task(one.supervisor.write(one.points[0], 7.5))
        await settle()
        writing.cancel()
        await settle()
        one.script.write_gate.set()
        await settle(20)
        assert writing.cancelled()
        assert one.script.held == {0: 7.5}
        assert one.image.read(0).value == 7.5


async def test_writes_that_wait_when_the_link_is_lost_are_answered_at_once() -> None:
    one = rig(scans=(0.1, 60.0))
    async with running(one):
        one.script.gate = asyncio.Event()
        await one.clock.advance(0.1)
        writes = [asyncio.create_task(one.supervisor.write(one.points[0], float(number))) for number in range(9)]
        await settle()
        one.script.read = lost()
        one.script.gate.set()
        await settle(20)
        assert {await writing for writing in writes} == {Status.BAD_NO_COMMUNICATION}
        assert not one.script.written


async def test_a_stop_answers_what_waits_and_what_is_under_way() -> None:
    one = rig()
    async with running(one):
        one.script.write_gate = asyncio.Event()
        first = asyncio.create_task(one.supervisor.write(one.points[0], 1.0))
        await settle()
        second = asyncio.create_task(one.supervisor.write(one.points[0], 2.0))
        await settle()
        await one.supervisor.stop()
        assert await first == Status.BAD_COMMUNICATION_ERROR
        assert await second == Status.BAD_NO_COMMUNICATION
        assert await one.supervisor.write(one.points[0], 3.0) == Status.BAD_NO_COMMUNICATION
        assert one.supervisor.state is State.STOPPED


async def test_a_scan_that_is_due_has_its_turn_between_many_writes() -> None:
    one = rig(scans=(0.1, 60.0))
    async with running(one):
        one.script.write_gate = asyncio.Event()
        writes = [asyncio.create_task(one.supervisor.write(one.points[1], 1.0)) for _ in range(MOST_AT_ONCE)]
        await settle()
        writes += [asyncio.create_task(one.supervisor.write(one.points[1], 2.0)) for _ in range(MOST_AT_ONCE)]
        await one.clock.advance(0.1)
        written: list[int] = []
        one.script.reading = lambda: written.append(len(one.script.written))
        one.script.write_gate.set()
        await asyncio.gather(*writes)
        await settle()
        intervals = [interval for _, interval in one.script.reads[-len(written) :]]
        assert written[intervals.index(0.1)] == MOST_AT_ONCE
