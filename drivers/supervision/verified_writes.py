"""Writes that are answered with what the device says: sent, read back, compared, shown.

A device's acknowledgement is no proof that it holds the value: many acknowledge what they limit, or ignore in local
mode. So it is read back while the link is still ours, and what the device holds goes into the process image before the
client has its answer. Good says that the device holds the value. What cannot or shall not be read back is
GoodCompletesAsynchronously, which Part 4 v1.05 5.11.4.4 has for a server that does not know whether the data source was
updated. A device that holds something else is BadDeviceFailure: see docs/decisions/0013-verified-writes.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np

from core.batch import Batch
from core.errors import AnswerOverdue, ConnectionLost, DeviceError, DeviceRefused
from core.quality import Status, is_bad, symbol
from drivers.contract import BoundPoint, Capability, DeviceSettings, Driver, GroupWriter, Manifest
from drivers.supervision.guard import Guard
from drivers.supervision.journal import Journal
from drivers.supervision.write_back import holds
from drivers.supervision.write_queue import AskedWrite


class Surroundings(NamedTuple):
    """What a device's supervisor lends. All of it is called while the device's turn is held."""

    driver: Callable[[], Driver | None]
    """The driver of a link that is up, else None."""
    guard: Callable[[Driver], Guard]
    show: Callable[[Batch], object]
    """Takes what was read back; never raises."""
    lose: Callable[[Exception], None]
    """Ends the session: the link is gone."""
    note: Callable[[str], None]
    """Takes the reason of a write that failed."""


class VerifiedWrites:
    """Performs writes to one device."""

    def __init__(self, manifest: Manifest, settings: DeviceSettings, journal: Journal, around: Surroundings) -> None:
        """Do nothing yet."""
        self._manifest, self._journal, self._around = manifest, journal, around
        self._can_read = Capability.READ_BACK in manifest.capabilities
        self._verifies = settings.verify == "read-back"
        self._groups = Capability.GROUPED in manifest.capabilities

    async def perform(self, asked: Sequence[AskedWrite]) -> None:
        """Write one after the other, neighbours together, and answer each."""
        for run in _runs(asked) if self._groups else [[write] for write in asked]:
            driver = self._around.driver()
            if driver is None:
                for write in run:
                    write.tell(Status.BAD_NO_COMMUNICATION)
                continue
            try:
                to_verify = await self._send(driver, run)
                if to_verify:
                    await self._verify(driver, to_verify)
            except TimeoutError as error:
                self._fail(run, AnswerOverdue(f"a write got no answer: {error}"))
            except ConnectionLost as error:
                self._fail(run, error)
            except Exception as error:  # noqa: BLE001 - a driver's bug in a write is that write's answer, no one else's
                self._journal.fault("a write failed in its driver", error)
                for write in run:
                    self._refuse(write, Status.BAD_UNEXPECTED_ERROR, repr(error))

    async def _send(self, driver: Driver, run: Sequence[AskedWrite]) -> list[AskedWrite]:
        """Send a run; give what the device has acknowledged and is to be verified. The rest has its answer then."""
        answers: Sequence[DeviceError | None]
        async with self._around.guard(driver):
            if len(run) > 1:
                writes = [(write.point, write.raw) for write in run]
                answers = await cast("GroupWriter", driver).write_group(writes)
            else:
                answers = [await _alone(driver, run[0])]
        to_verify: list[AskedWrite] = []
        lost: ConnectionLost | None = None
        for write, error in zip(run, answers, strict=False):
            if error is None and self._is_verified(write.point):
                to_verify.append(write)
            elif error is None:
                self._take(write, Status.GOOD_COMPLETES_ASYNCHRONOUSLY)
            elif isinstance(error, DeviceRefused):
                self._refuse(write, error.status, str(error))
            elif isinstance(error, ConnectionLost):
                lost = lost or error
                self._refuse(write, _status_of(error), str(error))
            else:
                self._refuse(write, Status.BAD_COMMUNICATION_ERROR, str(error))
        for write in run[len(answers) :]:
            write.tell(Status.BAD_NO_COMMUNICATION)
        if lost is not None:
            raise lost
        return to_verify

    async def _verify(self, driver: Driver, writes: Sequence[AskedWrite]) -> None:
        """Read back what was acknowledged, show it, and answer."""
        plan = driver.plan([write.point for write in writes])
        async with self._around.guard(driver):
            batches = await driver.read(plan)
        for batch in batches:
            self._around.show(replace(batch, once=True))
        held = _by_slot(batches)
        for write in writes:
            value, status = held.get(write.point.slot, (None, int(Status.BAD_UNEXPECTED_ERROR)))
            if is_bad(status):
                words = driver.explain(plan, status)
                self._refuse(write, status, f"it was acknowledged and cannot be read back: {words or symbol(status)}")
            elif holds(self._manifest.datatype_of(write.point.address), write.raw, value):
                self._take(write)
            else:
                words = f"it was acknowledged, and yet the device holds {value!r} instead of {write.raw!r}"
                self._refuse(write, Status.BAD_DEVICE_FAILURE, words)

    def _is_verified(self, point: BoundPoint) -> bool:
        return self._can_read and (self._verifies if point.verify is None else point.verify)

    def _take(self, write: AskedWrite, status: Status = Status.GOOD) -> None:
        self._journal.write_taken(write.point.point.node)
        write.tell(status)

    def _refuse(self, write: AskedWrite, status: int, why: str) -> None:
        if not write.answer.done():
            self._around.note(f"a write to {write.point.point.node}: {why}")
            self._journal.write_failed(write.point.point.node, status, why)
            write.tell(status)

    def _fail(self, run: Sequence[AskedWrite], error: ConnectionLost) -> None:
        """Answer what a lost link has left without an answer, and end the session."""
        for write in run:
            self._refuse(write, _status_of(error), str(error))
        self._around.lose(error)


async def _alone(driver: Driver, write: AskedWrite) -> DeviceError | None:
    try:
        await driver.write(write.point, write.raw)
    except DeviceRefused as error:
        return error
    return None


def _status_of(error: ConnectionLost) -> Status:
    """Give what says that the device may have the value: it did not answer, or the link broke meanwhile."""
    return Status.BAD_TIMEOUT if isinstance(error, AnswerOverdue) else Status.BAD_COMMUNICATION_ERROR


def _runs(asked: Sequence[AskedWrite]) -> list[list[AskedWrite]]:
    """Cut writes where a point comes again: each value of a point is read back before the next one is sent."""
    runs: list[list[AskedWrite]] = []
    seen: set[int] = set()
    for write in asked:
        if not runs or write.point.slot in seen:
            runs.append([])
            seen.clear()
        runs[-1].append(write)
        seen.add(write.point.slot)
    return runs


def _by_slot(batches: Sequence[Batch]) -> dict[int, tuple[Any, int]]:
    found: dict[int, tuple[Any, int]] = {}
    for batch in batches:
        statuses = np.broadcast_to(np.asarray(batch.status, np.uint32), batch.slots.shape)
        values = batch.values.tolist()
        found |= {
            slot: (value, status)
            for slot, value, status in zip(batch.slots.tolist(), values, statuses.tolist(), strict=True)
        }
    return found
