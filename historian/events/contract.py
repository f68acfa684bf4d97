"""What a store of events promises; every one runs tests/conformance/event_store.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from historian.contract import Cursor, OpenOutcome
from historian.editing import UpdateKind


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as it is kept.

    ``event_id``: its EventId, never empty. ``time``: its Time, DateTime ticks, what history is ordered by. ``kind`` and
    ``source``: NodeId texts (``nsu=…``) of EventType and SourceNode. ``severity``: 1 to 1000. ``fields``: browse path
    (names with their namespace URIs, ``/`` between them; the empty one is the ConditionId) to the encoded Variant, in
    which NodeIds name their namespace by URI (docs/reference/history-file.md, "Event").
    """

    event_id: bytes
    time: int
    kind: str
    source: str
    severity: int
    fields: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class EventDelivery:
    """One outbox record of events as a store takes it."""

    sequence: int
    events: Sequence[StoredEvent]


@dataclass(frozen=True, slots=True, eq=False)
class EventPage:
    """Events in the order asked for; ``cursor`` is None at the end.

    ``positions``: where each of them stands, to go on behind it. A page may have fewer events than asked for, none
    even, and yet go on: no read looks through a whole archive at once. ``damaged``: how many events of the page could
    not be read because their bytes are damaged.
    """

    events: Sequence[StoredEvent]
    positions: Sequence[Cursor]
    cursor: Cursor | None
    damaged: int = 0


@dataclass(frozen=True, slots=True)
class EventStatistics:
    """Sizes of a store. ``events``, ``bytes``: kept now; ``appended``, ``expired``: since the file was begun."""

    events: int
    appended: int
    expired: int
    bytes: int


class EventStore(Protocol):
    """An archive of events."""

    async def open(self) -> OpenOutcome:
        """Come up. Raises :class:`~core.errors.StoreUnavailable` when it cannot be reached now."""
        ...

    async def close(self) -> None:
        """Release everything; safe twice and before :meth:`open`."""
        ...

    async def append(self, deliveries: Sequence[EventDelivery], origin: str) -> None:
        """Keep events; as :meth:`historian.contract.HistoryStore.append`.

        An event whose EventId is kept already is passed over. Streams of one outbox are delivered each by itself, so
        ``origin`` names the stream, too.
        """
        ...

    async def applied(self, origin: str) -> int:
        """Give the highest sequence kept from an origin; 0 for an unknown one."""
        ...

    async def read(
        self,
        start: int | None,
        end: int | None,
        limit: int,
        *,
        sources: Collection[str] | None = None,
        cursor: Cursor | None = None,
    ) -> EventPage:
        """Read events by the rules of ReadRaw for start, end and limit, without bounds (Part 11 v1.05 6.5.2).

        ``sources``: of these SourceNodes alone; None = all. Raises :class:`~historian.contract.InvalidTimeDomain`,
        :class:`~core.errors.StoreUnavailable`, :class:`~core.errors.StoreCorrupt`.
        """
        ...

    async def sources(self) -> frozenset[str]:
        """Name the SourceNodes that have or had events."""
        ...

    async def find(self, event_ids: Sequence[bytes]) -> list[StoredEvent | None]:
        """Look events up; None for each that is not kept."""
        ...

    async def statistics(self) -> EventStatistics:
        """Measure the store."""
        ...

    async def update(self, events: Sequence[StoredEvent], kind: UpdateKind) -> list[int]:
        """Insert, replace or update whole events by their EventId; a StatusCode each (Part 11 v1.05 6.9.4).

        INSERT: GoodEntryInserted, BadEntryExists. REPLACE: GoodEntryReplaced, BadNoEntryExists. UPDATE: whichever of
        the two Good ones it came to. One that the retention would remove is BadOutOfRange.
        """
        ...

    async def delete(self, event_ids: Sequence[bytes]) -> list[int]:
        """Delete events; Good or BadEventIdUnknown each (Part 11 v1.05 6.9.7)."""
        ...
