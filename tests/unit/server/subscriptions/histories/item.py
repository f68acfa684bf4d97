"""One monitored item with its queue (Part 4 v1.05 5.13.1), and every state that the specification lets it be in.

Where a clause leaves a server a choice, the item goes on in several worlds, one for each choice; what the engine then
sends rules worlds out. The engine differs when no world is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.unit.server.subscriptions.histories.filters import Filter
from tests.unit.server.subscriptions.histories.messages import (
    BAD_INDEX_RANGE_NO_DATA,
    BOTH,
    DISABLED,
    NEITHER,
    OVERFLOW,
    REPORTING,
    SAMPLING,
    SERVER,
    SOURCE,
    PointKind,
    Sample,
    Seen,
    require,
)


@dataclass(frozen=True, slots=True)
class Queued:
    """A value that waits; ``stamps``: the TimestampsToReturn that it may be sent with."""

    sample: Sample
    stamps: frozenset[int]
    overflow: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """A state that the item may be in. ``last``: the value queued last; ``sent``: the value sent last.

    ``due``: how many values a triggering item has released; ``released``: whether later ones may go with them.
    """

    queue: tuple[Queued, ...] = ()
    last: Sample | None = None
    sent: Queued | None = None
    due: int = 0
    released: bool = False


@dataclass
class ModelItem:
    """An item as its client made it, with revised parameters; ``on_change``: not sampled on a clock of its own."""

    handle: int
    slot: int
    kind: PointKind
    mode: int
    sampling: float
    on_change: bool
    size: int
    discard_oldest: bool
    filter: Filter
    stamps: int
    index_range: tuple[int, int] | None = None
    links: set[int] = field(default_factory=set[int])
    worlds: set[World] = field(default_factory=lambda: {World()})

    def look(self, sample: Sample) -> Sample:
        """Cut the elements out that the item is about (7.27: what is there of the range; none at all is no data)."""
        if self.index_range is None or sample.value is None:
            return sample
        first, last = self.index_range
        part = sample.value[first : last + 1]
        if not part:
            return replace(sample, value=None, status=BAD_INDEX_RANGE_NO_DATA)
        return replace(sample, value=part)

    def begin(self, sample: Sample) -> None:
        """Queue the first sample without applying the filter (5.13.1.3, 7.25.2)."""
        self._each(lambda world: self._pushed(world, self.look(sample)))

    def end(self) -> None:
        """Forget what is queued (5.13.4.1: DISABLED deletes all queued Notifications)."""
        self.worlds = {World()}

    def observe(self, sample: Sample) -> tuple[bool, bool]:
        """Take a sample; tell whether it may have been queued, and whether it must have been."""
        if self.mode == DISABLED:
            return False, False
        looked = self.look(sample)
        passed = [world.last is None or self.filter.passes(looked, world.last) for world in self.worlds]
        self._each(
            lambda world: (
                self._pushed(world, looked)
                if world.last is None or self.filter.passes(looked, world.last)
                else (world,)
            )
        )
        return any(passed), all(passed)

    def set_mode(self, mode: int, now: Sample) -> bool:
        """Go over to ``mode``; what is queued stays unless it is DISABLED (5.13.4). Tell whether a value was queued."""
        before, self.mode = self.mode, mode
        if mode == DISABLED:
            self.end()
        elif before == DISABLED:
            self.begin(now)
        else:
            # Free is whether what a triggering item has released stays so when the mode is set again.
            held = set(self.worlds) if mode == before else set[World]()
            self._each(lambda world: (replace(world, due=0, released=False),))
            self.worlds |= held
        return before == DISABLED != mode

    def modified(self, stamps: int, now: Sample) -> bool:
        """Go on with parameters that were changed (5.13.3); tell whether a value may have been queued.

        Free are: whether a sample is taken at once ("as soon as practical"), whether what waits is cut to the new
        size now or when the queue is used next, and with which of the two TimestampsToReturn it is sent.
        """
        self.stamps = stamps
        if self.mode == DISABLED:
            return False

        def choices(world: World) -> Iterable[World]:
            queue = tuple(replace(one, stamps=one.stamps | {stamps}) for one in world.queue)
            waits = replace(world, queue=queue)
            return {waits, *self._trimmed(waits, shrunk=True)}

        self._each(choices)
        unobserved = set(self.worlds)
        possibly, _ = self.observe(now)
        self.worlds |= unobserved
        return possibly

    def resend(self, now: Sample) -> None:
        """Report once more where nothing waits (5.14.7.2, SendInitialValues; Part 5 v1.05 9.2, ResendData).

        Free is what: the clause asks for "the current value", and then for "the last value sent", which an item with a
        deadband or a slow clock tells apart; and whether the Overflow bit, told once, is told again.
        """
        if self.mode != REPORTING:
            return

        def choices(world: World) -> Iterable[World]:
            if world.queue or world.sent is None:
                return {world}
            stamps = world.sent.stamps | {self.stamps}
            again = {replace(world.sent, stamps=stamps, overflow=bit) for bit in (world.sent.overflow, False)}
            return {*(replace(world, queue=(one,)) for one in again), *self._pushed(world, self.look(now))}

        self._each(choices)

    def release(self, *, surely: bool) -> None:
        """Let the queue be reported, because a triggering item has triggered (5.13.1.6)."""
        if self.mode != SAMPLING:
            return
        unreleased = set() if surely else set(self.worlds)
        self._each(lambda world: (replace(world, due=len(world.queue), released=True),))
        self.worlds |= unreleased

    def take(self, seen: Sequence[Seen]) -> None:
        """Send what a message has of this item."""
        self._each(self._trimmed)
        left = {after for world in self.worlds if (after := self._after(world, seen)) is not None}
        require(left, f"{self} cannot have sent {seen}; it may have had {self.worlds}")
        self.worlds = left

    def pending(self) -> tuple[bool, bool]:
        """Tell whether anything may wait to be reported, and whether something must."""
        possible = any(world.queue and (self.mode == REPORTING or world.released) for world in self.worlds)
        return possible, all(self._waits(world) for world in self.worlds)

    def nothing_waits(self) -> None:
        """Rule out the worlds in which something had to be reported."""
        left = {replace(world, due=0, released=False) for world in self.worlds if not self._waits(world)}
        require(left, f"{self.worlds} of {self} should have been reported")
        self.worlds = left

    def _waits(self, world: World) -> bool:
        return bool(world.queue) if self.mode == REPORTING else bool(world.queue) and world.due > 0

    def _after(self, world: World, seen: Sequence[Seen]) -> World | None:
        if self.mode != REPORTING and seen and not world.released:
            return None
        if len(seen) > len(world.queue):
            return None
        if not all(self._shows(one, queued) for one, queued in zip(seen, world.queue, strict=False)):
            return None
        if not seen:
            return world
        taken = len(seen)
        return replace(world, queue=world.queue[taken:], sent=world.queue[taken - 1], due=max(0, world.due - taken))

    def _shows(self, seen: Seen, queued: Queued) -> bool:
        sample = queued.sample
        times = {
            SOURCE: (sample.source, None),
            SERVER: (None, sample.server),
            BOTH: (sample.source, sample.server),
            NEITHER: (None, None),
        }
        type_shown = 0 if sample.value is None else self.kind.shown_type
        return (
            seen.value == sample.value
            and seen.type == type_shown
            and seen.status == sample.status | (OVERFLOW if queued.overflow else 0)
            and any((seen.source, seen.server) == times[stamps] for stamps in queued.stamps)
        )

    def _pushed(self, world: World, sample: Sample) -> Iterable[World]:
        queue = (*world.queue, Queued(sample, frozenset((self.stamps,))))
        return self._trimmed(replace(world, queue=queue, last=sample))

    def _trimmed(self, world: World, *, shrunk: bool = False) -> Iterable[World]:
        """Cut the queue to its size (5.13.1.5); what stands beside the gap gets the Overflow bit."""
        if self.size == 1:
            # 7.39.1: no Overflow bit in a queue of one. Free is whether one that was set before the size was changed
            # stays; a queue of one always keeps the newest, whatever the discard policy.
            newest = world.queue[-1:]
            bits = {one.overflow for one in newest} | {False}
            return {replace(world, queue=tuple(replace(one, overflow=bit) for one in newest)) for bit in bits}
        if len(world.queue) <= self.size:
            return (world,)
        if self.discard_oldest:
            kept = world.queue[-self.size :]
            return (replace(world, queue=(replace(kept[0], overflow=True), *kept[1:])),)
        # The newest takes the place of the last. Where the size was made smaller, the newest of those that fit may
        # stay instead ("discarded following the configured discard policy", 5.13.3.2).
        front = world.queue[: self.size - 1]
        ends = {world.queue[-1], world.queue[self.size - 1]} if shrunk else {world.queue[-1]}
        return {replace(world, queue=(*front, replace(end, overflow=True))) for end in ends}

    def _each(self, step: Callable[[World], Iterable[World]]) -> None:
        self.worlds = {after for world in self.worlds for after in step(world)}
