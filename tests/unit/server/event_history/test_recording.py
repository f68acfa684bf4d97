from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreUnavailable
from historian.events import records
from historian.outbox import Outbox
from server.address_space.keys import numeric_key
from server.event_history.recording import EventRecorder
from server.events.event import SERVER, Event
from tests.unit.server.event_history.kept import Kept
from tests.unit.server.events.plant import OWN
from tests.waiting import until

ALARM, AUDIT, OVERFLOW = (numeric_key(0, number) for number in (10637, 2052, 3035))


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    made = Outbox(tmp_path / "outbox.sqlite")
    await made.open()
    for stream in ("alarms", "events"):
        await made.register(stream, stream)
    yield made
    await made.close()


def recorder(kept: Kept, outbox: Outbox, **settings: Any) -> EventRecorder:
    return EventRecorder(outbox, kept.space, kept.codec, flush_interval=0.01, **settings)


async def messages(outbox: Outbox, stream: str) -> list[bytes]:
    found = [records.read(record.payload) for record in await outbox.read(stream, 0)]
    return [one.fields["Message"][6:] for many in found for one in many]


async def test_alarms_are_accepted_apart_from_other_events(kept: Kept, outbox: Outbox) -> None:
    made = recorder(kept, outbox)
    await made.start()
    made.offer(kept.event("before"))
    await until(lambda: made.counters.stored == 1)
    made.offer(kept.event("alarm", kind=ALARM))
    for number in range(3):
        made.offer(kept.event(f"e{number}"))
    await made.stop()
    await made.stop()
    made.offer(kept.event("late"))
    assert await messages(outbox, "alarms") == [b"alarm"]
    assert await messages(outbox, "events") == [b"before", b"e0", b"e1", b"e2"]
    assert (made.counters.acquired, made.counters.stored, made.counters.dropped) == (5, 5, 0)


async def test_audit_events_and_those_of_one_subscription_are_not_recorded(kept: Kept, outbox: Outbox) -> None:
    made, with_audit = recorder(kept, outbox), recorder(kept, outbox, audit=True)
    for one in (Event(AUDIT, SERVER, {}), Event(OVERFLOW, SERVER, {})):
        made.offer(one)
        with_audit.offer(one)
    assert (made.counters.acquired, with_audit.counters.acquired) == (0, 1)


async def test_what_is_too_much_is_counted_and_alarms_keep_their_room(kept: Kept, outbox: Outbox) -> None:
    made = recorder(kept, outbox, capacity=10)
    made.offer(kept.event("alarm", kind=ALARM))
    for number in range(25):
        made.offer(kept.event(f"e{number}"))
    assert made.counters.dropped == 15
    await made.start()
    await made.stop()
    assert await messages(outbox, "alarms") == [b"alarm"]
    assert await messages(outbox, "events") == [f"e{number}".encode() for number in range(15, 25)]


async def test_an_event_without_a_form_is_told_and_counted(
    kept: Kept, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    made = recorder(kept, outbox)
    await made.start()
    made.offer(Event(OWN, SERVER, {(): b"\x11"}))
    made.offer(kept.event("good"))
    await made.stop()
    assert (made.counters.unstorable, made.counters.stored) == (1, 1)
    assert "cannot be kept" in caplog.text


class _Full:
    """An outbox that accepts nothing until it does."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.is_full = True
        self.refused = 0

    async def append(self, stream: str, payload: bytes, samples: int = 1) -> int:
        if self.is_full:
            self.refused += 1
            message = "the disk is full"
            raise StoreUnavailable(message)
        return await self.outbox.append(stream, payload, samples)


async def test_fault_15_events_wait_for_an_outbox_that_accepts_nothing(kept: Kept, outbox: Outbox) -> None:
    full = _Full(outbox)
    made = recorder(kept, full, capacity=5)  # type: ignore[arg-type]  # all that the recorder uses of one
    await made.start()
    made.offer(kept.event("first"))
    await until(lambda: full.refused)
    for number in range(7):
        made.offer(kept.event(f"e{number}"))
    assert made.counters.dropped == 2
    full.is_full = False
    await made.stop()
    assert await messages(outbox, "events") == [b"first", *(f"e{number}".encode() for number in range(2, 7))]
