"""Tells a cloud what nodes are: what has changed, not too often, and one request at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from core.backoff import Backoff
from server.pubsub.cloud.twin.counters import TwinCounters
from server.pubsub.cloud.twin.dialect import (
    CONFLICT,
    NOT_FOUND,
    SERVER_ERRORS,
    TOO_MANY,
    Answer,
    Json,
    Outcome,
    TwinDialect,
    Whole,
)
from server.pubsub.cloud.twin.patch import difference, patched
from server.pubsub.cloud.twin.properties import PresentValues
from server.pubsub.contract import Link, MqttMessage

_log = logging.getLogger("plantspace.pubsub")

ANSWERED_WITHIN: Final = 20.0
"""Seconds after which a request without an answer is made again."""
_LEAST_PAUSE: Final = 0.02


@dataclass(slots=True)
class _Request:
    token: str
    due: float
    patch: dict[str, Json] | None = None
    """What it reports; None for a request of the document."""


class Reporter:
    """Keeps the reported part of a document as the nodes are. ``interval``: seconds between two reports, at least.

    ``names``: the properties that are ours; ``outcomes``: how wishes went, which is told at once.
    """

    def __init__(
        self,
        dialect: TwinDialect,
        names: Collection[str],
        present: PresentValues,
        counters: TwinCounters,
        *,
        interval: float,
        priority: int,
    ) -> None:
        """Prepare."""
        self._dialect, self._names, self._present, self._counters = dialect, names, present, counters
        self._interval, self._priority = interval, priority
        self.outcomes: Mapping[str, Outcome] = {}
        self._link: Link | None = None
        self._greeted = self._synced = False
        self._reported: dict[str, Json] = {}
        """What the cloud has of ours."""
        self._request: _Request | None = None
        self._not_before = 0.0
        self._backoff = Backoff(first=1.0, longest=60.0)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="twin-reporter")

    async def stop(self) -> None:
        """End. Safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def opened(self, link: Link) -> None:
        """Learn the present link; nothing is said on it before :meth:`greeting`."""
        self._link = link

    def greeting(self) -> MqttMessage:
        """Ask for the document: what was wanted while nobody was here comes no other way."""
        self._greeted = True
        self._wake.set()
        return self._ask()

    def lost(self) -> None:
        """Forget what was under way on the link."""
        self._link = self._request = None
        self._synced = self._greeted = False

    def wake(self) -> None:
        """Look whether there is something to say."""
        self._wake.set()

    def answered(self, answer: Answer, whole: Whole | None) -> bool:
        """Take the answer to the present request; tells whether the document is known by it."""
        request = self._request
        if request is None or answer.token != request.token:
            return False
        self._request = None
        self._wake.set()
        asked = request.patch is None
        if not (answer.is_good or (asked and answer.code == NOT_FOUND)):
            self._refused(answer, asked=asked)
            return False
        self._backoff.reset()
        self._counters.last_error = ""
        if request.patch is not None:
            self._reported = patched(self._reported, request.patch)
            return False
        ours = {*self._names, "errors", "quality"}
        self._reported = {}
        if whole is not None:  # else there is no document yet
            self._reported = {name: value for name, value in whole.reported.items() if name in ours}
        self._synced = True
        return True

    def _refused(self, answer: Answer, *, asked: bool) -> None:
        self._counters.refused_reports += not asked
        wait = self._backoff.next()
        if answer.code == CONFLICT:
            # Somebody changed the document meanwhile: look at it first.
            self._synced = False
        elif not (answer.code == TOO_MANY or answer.code >= SERVER_ERRORS):
            wait = max(wait, self._backoff.longest)
        self._wait(wait)
        self._counters.tell(f"refused with {answer.code}: {answer.message[:200]}")

    async def _run(self) -> None:
        """Report what has changed, not more often than the interval; how a wish went is told at once."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        told: dict[str, Outcome] = {}
        while True:
            now = loop.time()
            if self._may_speak and now >= self._not_before:
                if self._request is not None and now >= self._request.due:
                    self._counters.tell(f"no answer within {ANSWERED_WITHIN:g} s")
                    self._request = None
                if self._request is None and not self._synced:
                    self._send(self._ask())
                elif self._request is None and (now >= due or told != self.outcomes):
                    told = dict(self.outcomes)
                    due = now + self._interval
                    self._try_to_report()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._next(loop.time(), due)):
                    await self._wake.wait()

    @property
    def _may_speak(self) -> bool:
        return self._link is not None and self._greeted and not self._link.lost.is_set()

    def _next(self, now: float, due: float) -> float | None:
        """Give when there may be something to do without anybody's saying so; None for never."""
        if not self._may_speak:
            return None
        wanted = due if self._request is None else self._request.due
        return max(wanted, self._not_before, now + _LEAST_PAUSE)

    def _try_to_report(self) -> None:
        try:
            self._report()
        except Exception:  # noqa: BLE001 - a value that no one foresaw must not end the twin for ever
            _log.exception("%s: what is there could not be reported", self._counters.title)
            self._wait(self._backoff.longest)

    def _report(self) -> None:
        present = self._present.read()
        patch = difference(self._reported, self._dialect.document(present.values, present.quality, self.outcomes))
        if not patch:
            return
        token = secrets.token_hex(8)
        message = self._dialect.report(token, patch)
        if len(message.payload) > self._dialect.largest:
            self._counters.tell(f"a report has {len(message.payload)} bytes, and {self._dialect.largest} are taken")
            self._wait(self._backoff.longest)
            return
        self._counters.reports += 1
        self._request = _Request(token, asyncio.get_running_loop().time() + ANSWERED_WITHIN, patch)
        self._send(message)

    def _ask(self) -> MqttMessage:
        token = secrets.token_hex(8)
        self._request = _Request(token, asyncio.get_running_loop().time() + ANSWERED_WITHIN)
        return self._dialect.request(token)

    def _send(self, message: MqttMessage) -> None:
        if self._link is None:
            return
        try:
            # Whether it came is known by its answer, and by no PUBACK.
            self._link.fly([message], self._priority)
        except ValueError as error:
            self._request = None
            self._wait(self._backoff.longest)
            self._counters.tell(str(error))

    def _wait(self, seconds: float) -> None:
        self._not_before = asyncio.get_running_loop().time() + seconds
