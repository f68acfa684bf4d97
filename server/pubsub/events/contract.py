"""The face of a DataSet of events to the DataSetWriter that publishes it.

A writer does this at each of its intervals, or when :attr:`EventSource.arrived` is set::

    for event in source.take():
        frames.append(Frame(MessageType.EVENT, next_sequence_number, event.time, event.parts))

One event is one DataSetMessage (Part 14 v1.05 7.2.5.4). What was taken is the writer's: it counts it if it cannot keep
it. All calls are on the event loop's thread and none of them waits.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from server.pubsub.delivery.streams import DataClass
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues


@dataclass(frozen=True, slots=True, eq=False)
class EventParts:
    """One event, ready for a Frame of the kind EVENT. ``time``: when it happened, ticks.

    ``parts``: one column of the type VARIANT with all fields of the DataSet. Each value is an
    :class:`~server.address_space.encoded_variant.EncodedVariant`: a Variant that has its built-in type and names
    namespaces by URI, and the bytes of it beside. The null one (``BuiltInType.Null``) is a field that this event has
    not got. All statuses are Good, all times the event's.
    """

    time: int
    parts: tuple[FieldValues, ...]


@dataclass(slots=True)
class EventCounters:
    """Since the start, in events.

    ``acquired``: that passed the filter; ``dropped``: of these, over the queue or over the rate; ``failed``: that have
    no readable fields; ``waiting``: not taken yet.
    """

    acquired: int = 0
    dropped: int = 0
    failed: int = 0
    waiting: int = 0


class EventSource(Protocol):
    """Events that pass one DataSet's filter, in the order in which they happened, through a bounded queue.

    Past the queue's end the oldest go and are counted.
    """

    @property
    def fields(self) -> tuple[DataSetField, ...]:
        """The fields of the DataSet. They are no points: ``slot`` is -1, ``datatype`` VARIANT."""
        ...

    @property
    def category(self) -> DataClass:
        """The class of all messages of this DataSet."""
        ...

    @property
    def arrived(self) -> asyncio.Event:
        """Set when an event has come in, for writers that publish at once; :meth:`take` clears it."""
        ...

    @property
    def counters(self) -> EventCounters:
        """What was counted."""
        ...

    def start(self) -> None:
        """Begin to listen. Safe twice."""
        ...

    def stop(self) -> None:
        """Listen no more; what waits can still be taken. Safe twice and before :meth:`start`."""
        ...

    def take(self, most: int = 500) -> list[EventParts]:
        """Give up to ``most`` of the oldest events that wait."""
        ...
