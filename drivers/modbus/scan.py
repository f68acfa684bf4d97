"""All points of one scan: their blocks, the row of bytes they are read into, and the columns they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import Batch, SlotArray, TimeArray
from core.datatypes import DataType
from core.quality import Status, StatusArray
from drivers.contract import BoundPoint, DriverCounters
from drivers.modbus.blocks import Block, Span, plan_blocks, single_blocks
from drivers.modbus.encoding import REGISTER_BYTES, Area, Encoding
from drivers.modbus.gather import Bits, Gather, IndexArray, Numbers, Strings, Truths, bit_place
from drivers.modbus.link import Exchange
from drivers.modbus.pdu import Request, data_of, exception_of, read_request
from drivers.modbus.placing import Placed, place
from drivers.modbus.sections import SILENCE, Part, Patience, Section
from drivers.modbus.settings import ModbusSettings

EXTRA_REQUESTS = 32
"""Most requests of one scan for what failed before or was split now; the others wait for the next scan."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Points of one data type that lie in one way: one batch a scan."""

    slots: SlotArray
    spans: IndexArray
    """For each point, its span's place among all of the scan."""
    gather: Gather
    nothing: npt.NDArray[np.generic]
    """What a point shows that has no value, shape []: zero, or None for texts."""


class ScanPlan:
    """What :meth:`drivers.modbus.driver.ModbusDriver.plan` gives: the blocks, and all that is worked out once."""

    def __init__(self, points: Sequence[BoundPoint], settings: ModbusSettings) -> None:
        """Plan the blocks. Raises :class:`~core.errors.AddressError`."""
        placed = place(points, settings)
        patience = Patience(settings.busy_retry, settings.busy_retry_longest, settings.reprobe)
        layout: list[tuple[Sequence[Span], Block, int]] = []
        rank: dict[tuple[Area, Span], int] = {}
        first_byte: dict[tuple[Area, Span], int] = {}
        size = 0
        for area in Area:
            spans = sorted({one.span for one in placed if one.address.area is area})
            limits = settings.limits_of(area)
            single = settings.strategy == "single"
            unit = 1 if area.is_bits else REGISTER_BYTES
            for block in single_blocks(area, spans) if single else plan_blocks(area, spans, limits):
                layout.append((spans, block, size))
                for span in spans[block.first : block.last]:
                    rank[area, span] = len(rank)
                    first_byte[area, span] = size + (span.start - block.address) * unit
                size += block.count * unit
        self._image = np.zeros(size, np.uint8)
        self.sections = [
            Section(spans, Part(block, _request(block), offset, patience.backoff()), patience, self._image)
            for spans, block, offset in layout
        ]
        self._groups = _groups(placed, rank, first_byte)
        self._spare = EXTRA_REQUESTS
        self._lay_out()

    def due(self, now: float) -> tuple[list[Part], Part | None]:
        """Give the parts to read now, and one suspect to be asked alone after them."""
        self._spare = EXTRA_REQUESTS
        if self._well:
            return self._parts, None
        parts: list[Part] = []
        suspect: Part | None = None
        for section in self.sections:
            for part in section.due(now):
                is_probe = section.is_split and part is section.whole
                if part.suspect:
                    suspect = suspect or part
                elif (part.status is Status.GOOD and not is_probe) or self._take_spare():
                    parts.append(part)
        return parts, suspect

    def take(self, parts: Sequence[Part], exchange: Exchange, now: float, counters: DriverCounters) -> list[Part]:
        """Keep what was answered; give the halves of refused blocks that may be read in this scan yet."""
        more: list[Part] = []
        laid_out, well = True, self._well
        for part, reply, received in zip(parts, exchange.replies, exchange.times, strict=True):
            if reply is None:
                continue
            data = data_of(part.request, reply)
            section = self._section_of[part]
            if data is not None:
                laid_out &= not section.store(part, data, received)
                continue
            code = exception_of(part.request, reply)
            counters.request_errors += 1
            counters.bus_errors += code is None
            more += section.refuse(part, code, now)
            well = False
        if more or not laid_out:
            self._lay_out()
        elif not well:
            self._well = all(section.is_well for section in self.sections)
        return [half for half in more if self._take_spare()]

    def suspect(self, part: Part) -> None:
        """Ask ``part`` alone and last from now on."""
        part.suspect = True
        part.status, part.why = Status.BAD_TIMEOUT, SILENCE
        self._well = False

    def stay_silent(self, part: Part, now: float) -> None:
        """Note that a suspect gave no answer on a link that is alive."""
        self._section_of[part].stay_silent(part, now)
        self._lay_out()

    def failed(self, status: int) -> Part | None:
        """Give the first part that has this Bad StatusCode."""
        return next((part for part in self._parts if part.status == status), None)

    def batches(self, received: int) -> list[Batch]:
        """Make the columns; what failed has its StatusCode, no value, and ``received`` as its time."""
        statuses = None if self._well else self._statuses()
        times = self._times(received)
        batches: list[Batch] = []
        for group in self._groups:
            values = group.gather(self._image)
            status: StatusArray | int = int(Status.GOOD)
            if statuses is not None:
                status = statuses.take(group.spans)
                values[status != Status.GOOD] = group.nothing
            time = times if isinstance(times, int) else times.take(group.spans)
            batches.append(Batch(group.slots, values, status, time, received))
        return batches

    def _take_spare(self) -> bool:
        self._spare -= 1
        return self._spare >= 0

    def _lay_out(self) -> None:
        """Work out anew what follows from how the sections are split and how they fare."""
        self._parts = [part for section in self.sections for part in section.parts]
        self._section_of = {part: section for section in self.sections for part in (*section.parts, section.whole)}
        self._counts = np.array([part.block.last - part.block.first for part in self._parts], np.intp)
        self._well = all(section.is_well for section in self.sections)

    def _statuses(self) -> StatusArray:
        return np.repeat(np.array([part.status for part in self._parts], np.uint32), self._counts)

    def _times(self, received: int) -> TimeArray | int:
        times = [part.time or received for part in self._parts]
        if not times or times.count(times[0]) == len(times):
            return times[0] if times else received
        return np.repeat(np.array(times, np.int64), self._counts)


def _request(block: Block) -> Request:
    return read_request(block.area, block.address, block.count)


def _groups(
    placed: Sequence[Placed], rank: dict[tuple[Area, Span], int], first_byte: dict[tuple[Area, Span], int]
) -> list[_Group]:
    """Sort points by their data type and by the way they are decoded."""
    members: dict[tuple[DataType, Encoding, bool], list[Placed]] = {}
    for one in placed:
        is_bit = one.address.area.is_bits or one.address.bit is not None
        members.setdefault((one.bound.point.datatype, one.address.encoding, is_bit), []).append(one)
    groups: list[_Group] = []
    for (_, encoding, is_bit), ones in members.items():
        ones.sort(key=lambda one: rank[one.address.area, one.span])
        keys = [(one.address.area, one.span) for one in ones]
        slots = np.array([one.bound.slot for one in ones], np.int32)
        spans = np.array([rank[key] for key in keys], np.intp)
        gather = _gather(ones, [first_byte[key] for key in keys], encoding, is_bit=is_bit)
        nothing = np.array(None if encoding is Encoding.STRING else 0, encoding.dtype)
        groups.append(_Group(slots, spans, gather, nothing))
    return groups


def _gather(ones: Sequence[Placed], starts: Sequence[int], encoding: Encoding, *, is_bit: bool) -> Gather:
    if is_bit:
        return Bits([_bit(one, start) for one, start in zip(ones, starts, strict=True)])
    if encoding is Encoding.BOOL:
        return Truths(starts)
    if encoding is Encoding.STRING:
        return Strings([(start, one.address.length, one.order) for one, start in zip(ones, starts, strict=True)])
    return Numbers(encoding, [(start, one.order) for one, start in zip(ones, starts, strict=True)])


def _bit(one: Placed, start: int) -> tuple[int, int]:
    """Find a bit: coils lie one a byte, bits of registers in one of the register's two bytes."""
    return (start, 0) if one.address.bit is None else bit_place(start, one.address.bit, one.order)
