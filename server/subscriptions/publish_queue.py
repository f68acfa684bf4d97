"""A session's Publish requests, and its subscriptions that wait for one (Part 4 v1.05 5.14.1.1, 5.14.5)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from core.quality import Status
from server.subscriptions.message import Message

_NOTICES = 100
"""Ends of subscriptions that a session without a Publish request is told of later."""


class Request(Protocol):
    """A Publish request that waits."""

    @property
    def deadline(self) -> float:
        """Monotonic seconds after which its client waits no more."""
        ...

    @property
    def handle(self) -> int:
        """What its client calls it (RequestHandle)."""
        ...

    def answer(self, subscription_id: int, available: Sequence[int], message: Message, *, more: bool) -> None:
        """Send a NotificationMessage."""
        ...

    def refuse(self, status: int) -> None:
        """Answer with a ServiceFault."""
        ...


class Waiting(Protocol):
    """A subscription that had something to say and no request to say it with."""

    @property
    def priority(self) -> int:
        """Whose turn it is first: the highest's (Part 4 v1.05 5.14.2.2)."""
        ...

    def use(self, request: Request) -> None:
        """Answer a request."""
        ...


class PublishQueue:
    """First in, first out. ``monotonic`` is the clock of the requests' deadlines."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Begin empty."""
        self._monotonic = monotonic
        self._requests: deque[Request] = deque()
        self._late: dict[Waiting, None] = {}
        self._notices: deque[tuple[int, Message]] = deque(maxlen=_NOTICES)

    def __len__(self) -> int:
        """Count the requests."""
        return len(self._requests)

    @property
    def notices(self) -> int:
        """Count the ends of subscriptions that are still to be told."""
        return len(self._notices)

    def take(self) -> Request | None:
        """Give the oldest request whose client still waits; the others are told BadTimeout."""
        moment = self._monotonic()
        while self._requests:
            request = self._requests.popleft()
            if request.deadline >= moment:
                return request
            request.refuse(Status.BAD_TIMEOUT)
        return None

    def wait(self, subscription: Waiting) -> None:
        """Let a subscription have the next request; who waits already keeps its place."""
        self._late.setdefault(subscription)

    def leave(self, subscription: Waiting) -> None:
        """Let a subscription wait no more; safe for one that does not."""
        self._late.pop(subscription, None)

    def put(self, request: Request, most: int) -> None:
        """Take a request: for a notice, for who waits for one, else for later.

        ``most`` requests are kept; then the oldest is answered BadTooManyPublishRequests (Part 4 v1.05 5.14.5.1).
        """
        if self._notices:
            subscription_id, message = self._notices.popleft()
            request.answer(subscription_id, (), message, more=False)
            return
        if len(self._requests) >= most or (self._requests and self._requests[0].deadline < self._monotonic()):
            self._drop_timed_out()
        while len(self._requests) >= most:
            self._requests.popleft().refuse(Status.BAD_TOO_MANY_PUBLISH_REQUESTS)
        self._requests.append(request)
        self.serve()

    def serve(self) -> None:
        """Give the requests that are here to who waits for one, the highest priority first."""
        while self._late and (request := self.take()) is not None:
            first = max(self._late, key=_priority)  # of equal ones the first, who waits longest
            del self._late[first]
            first.use(request)

    def notify(self, subscription_id: int, message: Message) -> None:
        """Tell of a subscription that ended or left, with a request that is here or the next that comes."""
        request = self.take()
        if request is None:
            self._notices.append((subscription_id, message))
        else:
            request.answer(subscription_id, (), message, more=False)

    def refuse_all(self, status: int) -> None:
        """Answer all requests with a ServiceFault."""
        while self._requests:
            self._requests.popleft().refuse(status)

    def cancel(self, handle: int) -> int:
        """Refuse the requests that have a client's handle; give how many there were (Part 4 v1.05 5.7.5)."""
        cancelled = [request for request in self._requests if request.handle == handle]
        self._requests = deque(request for request in self._requests if request.handle != handle)
        for request in cancelled:
            request.refuse(Status.BAD_REQUEST_CANCELLED_BY_CLIENT)
        return len(cancelled)

    def drop(self, gone: Callable[[Request], bool]) -> None:
        """Forget the requests whose connection is gone."""
        self._requests = deque(request for request in self._requests if not gone(request))

    def _drop_timed_out(self) -> None:
        moment = self._monotonic()
        timed_out = [request for request in self._requests if request.deadline < moment]
        self._requests = deque(request for request in self._requests if request.deadline >= moment)
        for request in timed_out:
            request.refuse(Status.BAD_TIMEOUT)


def _priority(subscription: Waiting) -> int:
    return subscription.priority
