"""Keeps a link to a broker up: dials, reconnects with back-off, lets the session speak first on each link."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from core.backoff import Backoff
from core.errors import StoreUnavailable
from core.time import now
from server.pubsub.contract import FAILURE, LOST, BrokerSession, MqttMessage, SizedLink, SpeakingSession
from server.pubsub.mqtt.counters import ConnectionCounters
from server.pubsub.mqtt.credentials import CredentialProvider, Credentials
from server.pubsub.mqtt.link import MqttLink
from server.pubsub.mqtt.reasons import RETAIN_NOT_SUPPORTED, reason_text
from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.mqtt.terms import Refused

_log = logging.getLogger("plantspace.pubsub")

RENEWED_EVERY: Final = 86_400.0
"""Seconds after which retained messages are said again: half of what a broker keeps them (Part 14 v1.05 7.3.5.8)."""
GREETING_PRIORITY: Final = 1_000
"""Above all that is flown as data, unless the session numbers its messages: then nothing may overtake."""
_STEADY: Final = 10.0
"""A link that held for so many seconds was a success; one that breaks sooner makes the next wait longer."""
_FAREWELL: Final = 1.0
"""Seconds that a broker has to take the farewell."""
_REMEMBERED: Final = 100
"""Warnings that are not given twice."""
_SETTLES_WITHIN: Final = 5.0
"""Seconds that messages in flight have before a link is renewed."""
_RENEWED_BEFORE: Final = (0.1, 300.0)
"""A link is renewed before its credentials run out by this share of their time, up to so many seconds."""


class BrokerConnection:
    """One connection to a broker. :meth:`start` returns at once: a broker that is away holds nothing up."""

    def __init__(
        self,
        settings: BrokerSettings,
        session: BrokerSession,
        *,
        client_id: str = "",
        credentials: CredentialProvider | None = None,
        renewed: Callable[[], Sequence[MqttMessage]] | None = None,
        wrap: Callable[[SizedLink], SizedLink] | None = None,
    ) -> None:
        """Prepare; nothing is connected before :meth:`start`.

        ``client_id`` is used where the settings have none; without either the broker chooses one. ``renewed`` gives the
        retained messages that are said again once a day, so that no broker lets them expire. ``wrap`` makes of each
        link that is connected the one that everybody speaks on: what a broker takes a second is kept to there.
        """
        self._settings = settings
        self._session = session
        self._client_id = settings.client_id or client_id
        self._credentials = credentials
        self._renewed = renewed
        self._wrap = wrap
        self._present: SizedLink | None = None
        self._link: SizedLink | None = None
        self._up = asyncio.Event()
        self._up_since: float | None = None
        """When the newest link came up, by the loop's clock."""
        self._retains_will = True
        self._warned: set[str] = set()
        """What was warned of, so that a broker that comes and goes does not fill the log with it."""
        self._task: asyncio.Task[None] | None = None
        self.counters = ConnectionCounters()

    @property
    def present(self) -> SizedLink | None:
        """The link whose broker has answered: greeting, or up. For a session that speaks before it is admitted."""
        return self._present

    async def start(self) -> None:
        """Begin to connect."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="mqtt-connection")

    async def stop(self) -> None:
        """Say goodbye if there is anyone to hear it, and disconnect. Safe twice and before :meth:`start`."""
        task, self._task = self._task, None
        if task is None:
            return
        present = self._present
        if present is not None:
            await self._part(present)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def link(self) -> SizedLink:
        """Wait for a link that is up; however long the broker is away."""
        while self._link is None or self._link.lost.is_set():
            self._up.clear()
            await self._up.wait()
        return self._link

    async def _run(self) -> None:
        settings = self._settings
        backoff = Backoff(first=settings.retry_first, longest=settings.retry_longest)
        loop = asyncio.get_running_loop()
        while True:
            self._up_since = None
            pause: float | None = None
            try:
                problem = await self._live()
            except Refused as error:
                problem = str(error)
                self._retains_will = self._retains_will and error.code != RETAIN_NOT_SUPPORTED
                if error.is_lasting:  # another try in half a second would be refused again, and counted against us
                    pause = Backoff(first=settings.retry_longest, longest=settings.retry_longest).next()
            except (StoreUnavailable, ValueError) as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - a fault of a session must not end publishing for ever
                _log.exception("the connection to %s failed in a way that is not foreseen", settings.broker)
                problem = str(error) or type(error).__name__
            if self._up_since is not None and loop.time() - self._up_since >= _STEADY:
                backoff.reset()
            if problem:
                self._went_down(problem)
                await asyncio.sleep(backoff.next() if pause is None else pause)

    async def _live(self) -> str:
        """Live through one link; give why it ended, nothing if it is only to be made anew."""
        credentials = None if self._credentials is None else await self._ask(self._credentials)
        made = MqttLink(
            self._settings,
            client_id=self._client_id,
            will=self._will(),
            credentials=credentials,
            received=self._session.received,
        )
        present: SizedLink | None = None
        try:
            await made.connect()
            self._present = present = link = made if self._wrap is None else self._wrap(made)
            if isinstance(self._session, SpeakingSession):
                self._session.opened(link)
            await self._greet(link)
            self._came_up(link)
            renewal = await self._hold(link, credentials)
            if renewal:
                self._link = None  # who asks for one waits for the next
                await self._part(link, settle=True)
                return ""
            return link.reason
        finally:
            self._link = None
            self.counters.connected = False
            self.counters.connected_since = None
            await made.close()
            if present is not None:
                self._present = None
                self._session.lost()

    def _will(self) -> MqttMessage | None:
        will = self._session.will()
        if will is not None and will.retain and not self._retains_will:
            return replace(will, retain=False)
        return will

    async def _ask(self, provider: CredentialProvider) -> Credentials:
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                return await provider()
        except TimeoutError as error:
            message = f"there are no credentials for {self._settings.broker} in time"
            raise StoreUnavailable(message) from error

    async def _greet(self, link: SizedLink) -> None:
        """Subscribe, let the session say its greeting, and wait until it is admitted.

        Raises :class:`~core.errors.StoreUnavailable` if the link breaks meanwhile.
        """
        wanted = self._session.subscriptions()
        codes = await link.subscribe(wanted)
        refused: list[str] = []
        for subscription, code in zip(wanted, codes, strict=True):
            if code >= FAILURE:
                refused.append(subscription.topic_filter)
                self._warn(f"refuses to send {subscription.topic_filter}: {reason_text(code)}")
        self.counters.refused_subscriptions = tuple(refused)
        await self._say(link, self._session.greeting())
        admitted = asyncio.ensure_future(self._session.admitted())
        lost = asyncio.ensure_future(link.lost.wait())
        try:
            await asyncio.wait((admitted, lost), return_when=asyncio.FIRST_COMPLETED)
            if not admitted.done():
                raise StoreUnavailable(link.reason)
            admitted.result()
        finally:
            for task in (admitted, lost):
                task.cancel()
            await asyncio.gather(admitted, lost, return_exceptions=True)

    async def _say(self, link: SizedLink, messages: Sequence[MqttMessage]) -> None:
        """Send messages before all data and wait for them; one that the broker does not take is left out and told."""
        fit: list[MqttMessage] = []
        for message in messages:
            size = link.size_of(message)
            if size <= link.largest:
                fit.append(message)
            else:
                self._warn(f"takes {link.largest} bytes at most: {message.topic} has {size} and is not said")
        priority = GREETING_PRIORITY
        if isinstance(self._session, SpeakingSession) and self._session.in_sequence:
            priority = self._session.priority
        flight = link.fly(fit, priority)
        await flight.wait()
        if LOST in flight.codes:
            raise StoreUnavailable(link.reason)
        for message, code in zip(fit, flight.codes, strict=True):
            if code is not None and code >= FAILURE:
                self._warn(f"refuses {message.topic}: {reason_text(code)}")

    async def _part(self, link: SizedLink, *, settle: bool = False) -> None:
        """Say what is said before a clean end; in bounded time, whatever the broker does."""
        with contextlib.suppress(TimeoutError, StoreUnavailable, ValueError):
            if settle:
                async with asyncio.timeout(_SETTLES_WITHIN):
                    await link.settle()
            async with asyncio.timeout(_FAREWELL):
                await self._say(link, self._session.farewell())

    async def _hold(self, link: SizedLink, credentials: Credentials | None) -> bool:
        """Return when the link is lost, or, with True, when it has to be renewed; renew what brokers let expire."""
        loop = asyncio.get_running_loop()
        ends = None
        if credentials is not None and credentials.valid_for is not None:
            share, most = _RENEWED_BEFORE
            left = credentials.valid_for - min(credentials.valid_for * share, most)
            ends = loop.time() + max(left, self._settings.retry_longest)
        says = loop.time() + RENEWED_EVERY
        while True:
            due = says if ends is None else min(says, ends)
            # wait_for would swallow the cancellation of stop() where the link is lost in the same moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, due - loop.time())):
                    await link.lost.wait()
            if link.lost.is_set():
                return False
            if ends is not None and loop.time() >= ends:
                return True
            says += RENEWED_EVERY
            if self._renewed is not None:
                await self._say(link, self._renewed())

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            if len(self._warned) >= _REMEMBERED:
                self._warned.clear()
            self._warned.add(text)
            _log.warning("%s %s", self._settings.broker, text)

    def _came_up(self, link: SizedLink) -> None:
        self._link = link
        self._up_since = asyncio.get_running_loop().time()
        self.counters.connected = True
        self.counters.connected_since = now()
        self.counters.connects += 1
        self.counters.last_error = ""
        _log.info("connected to %s as %s", self._settings.broker, self._client_id or "whom the broker names")
        self._up.set()

    def _went_down(self, problem: str) -> None:
        self.counters.failures += 1
        if problem != self.counters.last_error:
            _log.warning("%s is away, messages wait in the outbox: %s", self._settings.broker, problem)
        self.counters.last_error = problem
