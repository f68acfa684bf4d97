"""One subscription: publishing cycles, keep-alives, lifetime, numbers, what is kept (Part 4 v1.05 5.14.1)."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.unit.server.subscriptions.histories.item import ModelItem
from tests.unit.server.subscriptions.histories.messages import (
    Answer,
    Message,
    Sample,
    Seen,
    SubscriptionParameters,
    SubscriptionResult,
    require,
)


class Truth(enum.IntEnum):
    """Whether something is so in no, some or every world."""

    NO = 0
    MAYBE = 1
    YES = 2

    @staticmethod
    def of(possible: bool, certain: bool) -> Truth:  # noqa: FBT001 - the two answers of a question, as they come
        return Truth.YES if certain else Truth.MAYBE if possible else Truth.NO


@dataclass
class ModelSubscription:
    """A subscription as the state table of 5.14.1.2 has it; counters are those of the text of 5.14.1.1."""

    id: int
    session: int
    enabled: bool
    limit: int
    priority: int
    lifetime: int
    keep_alive: int
    items: dict[int, ModelItem] = field(default_factory=dict[int, ModelItem])
    next_sequence: set[int] = field(default_factory=lambda: {1})
    kept: dict[int, Message] = field(default_factory=dict[int, Message])
    told: set[int] = field(default_factory=set[int])
    """Numbers that a StatusChangeNotification may have used; whether it is kept is left open."""
    sent: bool = False
    late: Truth = Truth.NO
    more: Truth = Truth.NO
    silent: int = 0
    unused: int = 0
    earliest: int = 0
    latest: int = 0

    def __post_init__(self) -> None:
        self._restart()

    def revise(self, asked: SubscriptionParameters, result: SubscriptionResult) -> None:
        """Go on with other parameters; whether the keep-alive counter begins anew is left open (5.14.3)."""
        check_revised(asked, result)
        self.limit, self.priority = asked.limit, asked.priority
        self.lifetime, self.keep_alive = result.lifetime, result.keep_alive
        self.earliest, self.latest, self.unused = 1, self.silent + result.keep_alive, 0

    def set_publishing(self, *, enabled: bool) -> None:
        """Switch the publishing (5.14.4). The state table takes MoreNotifications back, its text does not say why."""
        self.enabled, self.unused = enabled, 0
        self.more = min(self.more, Truth.MAYBE)

    def pending(self) -> Truth:
        """Tell whether there are notifications to send."""
        waits = [item.pending() for item in self.items.values()] if self.enabled else []
        return Truth.of(any(possible for possible, _ in waits), any(certain for _, certain in waits))

    def cycle(self, waiting: int, answers: Sequence[Answer]) -> None:
        """Check a publishing cycle that found ``waiting`` Publish requests."""
        self.silent += 1
        self.unused = 0 if waiting else self.unused + 1
        require(len(answers) <= waiting, f"{len(answers)} answers to {waiting} requests")
        for number, answer in enumerate(answers):
            if answer.message.is_keep_alive:
                require(number == 0, f"a keep-alive after notifications: {answer}")
                due = not self.sent or self.silent >= self.earliest or self.late != Truth.NO
                require(due, f"a keep-alive after {self.silent} silent cycles, of {self.keep_alive}")
                require(number == len(answers) - 1, f"more after a keep-alive: {answers}")
                self._keep_alive_sent(answer)
                return
            require(number == 0 or self.more != Truth.NO, f"a message after the last: {answer}")
            self._notified(answer)
        if answers:
            require(self.more == Truth.NO or len(answers) == waiting, "requests and notifications were left")
        elif waiting:
            self._nothing_to_say()
        else:
            self._become_late()

    def published(self, answer: Answer) -> None:
        """Check the answer to a Publish request that came while the subscription waited for one."""
        if not answer.message.is_keep_alive:
            self._notified(answer)
            return
        # Row 5 of the state table answers at once when there was more, even where that has been deleted since.
        require(max(self.late, self.more) != Truth.NO, f"a keep-alive that was not due: {answer}")
        self._keep_alive_sent(answer)
        self.earliest = 1  # the state table (11) does not begin the keep-alive counter anew here, the text may

    def ready(self) -> Truth:
        """Tell whether the next Publish request is answered at once (5.14.1.2, rows 5, 10, 11)."""
        if self.late == Truth.YES:
            return Truth.YES
        if self.more == Truth.YES and self.pending() == Truth.YES:
            return Truth.YES
        return Truth.MAYBE if Truth.MAYBE in (self.late, self.more) or self.more == Truth.YES else Truth.NO

    def not_ready(self) -> None:
        """Take in that a Publish request was not answered at once."""
        self.late = Truth.NO
        if self.more != Truth.NO and self.pending() == Truth.NO:
            self.more = Truth.NO

    def transferred(self, session: int) -> None:
        """Belong to another session from now on (5.14.7)."""
        self.session, self.unused = session, 0

    def notice_sent(self) -> None:
        """Take in that a StatusChangeNotification may have used a sequence number."""
        self.told |= self.next_sequence
        self.next_sequence |= {_after(sequence) for sequence in self.next_sequence}

    def resend(self, now: Sequence[Sample]) -> None:
        """Report all values once more; ``now``: what each point shows. Free is whether that triggers linked items."""
        for item in self.items.values():
            item.resend(now[item.slot])
            for link in item.links & set(self.items):
                self.items[link].release(surely=False)

    def acknowledge(self, sequence: int) -> bool | None:
        """Forget a message; None where it is left open whether it is kept."""
        if sequence in self.told and sequence not in self.kept:
            return None
        return self.kept.pop(sequence, None) is not None

    def _restart(self) -> None:
        self.silent, self.earliest, self.latest = 0, self.keep_alive, self.keep_alive

    def _nothing_to_say(self) -> None:
        require(self.sent, "neither a notification nor a keep-alive in the first cycle (5.14.1.1)")
        require(self.silent < self.latest, f"no keep-alive after {self.silent} silent cycles")
        require(self.late != Truth.YES, "late, and a request was there")
        self._all_reported()
        self.late = Truth.NO

    def _become_late(self) -> None:
        certain = not self.sent or self.pending() == Truth.YES or self.silent >= self.latest
        possible = certain or self.pending() == Truth.MAYBE or self.silent >= self.earliest
        self.late = max(self.late, Truth.of(possible, certain))

    def _keep_alive_sent(self, answer: Answer) -> None:
        self._check(answer)
        require(not answer.more, f"a keep-alive that promises more: {answer}")
        self._all_reported()
        self.next_sequence = {answer.message.sequence}
        self.late = self.more = Truth.NO
        self.sent = True
        self._restart()

    def _notified(self, answer: Answer) -> None:
        message = answer.message
        require(self.enabled, f"publishing is disabled: {answer}")
        self._check(answer, message.sequence)
        require(message.status is None, f"a status that nobody announced: {message}")
        require(not self.limit or len(message.values) <= self.limit, f"over {self.limit}: {answer}")
        by_handle: dict[int, list[Seen]] = {}
        for seen in message.values:
            by_handle.setdefault(seen.handle, []).append(seen)
        handles = {item.handle: item for item in self.items.values()}
        for handle, seen in by_handle.items():
            require(handle in handles, f"no item has the handle {handle}")
            handles[handle].take(seen)
        for item in self.items.values():
            if item.handle not in by_handle:
                item.take(())
        if answer.more:
            require(self.pending() != Truth.NO, f"promises more where nothing waits: {answer}")
        else:
            self._all_reported()
        self.kept[message.sequence] = message
        self.next_sequence = {_after(message.sequence)}
        self.late, self.more = Truth.NO, Truth.YES if answer.more else Truth.NO
        self.sent = True
        self._restart()

    def _all_reported(self) -> None:
        if self.enabled:
            for item in self.items.values():
                item.nothing_waits()

    def _check(self, answer: Answer, *new: int) -> None:
        require(answer.session == self.session, f"to session {answer.session}, not {self.session}: {answer}")
        require(
            answer.message.sequence in self.next_sequence,
            f"number {answer.message.sequence}, not {self.next_sequence}: {answer}",
        )
        # Free is whether the message that is being sent is already among those that can be had again (5.14.5.2).
        available = set(answer.available)
        require(len(available) == len(answer.available), f"a number twice: {answer}")
        require(
            available - self.told - set(new) == set(self.kept) - self.told - set(new),
            f"available {answer.available}, kept {sorted(self.kept)}",
        )


def check_revised(asked: SubscriptionParameters, result: SubscriptionResult) -> None:
    """Check what 5.14.2.2 says about revised counts."""
    require(result.keep_alive >= 1, f"keep-alive count {result.keep_alive}")
    require(result.lifetime >= 3 * result.keep_alive, f"lifetime {result.lifetime} < 3 * {result.keep_alive}")
    if asked.keep_alive:
        require(result.keep_alive == asked.keep_alive, f"keep-alive {result.keep_alive} for {asked.keep_alive}")
    if asked.lifetime >= 3 * result.keep_alive:
        require(result.lifetime == asked.lifetime, f"lifetime {result.lifetime} for {asked.lifetime}")


def _after(sequence: int) -> int:
    return 1 if sequence == 0xFFFFFFFF else sequence + 1
