"""What was just accepted need not be taken apart; the outbox's bytes stay what counts."""

from __future__ import annotations

from historian.contract import Record
from historian.outbox import Accepted
from server.pubsub.columns import Messages
from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.delivery.fresh import Fresh
from server.pubsub.delivery.opened import open_record
from server.pubsub.record import Burst, pack


def _accepted(number: int, size: int = 10) -> tuple[Record, Burst]:
    message = MqttMessage(f"a/{number}", bytes(size))
    payload = pack("d", "json", 7, [Encoded(message, 1)])
    return Record(number, 0, 1, payload), Burst("d", "json", 7, Messages.of([message]), [1])


def _place(record: Record) -> Accepted:
    return Accepted(record.sequence, record.sequence - 1, record.time)


async def test_what_is_fresh_is_the_same_as_what_is_taken_apart() -> None:
    fresh = Fresh()
    record, burst = _accepted(1)
    fresh.keep(_place(record), record.payload, burst)
    assert (await open_record(record, fresh)).burst is burst
    assert not len(fresh)
    assert (await open_record(record, fresh)).burst == burst


def test_another_payload_under_the_same_sequence_is_not_taken_for_it() -> None:
    fresh = Fresh()
    record, burst = _accepted(1)
    other, _ = _accepted(2)
    fresh.keep(_place(record), record.payload, burst)
    assert fresh.take(Record(1, 0, 1, other.payload)) is None
    fresh.keep(_place(record), record.payload, burst)
    assert fresh.take(Record(1, 0, 1, record.payload, damaged=True)) is None


def test_what_nobody_takes_is_bounded_by_its_bytes() -> None:
    fresh = Fresh(largest=5_000)
    for number in range(100):
        record, burst = _accepted(number, 1_000)
        fresh.keep(_place(record), record.payload, burst)
    assert len(fresh) <= 5
    newest, burst = _accepted(99, 1_000)
    assert fresh.take(newest) == burst
    assert fresh.take(_accepted(0)[0]) is None
    huge, burst = _accepted(200, 9_000)
    fresh.keep(_place(huge), huge.payload, burst)
    assert not len(fresh)


def test_what_follows_is_given_as_far_as_all_of_it_is_here() -> None:
    fresh = Fresh()
    kept = {number: _accepted(number) for number in (3, 5, 6, 9)}
    before = {3: 0, 5: 3, 6: 5, 9: 8}
    for number, (record, burst) in kept.items():
        fresh.keep(Accepted(number, before[number], record.time), record.payload, burst)
    assert _numbers(fresh, 0) == [3, 5, 6]
    assert _numbers(fresh, 4) == [5, 6]
    assert _numbers(fresh, 6) == []
    assert _numbers(fresh, 8) == [9]
    assert _numbers(fresh, 9) == []
    assert _numbers(fresh, 0, limit_bytes=1) == [3]
    (found,) = fresh.following(8, 1)
    record = kept[9][0]
    assert (found.payload, found.samples, found.damaged) == (record.payload, record.samples, False)
    assert fresh.take(kept[5][0]) is not None
    assert _numbers(fresh, 3) == []


def test_what_is_forgotten_is_given_to_nobody() -> None:
    fresh = Fresh()
    for number in range(1, 6):
        record, burst = _accepted(number)
        fresh.keep(_place(record), record.payload, burst)
    fresh.forget(3)
    assert _numbers(fresh, 0) == []  # what is there follows what is not
    assert _numbers(fresh, 3) == [4, 5]
    assert fresh.take(_accepted(2)[0]) is None
    fresh.forget(9)
    assert not len(fresh)
    assert fresh._bytes == 0


def _numbers(fresh: Fresh, after: int, limit_bytes: int = 1_000) -> list[int]:
    return [record.sequence for record in fresh.following(after, limit_bytes)]
