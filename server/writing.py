"""Where a client's write of a point goes: to the device, to the operator, or into the image's memory."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.batch import Batch
from core.image import ProcessImage, Reading
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.supervision.write_queue import MOST_AT_ONCE, AskedWrite
from drivers.supervisor import Supervisor
from server.address_space.view.steps import TURN
from server.instrument_ranges import InstrumentRanges
from server.operating import OperatorRunner
from server.retained import RetainedValues

_log = logging.getLogger("plantspace.writes")


@dataclass(frozen=True, slots=True)
class WriteReport:
    """A write of a point that has its answer: what AuditWriteUpdateEventType tells (Part 5 v1.05 6.4.26).

    ``before``: the point as it was shown when the write was asked for. ``value``: what was to be written, in
    engineering units. ``status``: the answer; Good means that the device has the value.
    """

    slot: int
    node: str
    before: Reading
    value: Any
    status: int


@dataclass(slots=True)
class WriteRouter:
    """Knows each slot's source of values. ``devices``: slot -> (supervisor, point); ``operators``: slot -> runner.

    ``on_write`` is told of every write when it has its answer, in the context of whoever asked, also of one whose asker
    has gone meanwhile: this is where an audit record belongs.
    """

    image: ProcessImage
    retained: RetainedValues
    devices: dict[int, tuple[Supervisor, BoundPoint]] = field(default_factory=dict[int, tuple[Supervisor, BoundPoint]])
    operators: dict[int, OperatorRunner] = field(default_factory=dict[int, OperatorRunner])
    ranges: InstrumentRanges | None = None
    on_write: Callable[[WriteReport], None] | None = None
    _refused: dict[int, str] = field(default_factory=dict[int, str])

    async def write(self, slot: int, value: Any) -> int:  # noqa: ANN401 - any value of a built-in type
        """Write an engineering value and give the StatusCode of whoever it concerns."""
        bound = self.devices.get(slot)
        if bound is None:
            return self._write_here(slot, value)
        asked = self._ask(bound, value)
        try:
            return await asyncio.shield(asked.answer)
        except asyncio.CancelledError:
            bound[0].withdraw(asked)
            raise

    async def write_all(self, writes: Sequence[tuple[int, Any]]) -> list[int]:
        """Write several points and give each one's StatusCode, the same as :meth:`write` gives.

        Devices are written at the same time; each device's own in their order, and neighbours there together.
        """
        results = [int(Status.GOOD)] * len(writes)
        lanes: dict[Supervisor, list[int]] = {}
        over = time.perf_counter() + TURN
        for place, (slot, value) in enumerate(writes):
            if time.perf_counter() >= over:  # what is in memory never waits by itself
                await asyncio.sleep(0)
                over = time.perf_counter() + TURN
            bound = self.devices.get(slot)
            if bound is None:
                results[place] = self._write_here(slot, value)
            else:
                lanes.setdefault(bound[0], []).append(place)
        async with asyncio.TaskGroup() as group:
            for supervisor, places in lanes.items():
                group.create_task(self._write_lane(supervisor, writes, places, results))
        return results

    async def _write_lane(
        self, supervisor: Supervisor, writes: Sequence[tuple[int, Any]], places: Sequence[int], results: list[int]
    ) -> None:
        """Write one device's share, a turn's worth after the other, so that others' writes find room."""
        for begin in range(0, len(places), MOST_AT_ONCE):
            window = places[begin : begin + MOST_AT_ONCE]
            asked = [self._ask(self.devices[writes[place][0]], writes[place][1]) for place in window]
            try:
                for place, one in zip(window, asked, strict=True):
                    results[place] = await asyncio.shield(one.answer)
            except asyncio.CancelledError:
                for one in asked:
                    supervisor.withdraw(one)
                raise

    def _ask(self, bound: tuple[Supervisor, BoundPoint], value: Any) -> AskedWrite:  # noqa: ANN401 - as write
        supervisor, point = bound
        before = self.image.read(point.slot) if self.on_write is not None else None
        if not self._is_within(point.slot, value):
            asked = AskedWrite(point)
            asked.tell(Status.BAD_OUT_OF_RANGE)
        else:
            asked = supervisor.submit(point, value)
        if before is not None:
            slot = point.slot
            asked.answer.add_done_callback(lambda answer: self._report(slot, before, value, answer.result()))
        return asked

    def _write_here(self, slot: int, value: Any) -> int:  # noqa: ANN401 - as write
        """Write what no device holds."""
        before = self.image.read(slot) if self.on_write is not None else None
        runner = self.operators.get(slot)
        if not self._is_within(slot, value):
            status = int(Status.BAD_OUT_OF_RANGE)
        else:
            status = self.remember(slot, value) if runner is None else runner.set_parameter(slot, value)
        if before is not None:
            self._report(slot, before, value, status)
        return status

    def _is_within(self, slot: int, value: Any) -> bool:  # noqa: ANN401 - as write
        why = "" if self.ranges is None else self.ranges.refusal(slot, value)
        if not why:
            if self._refused:
                self._refused.pop(slot, None)
            return True
        if self._refused.get(slot) != why:  # once, lest whoever writes the same in a loop fills the log
            self._refused[slot] = why
            _log.warning("a write to %s is answered BadOutOfRange: %s", self.image.points[slot].node, why)
        return False

    def _report(self, slot: int, before: Reading, value: Any, status: int) -> None:  # noqa: ANN401 - as write
        if self.on_write is not None:
            self.on_write(WriteReport(slot, self.image.points[slot].node, before, value, status))

    def refusal(self, slot: int, value: Any) -> int:  # noqa: ANN401 - as write
        """Give what a write would be refused with before it is sent; Good where it would be tried."""
        if not self._is_within(slot, value):
            return Status.BAD_OUT_OF_RANGE
        bound = self.devices.get(slot)
        return Status.GOOD if bound is None else bound[0].refusal(bound[1], value)

    def is_memory(self, slot: int) -> bool:
        """Tell whether the image alone has a point's value: neither a device nor an operator takes it."""
        return slot not in self.devices and slot not in self.operators

    def remember(self, slot: int, value: Any, status: int = Status.GOOD, source_time: int | None = None) -> int:  # noqa: ANN401 - as above
        """Write a memory point. ``source_time``: DateTime ticks, now where it is None."""
        point = self.image.points[slot]
        values = np.empty(1, point.datatype.dtype)
        try:
            values[0] = value
        except (OverflowError, ValueError, TypeError):
            return Status.BAD_TYPE_MISMATCH
        moment = now()
        source = moment if source_time is None else source_time
        self.image.apply(Batch(np.array([slot], np.int32), values, status, source, moment, once=True))
        self.retained.changed(point.node)
        return Status.GOOD
