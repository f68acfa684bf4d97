"""The events of the address space as a DataSet: heard in process, filtered as subscriptions filter theirs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from core.time import now
from nodesets.built_in_types import BuiltInType, Variant
from nodesets.datatypes.problems import DataTypeError, DecodingError
from server.address_space import decoding
from server.address_space.encoded_variant import EncodedVariant
from server.address_space.encoding import NULL_VARIANT
from server.address_space.structured import StructureCodec
from server.events.event import TIME, Event
from server.events.notifiers import Notifiers
from server.pubsub.delivery.streams import DataClass
from server.pubsub.events.contract import EventCounters, EventParts
from server.pubsub.events.selection import EventSelection
from server.pubsub.events.waiting import EventQueue, columns_of
from server.pubsub.fields import DataSetField

_log = logging.getLogger("plantspace.pubsub")
_UNREADABLE = (DecodingError, DataTypeError, decoding.DecodingError, LookupError)


class _Taken(NamedTuple):
    """An event as it waits: its fields' encoded Variants."""

    time: int
    fields: tuple[bytes, ...]


class AddressSpaceEvents:
    """Hears what passes a notifier; an :class:`~server.pubsub.events.contract.EventSource`.

    ``listeners`` is where the address space tells its events (``SubscriptionService.on_event``), on the event loop's
    thread. The DataTypes are asked for at each :meth:`take`, since the model may change.
    """

    def __init__(
        self,
        name: str,
        selection: EventSelection,
        listeners: list[Callable[[Event], None]],
        notifiers: Notifiers,
        codec: Callable[[], StructureCodec],
        capacity: int,
    ) -> None:
        """Hold up to ``capacity`` events; nothing is heard before :meth:`start`."""
        self._name = name
        self._selection = selection
        self._listeners = listeners
        self._notifiers = notifiers
        self._codec = codec
        self._queue: EventQueue[_Taken] = EventQueue(capacity)
        self._make = columns_of(selection.fields)
        self._has_told = False

    @property
    def fields(self) -> tuple[DataSetField, ...]:
        """The fields of the DataSet."""
        return self._selection.fields

    @property
    def category(self) -> DataClass:
        """The class of all messages of this DataSet."""
        return self._selection.category

    @property
    def arrived(self) -> asyncio.Event:
        """Set when an event has come in; :meth:`take` clears it when none is left."""
        return self._queue.arrived

    @property
    def counters(self) -> EventCounters:
        """What was counted."""
        return self._queue.counters

    def start(self) -> None:
        """Begin to listen. Safe twice."""
        if self._offer not in self._listeners:
            self._listeners.append(self._offer)

    def stop(self) -> None:
        """Listen no more; what waits can still be taken. Safe twice and before :meth:`start`."""
        if self._offer in self._listeners:
            self._listeners.remove(self._offer)

    def take(self, most: int = 500) -> list[EventParts]:
        """Give up to ``most`` of the oldest events that wait."""
        return self._queue.take(most, self._made)

    def _offer(self, event: Event) -> None:
        selection = self._selection
        try:
            if not selection.passes(event) or selection.notifier not in self._notifiers.of(event.source):
                return
            time = event.value(TIME)
            fields = tuple(look(event) for look in selection.looks)
        except _UNREADABLE:
            # Its fields are no Variants: it has no message, and others that listen are to hear it all the same.
            self._tell_unreadable()
            self._queue.fail()
            return
        held = time.held if time is not None and time.kind == BuiltInType.DateTime else now()
        self._queue.put(_Taken(held, fields))
        self._queue.arrived.set()

    def _made(self, taken: _Taken) -> EventParts:
        codec = self._codec()
        values: list[Variant] = []
        for encoded in taken.fields:
            try:
                values.append(EncodedVariant.read(encoded, codec))
            except _UNREADABLE:
                self._tell_unreadable()
                values.append(EncodedVariant.read(NULL_VARIANT, codec))
        return self._make(taken.time, values)

    def _tell_unreadable(self) -> None:
        if not self._has_told:
            self._has_told = True
            _log.warning("%s: an event has a field that cannot be read; this is told once", self._name)
