"""What became of each block: read, refused, split, left alone for a while, tried again.

A :class:`Section` is one planned block. While the device answers it, it is one :class:`Part`. When the device refuses
it for a part's sake it is halved until the values it refuses stand alone; the split is remembered, and the whole is
tried again now and then. No I/O; times are seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.backoff import Backoff
from core.quality import Status
from drivers.modbus.blocks import Block, Span, halves
from drivers.modbus.encoding import REGISTER_BYTES
from drivers.modbus.gather import ByteArray
from drivers.modbus.pdu import DIVISIBLE, STATUS_OF, Request, read_request, status_of, words_of

SILENCE = "the device does not answer, though it answers other requests"
_ILLEGAL_FUNCTION = 1
_LASTING = DIVISIBLE | {_ILLEGAL_FUNCTION}
"""Exceptions that a device will most likely repeat: tried again as seldom as ``reprobe`` says."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before what failed is tried again, in seconds: the first wait, and the longest of each kind."""

    first: float
    longest: float
    reprobe: float

    def backoff(self) -> Backoff:
        """Begin to wait."""
        return Backoff(self.first, self.longest)


@dataclass(slots=True, eq=False)
class Part:
    """One request of the current plan and how it went last. ``offset``: where its bytes lie in the scan's row."""

    block: Block
    request: Request
    offset: int
    backoff: Backoff
    status: Status = Status.GOOD
    why: str = ""
    """What the device said when ``status`` became Bad; it stays."""
    time: int = 0
    """DateTime ticks of the last reply; 0: none, or it failed."""
    due: float = 0.0
    suspect: bool = False
    """It was not answered at all; it is asked alone and last, so that its silence holds up no other."""

    def succeed(self, received: int) -> None:
        """Note a good reply."""
        self.time = received
        if self.status is not Status.GOOD or self.suspect:
            self.status = Status.GOOD
            self.suspect = False
            self.backoff.reset()

    def fail(self, status: Status, why: str, now: float, longest: float) -> None:
        """Note a failure, and when to try again."""
        self.status, self.why = status, why
        self.time = 0
        self.backoff.longest = longest
        self.due = now + self.backoff.next()


@dataclass(slots=True, eq=False)
class Section:
    """One planned block with its parts; ``spans`` are those of the whole area."""

    spans: Sequence[Span]
    whole: Part
    patience: Patience
    image: ByteArray
    parts: list[Part] = field(default_factory=list[Part])
    probe: Backoff = field(init=False)
    probe_due: float = 0.0

    def __post_init__(self) -> None:
        """Begin unsplit."""
        self.parts = [self.whole]
        self.probe = Backoff(self.patience.first, self.patience.reprobe)

    @property
    def is_split(self) -> bool:
        """Tell whether the block is read in parts."""
        return self.parts[0] is not self.whole

    @property
    def is_well(self) -> bool:
        """Tell whether the block is read whole and answered."""
        return not self.is_split and self.whole.status is Status.GOOD and not self.whole.suspect

    def due(self, now: float) -> Iterator[Part]:
        """Give what is to be read now: what went well, what has waited long enough, and the whole if it is its turn."""
        for part in self.parts:
            if part.status is Status.GOOD or part.due <= now:
                yield part
        if self.is_split and self.probe_due <= now:
            yield self.whole

    def store(self, part: Part, data: bytes, received: int) -> bool:
        """Keep a part's data; true when the layout changed because the whole was answered again."""
        block = part.block
        if block.area.is_bits:
            bits = np.unpackbits(np.frombuffer(data, np.uint8), count=block.count, bitorder="little")
            self.image[part.offset : part.offset + block.count] = bits
        else:
            self.image.data[part.offset : part.offset + len(data)] = data
        recovered = part.backoff.tries > 0  # it failed by itself; halves just made only inherit a status
        part.succeed(received)
        if part is self.whole and self.is_split:
            self.parts = [part]
            return True
        if recovered and self.is_split:
            self.probe.reset()
            self.probe_due = 0.0
        return False

    def refuse(self, part: Part, code: int | None, now: float) -> list[Part]:
        """Note an exception (None: a reply that does not fit); give the halves to read instead, if it was split."""
        status = status_of(code)
        if part is self.whole and self.is_split:
            self.probe_due = now + self.probe.next()
            return []
        part.suspect = False
        if code in DIVISIBLE and part.block.last - part.block.first > 1:
            return self._split(part, status, words_of(code), now)
        lasting = code in _LASTING or (code is not None and code not in STATUS_OF)
        part.fail(status, words_of(code), now, self.patience.reprobe if lasting else self.patience.longest)
        return []

    def stay_silent(self, part: Part, now: float) -> None:
        """Note that a suspect was not answered although the link is alive; its halves are suspects next."""
        if part is self.whole and self.is_split:
            self.probe_due = now + self.probe.next()
        elif part.block.last - part.block.first > 1:
            for half in self._split(part, Status.BAD_TIMEOUT, SILENCE, now):
                half.suspect = True
        else:
            part.fail(Status.BAD_TIMEOUT, SILENCE, now, self.patience.reprobe)

    def _split(self, part: Part, status: Status, why: str, now: float) -> list[Part]:
        first, second = (self._part(block, status, why) for block in halves(self.spans, part.block))
        place = self.parts.index(part)
        self.parts[place : place + 1] = [first, second]
        self.probe_due = now + self.probe.next()
        return [first, second]

    def _part(self, block: Block, status: Status, why: str) -> Part:
        size = 1 if block.area.is_bits else REGISTER_BYTES
        offset = self.whole.offset + (block.address - self.whole.block.address) * size
        request = read_request(block.area, block.address, block.count)
        return Part(block, request, offset, self.patience.backoff(), status, why)
