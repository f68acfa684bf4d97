"""Which DataSetMessages are new: SequenceNumbers wrap, and publishers begin again (Part 14 v1.05 7.2.3)."""

from __future__ import annotations

from dataclasses import dataclass

from server.pubsub.commands.subscribed.messages import ReceivedMessage


@dataclass(slots=True)
class SequenceCounters:
    """``missed``: numbers that were left out; ``repeated``: messages that came twice or late."""

    missed: int = 0
    repeated: int = 0
    restarts: int = 0


@dataclass(slots=True)
class Sequence:
    """Of one DataSetWriter."""

    counters: SequenceCounters
    _last: int | None = None
    _time: int | None = None

    def is_new(self, message: ReceivedMessage, *, was_silent: bool) -> bool:
        """Tell whether a message is newer than all before, and count it.

        A number that is older in a message that was made later, or after silence, is a publisher's that begins again.
        """
        number = message.sequence
        if number is None:
            return True
        number %= message.wraps
        if self._last is None:
            self._take(number, message.time)
            return True
        ahead = (number - self._last) % message.wraps
        if 0 < ahead < message.wraps // 2:
            self.counters.missed += ahead - 1
            self._take(number, message.time)
            return True
        later = message.time is not None and self._time is not None and message.time > self._time
        if later or (was_silent and message.time is None):
            self.counters.restarts += 1
            self._take(number, message.time)
            return True
        self.counters.repeated += 1
        return False

    def _take(self, number: int, time: int | None) -> None:
        self._last = number
        if time is not None:
            self._time = time
