"""Refusals in the audit trail, and how many there may be of anything."""

from __future__ import annotations

from server.audit.record import AuditRecord
from server.pubsub.commands.audit import RefusalAudit
from server.pubsub.commands.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_flood_of_refusals_is_no_flood_of_records_and_none_is_forgotten() -> None:
    clock, told = Clock(), list[AuditRecord]()
    audit = RefusalAudit(told.append, "line", "mqtt://broker", clock)
    for number in range(1000):
        audit.refused(0x80100000, "too many", f"topic c{number}")
    audit.refused(0x80070000, "no JSON", "topic " + "x" * 1000)
    assert len(told) == 11
    assert (told[0].client_user_id, told[0].client_application_uri) == ("line", "mqtt://broker")
    assert (told[0].client_audit_entry_id, told[0].status, told[0].message) == ("topic c0", False, "too many")
    assert len(told[-1].client_audit_entry_id or "") == 512
    clock.now += 61.0
    audit.refused(0x80100000, "too many", "topic")
    assert told[-1].message == "too many; 990 more were refused alike before"
    RefusalAudit(None, "line", "").refused(1, "", "")


def test_a_rate_has_a_burst_and_fills_again() -> None:
    clock = Clock()
    rate = Rate(10.0, 3.0, clock)
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    clock.now += 0.1
    assert [rate.take() for _ in range(2)] == [True, False]
    clock.now += 100.0
    assert sum(rate.take() for _ in range(10)) == 3
