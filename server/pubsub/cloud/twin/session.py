"""Keeps a cloud's twin and the gateway's nodes together: what is wanted is written, what is there is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.pubsub.cloud.twin.counters import TwinCounters
from server.pubsub.cloud.twin.dialect import Desired, News, TwinDialect, TwinGarbage
from server.pubsub.cloud.twin.memory import TwinMemory
from server.pubsub.cloud.twin.properties import PresentValues
from server.pubsub.cloud.twin.reporter import Reporter
from server.pubsub.cloud.twin.wishes import TwinWrites, Wishes
from server.pubsub.contract import Link, MqttMessage, Subscription


class TwinSession:
    """A :class:`~server.pubsub.contract.SpeakingSession` that is a twin's alone; of the event loop.

    ``nodes``: property -> the node that it is. Its own tasks run between :meth:`start` and :meth:`stop`; links may come
    and go.
    """

    in_sequence = False

    def __init__(
        self,
        dialect: TwinDialect,
        nodes: Mapping[str, str],
        present: PresentValues,
        writes: TwinWrites | None,
        memory: TwinMemory,
        *,
        report: float,
        priority: int = 1,
    ) -> None:
        """Prepare. ``writes``: None where nothing may be written; ``report``: seconds between two reports, at least."""
        self._dialect = dialect
        self.priority = priority
        self.counters = TwinCounters(dialect.title)
        self._reporter = Reporter(dialect, nodes, present, self.counters, interval=report, priority=priority)
        self._wishes = Wishes(nodes, writes, memory, self.counters, self._reporter.wake)
        self._reporter.outcomes = self._wishes.outcomes

    async def start(self) -> None:
        """Read what was carried out before, and begin. Raises :class:`~core.errors.StoreUnavailable`."""
        await self._wishes.start()
        self._reporter.start()

    async def stop(self) -> None:
        """End, after the write that is under way. Safe twice."""
        await self._wishes.stop()
        await self._reporter.stop()

    def will(self) -> MqttMessage | None:
        """Have none: a twin outlives its device's connection."""
        return None

    def opened(self, link: Link) -> None:
        """Learn the present link."""
        self._reporter.opened(link)

    def subscriptions(self) -> Sequence[Subscription]:
        """Name the twin's topics."""
        return [Subscription(one) for one in self._dialect.filters()]

    def greeting(self) -> Sequence[MqttMessage]:
        """Ask for the document."""
        return [self._reporter.greeting()]

    async def admitted(self) -> None:
        """Return at once."""

    def before(self, message: MqttMessage) -> Sequence[MqttMessage]:
        """Have nothing to say."""
        del message
        return ()

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        """Leave messages as they are."""
        del replayed
        return message

    def takes(self, message: MqttMessage) -> bool:
        """Tell whether a message is of the twin's service."""
        topic, filters = message.topic, self._dialect.filters()
        return any(topic == one or (one[-1] == "#" and topic.startswith(one[:-1])) for one in filters)

    def received(self, message: MqttMessage) -> None:
        """Take a message; what follows of it is done by the tasks."""
        try:
            self._take(self._dialect.read(message))
        except TwinGarbage as error:
            self.counters.garbage += 1
            self.counters.tell(f"{message.topic[:200]}: {error}")

    def _take(self, news: News | None) -> None:
        if isinstance(news, Desired):
            self._wishes.change(news)
        elif news is not None:
            answer, whole = news
            if self._reporter.answered(answer, whole) and whole is not None:
                self._wishes.whole(whole.desired)

    def lost(self) -> None:
        """Forget what was under way on the link."""
        self._reporter.lost()
        self._wishes.lost()

    def farewell(self) -> Sequence[MqttMessage]:
        """Have nothing to say."""
        return ()
