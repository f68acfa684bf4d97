"""The gateway's own log as a DataSet of events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from core.datatypes import DataType
from core.time import TICKS_PER_SECOND, now
from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.encoded_variant import EncodedVariant
from server.address_space.encoding import COLUMNS, encode_localized_text, encode_string, uint16_variant, variant
from server.pubsub.delivery.streams import DataClass
from server.pubsub.events.contract import EventCounters, EventParts
from server.pubsub.events.settings import LogSettings
from server.pubsub.events.waiting import EventQueue, columns_of
from server.pubsub.fields import DataSetField
from server.pubsub.json.field_types import NO_TYPES

UNHEARD: Final = ("plantspace.pubsub", "plantspace.outbox", "plantspace.forwarder")
"""Loggers that tell of what publishing itself does: a line of theirs would be the cause of the next."""
_LONGEST: Final = 8_192
"""Characters of a message."""
_SEVERITIES: Final = ((logging.CRITICAL, 900), (logging.ERROR, 700), (logging.WARNING, 500), (logging.INFO, 100))
_LEAST: Final = 50
_FIELDS: Final = (("Time", "i=294"), ("Severity", "i=5"), ("SourceName", "i=12"), ("Message", "i=21"))
"""Names and types of BaseEventType's (Part 5 v1.05 6.4.2)."""


class _Line(NamedTuple):
    time: int
    severity: int
    logger: str
    message: str


class LogEvents(logging.Handler):
    """Hears loggers; an :class:`~server.pubsub.events.contract.EventSource`.

    Records come from any thread, one at a time by the handler's own lock. Up to ``rate`` a second are kept, with as
    many at once after a quiet time; the rest is counted as dropped.
    """

    def __init__(self, name: str, settings: LogSettings, clock: Callable[[], int] = now) -> None:
        """Hear nothing yet. ``clock`` gives DateTime ticks; a record's time is when it was heard."""
        super().__init__(getattr(logging, settings.level.upper()))
        self.fields = tuple(_field(name, field, kind) for field, kind in _FIELDS)
        self.category: DataClass = settings.kind
        named = settings.loggers
        # A record goes up to the loggers above its own, and is to be heard once.
        self._loggers = [
            logging.getLogger(one) for one in set(named) if not any(one.startswith(f"{other}.") for other in named)
        ]
        self._rate = settings.rate
        self._clock = clock
        self._queue: EventQueue[_Line] = EventQueue(settings.queue)
        self._make = columns_of(self.fields)
        self._allowed = float(settings.rate)
        self._last = clock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def arrived(self) -> asyncio.Event:
        """Set when a record has come in; :meth:`take` clears it when none is left."""
        return self._queue.arrived

    @property
    def counters(self) -> EventCounters:
        """What was counted."""
        return self._queue.counters

    def start(self) -> None:
        """Begin to listen, on the event loop's thread. Safe twice."""
        self._loop = asyncio.get_running_loop()
        for logger in self._loggers:
            logger.addHandler(self)

    def stop(self) -> None:
        """Listen no more; what waits can still be taken. Safe twice and before :meth:`start`."""
        for logger in self._loggers:
            logger.removeHandler(self)
        self._loop = None

    def take(self, most: int = 500) -> list[EventParts]:
        """Give up to ``most`` of the oldest records that wait."""
        return self._queue.take(most, self._made)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, if its logger is not one of publishing's own and the rate allows it."""
        if any(record.name == one or record.name.startswith(f"{one}.") for one in UNHEARD):
            return
        moment = self._clock()
        if not self._is_allowed(moment):
            self._queue.refuse()
            return
        self._queue.put(_Line(moment, _severity(record.levelno), record.name, _message(record)))
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody will take any more
                loop.call_soon_threadsafe(self._queue.arrived.set)

    def _is_allowed(self, moment: int) -> bool:
        passed = max(0, moment - self._last) / TICKS_PER_SECOND
        self._last = moment
        self._allowed = min(float(self._rate), self._allowed + passed * self._rate)
        if self._allowed < 1:
            return False
        self._allowed -= 1
        return True

    def _made(self, line: _Line) -> EventParts:
        encoded = (
            COLUMNS[DataType.DATETIME].pack(DataType.DATETIME, line.time),
            uint16_variant(line.severity),
            variant(BuiltInType.String, encode_string(line.logger)),
            variant(BuiltInType.LocalizedText, encode_localized_text(LocalizedText(None, line.message))),
        )
        return self._make(line.time, [EncodedVariant.read(one, NO_TYPES) for one in encoded])


def _field(dataset: str, name: str, data_type: str) -> DataSetField:
    return DataSetField(name, -1, DataType.VARIANT, f"event:{dataset}/{name}", data_type=data_type)


def _severity(level: int) -> int:
    return next((severity for least, severity in _SEVERITIES if level >= least), _LEAST)


def _message(record: logging.LogRecord) -> str:
    """Give what a record says, with the exception's own words; a traceback stays in the log."""
    try:
        said = record.getMessage()
    except (TypeError, ValueError):
        said = str(record.msg)
    error = record.exc_info[1] if record.exc_info else None
    whole = said if error is None else f"{said}: {type(error).__name__}: {error}"
    return whole[:_LONGEST].encode("utf-8", "replace").decode()
