"""A session's Publish requests and who waits for one, with a clock moved by hand (Part 4 v1.05 5.14.1, 5.14.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.quality import Status
from server.subscriptions.message import Message
from server.subscriptions.publish_queue import PublishQueue, Request

FOREVER = 1e18


@dataclass(eq=False)
class Asked:
    """A Publish request that keeps how it was answered; ``name`` tells it from others."""

    name: str = ""
    deadline: float = FOREVER
    handle: int = 0
    told: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def answer(self, subscription_id: int, available: Sequence[int], message: Message, *, more: bool) -> None:
        del available, message, more
        self.told.append(("answered", subscription_id))

    def refuse(self, status: int) -> None:
        self.told.append(("refused", status))

    @property
    def outcome(self) -> tuple[str, int]:
        """The one answer that it got."""
        (told,) = self.told
        return told


@dataclass(eq=False)
class Late:
    """A subscription with something to say."""

    id: int
    priority: int = 0
    more: int = 0
    queue: PublishQueue | None = None
    used: list[Request] = field(default_factory=list[Request])

    def use(self, request: Request) -> None:
        self.used.append(request)
        request.answer(self.id, (), Message(1, 0), more=self.more > 0)
        if self.more and self.queue is not None:
            self.more -= 1
            self.queue.wait(self)


class Clock:
    """A monotonic clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made() -> tuple[Clock, PublishQueue]:
    clock = Clock()
    return clock, PublishQueue(clock)


def test_first_in_first_out() -> None:
    _, queue = made()
    asked = [Asked(str(number)) for number in range(3)]
    for one in asked:
        queue.put(one, 10)
    assert len(queue) == 3
    assert [queue.take() for _ in range(4)] == [*asked, None]


def test_who_waits_is_served_by_the_next_request_and_keeps_its_place() -> None:
    _, queue = made()
    first, second = Late(1), Late(2)
    queue.wait(first)
    queue.wait(second)
    queue.wait(first)
    asked = [Asked() for _ in range(3)]
    for one in asked:
        queue.put(one, 10)
    assert [one.told for one in asked] == [[("answered", 1)], [("answered", 2)], []]
    assert len(queue) == 1


def test_the_highest_priority_first_and_of_equal_ones_who_waits_longest() -> None:
    # 5.14.2.2: the subscription with the highest priority sends its notifications first
    _, queue = made()
    for late in (Late(1, 5), Late(2, 255), Late(3, 255), Late(4, 0), Late(5, 5)):
        queue.wait(late)
    asked = [Asked() for _ in range(5)]
    for one in asked:
        queue.put(one, 10)
    assert [one.outcome for one in asked] == [("answered", number) for number in (2, 3, 1, 5, 4)]


def test_who_has_more_to_say_goes_behind_its_equals() -> None:
    _, queue = made()
    queue.wait(Late(1, more=2, queue=queue))
    queue.wait(Late(2, more=2, queue=queue))
    asked = [Asked() for _ in range(6)]
    for one in asked:
        queue.put(one, 10)
    assert [one.outcome[1] for one in asked] == [1, 2, 1, 2, 1, 2]


def test_who_left_is_not_served() -> None:
    _, queue = made()
    gone = Late(1)
    queue.wait(gone)
    queue.leave(gone)
    queue.leave(gone)
    queue.put(Asked(), 10)
    assert not gone.used
    assert len(queue) == 1


def test_a_request_whose_client_waits_no_more_is_told_so_and_another_is_used() -> None:
    # 5.14.5.1: TimeoutHint; Bad_Timeout, and another Publish request is used
    clock, queue = made()
    brief, patient = Asked(deadline=1001.0), Asked()
    queue.put(brief, 10)
    queue.put(patient, 10)
    clock.now = 1001.0
    assert queue.take() is brief, "its time is not over before its deadline"
    queue.put(Asked(deadline=1001.5), 10)
    late = Asked(deadline=1001.2)
    queue.put(late, 10)
    assert queue.take() is patient
    clock.now = 1001.3
    assert queue.take() is not None
    assert queue.take() is None
    assert late.outcome == ("refused", Status.BAD_TIMEOUT)


def test_a_timed_out_request_never_reaches_who_waits() -> None:
    clock, queue = made()
    old = Asked(deadline=1001.0)
    queue.put(old, 10)
    clock.now = 1002.0
    late = Late(1)
    queue.wait(late)
    queue.serve()
    assert not late.used
    assert old.outcome == ("refused", Status.BAD_TIMEOUT)
    following = Asked()
    queue.put(following, 10)
    assert following.outcome == ("answered", 1)


def test_the_oldest_is_given_back_when_there_are_too_many() -> None:
    # 5.14.5.1: the oldest is answered with Bad_TooManyPublishRequests
    _, queue = made()
    asked = [Asked() for _ in range(5)]
    for one in asked:
        queue.put(one, 3)
    assert [one.told for one in asked[:2]] == [[("refused", Status.BAD_TOO_MANY_PUBLISH_REQUESTS)]] * 2
    assert [queue.take() for _ in range(3)] == asked[2:]


def test_a_timed_out_request_gives_its_place_before_the_oldest_has_to() -> None:
    clock, queue = made()
    oldest, brief, following = Asked(), Asked(deadline=1001.0), Asked()
    queue.put(oldest, 2)
    queue.put(brief, 2)
    clock.now = 1002.0
    queue.put(following, 2)
    assert brief.outcome == ("refused", Status.BAD_TIMEOUT)
    assert [queue.take(), queue.take()] == [oldest, following]


def test_fewer_are_kept_once_there_are_fewer_subscriptions() -> None:
    _, queue = made()
    asked = [Asked() for _ in range(6)]
    for one in asked:
        queue.put(one, 10)
    queue.put(Asked(), 3)
    assert len(queue) == 3
    assert [len(one.told) for one in asked] == [1, 1, 1, 1, 0, 0]


def test_ends_are_told_at_once_or_with_the_next_requests_before_anything_else() -> None:
    # 5.14.1.1: a StatusChangeNotification needs a Publish request too
    _, queue = made()
    here = Asked()
    queue.put(here, 10)
    queue.notify(7, Message(1, 0, status_change=Status.BAD_TIMEOUT))
    assert here.outcome == ("answered", 7)
    queue.notify(8, Message(1, 0, status_change=Status.BAD_TIMEOUT))
    queue.notify(9, Message(1, 0, status_change=Status.BAD_TIMEOUT))
    late = Late(1)
    queue.wait(late)
    assert queue.notices == 2
    asked = [Asked() for _ in range(3)]
    for one in asked:
        queue.put(one, 10)
    assert [one.outcome[1] for one in asked] == [8, 9, 1]
    assert queue.notices == 0


def test_notices_are_bounded_the_latest_are_kept() -> None:
    _, queue = made()
    for number in range(250):
        queue.notify(number, Message(1, 0))
    assert queue.notices == 100
    first = Asked()
    queue.put(first, 10)
    assert first.outcome == ("answered", 150)


def test_requests_are_refused_all_together_and_dropped_without_an_answer() -> None:
    _, queue = made()
    asked = [Asked(str(number % 2)) for number in range(4)]
    for one in asked:
        queue.put(one, 10)
    queue.drop(_named("1"))
    assert len(queue) == 2
    queue.refuse_all(Status.BAD_NO_SUBSCRIPTION)
    assert [one.told for one in asked] == [[("refused", Status.BAD_NO_SUBSCRIPTION)], []] * 2
    assert len(queue) == 0


def _named(name: str) -> Callable[[Request], bool]:
    return lambda request: isinstance(request, Asked) and request.name == name


class Queueing(RuleBasedStateMachine):
    """Any traffic: each request is answered once, in order; nobody waits while there is a request."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.queue = made()
        self.waiting: list[Asked] = []
        self.late = [Late(number, number % 3) for number in range(5)]
        self.want: dict[int, Late] = {}

    @rule(seconds=st.floats(0.1, 5.0))
    def passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(patience=st.one_of(st.none(), st.floats(0.1, 8.0)))
    def asks(self, patience: float | None) -> None:
        one = Asked(deadline=FOREVER if patience is None else self.clock.now + patience)
        self.waiting.append(one)
        self.queue.put(one, 4)

    @rule(which=st.integers(0, 4))
    def wants(self, which: int) -> None:
        self.queue.wait(self.late[which])
        self.queue.serve()

    @rule(which=st.integers(0, 4))
    def leaves(self, which: int) -> None:
        self.queue.leave(self.late[which])

    @rule(which=st.integers(0, 4))
    def ends(self, which: int) -> None:
        self.queue.notify(100 + which, Message(1, 0))

    @invariant()
    def every_request_is_answered_once_and_in_order(self) -> None:
        assert all(len(one.told) <= 1 for one in self.waiting)
        open_ = [one for one in self.waiting if not one.told]
        assert len(self.queue) == len(open_) <= 4
        served = [at for at, one in enumerate(self.waiting) if one.told and one.outcome[0] == "answered"]
        live = [at for at, one in enumerate(self.waiting) if not one.told and one.deadline >= self.clock.now]
        assert not served or not live or max(served) < min(live), "first in, first out"
        assert not (self.queue.notices and live)


TestQueueing = Queueing.TestCase
TestQueueing.settings = settings(max_examples=50, stateful_step_count=30)


def test_requests_are_cancelled_by_their_handle() -> None:
    # Part 4 v1.05 5.7.5
    queue = PublishQueue(lambda: 0.0)
    asked = [Asked(handle=handle) for handle in (7, 8, 7)]
    for one in asked:
        queue.put(one, 9)
    assert (queue.cancel(7), queue.cancel(9), len(queue)) == (2, 0, 1)
    refused = [("refused", int(Status.BAD_REQUEST_CANCELLED_BY_CLIENT))]
    assert [one.told for one in asked] == [refused, [], refused]
