from __future__ import annotations

from dataclasses import fields

from asyncua import ua

from server.ua_stack.diagnostics.requests import SERVICES, RequestCounts, kind_of


def of(counts: RequestCounts, service: str) -> tuple[int, int]:
    at = 2 * SERVICES.index(service)
    received, failed = counts.of_services()[at : at + 2]
    return received, failed


def test_the_services_are_those_of_the_structure_in_its_order() -> None:
    # Part 5 v1.05 12.11
    structure = ua.SessionDiagnosticsDataType()
    names = [field.name for field in fields(structure)]
    named = [name for name in names if isinstance(getattr(structure, name), ua.ServiceCounterDataType)]
    assert named == ["TotalRequestCount", *(f"{service}Count" for service in SERVICES)]


def test_requests_and_failures_are_counted_by_service() -> None:
    counts = RequestCounts()
    for service in ("Read", "Read", "Publish"):
        counts.received(kind_of(service))
    counts.failed(kind_of("Read"), ua.StatusCodes.BadNothingToDo)
    assert (of(counts, "Read"), of(counts, "Publish"), of(counts, "Write")) == ((2, 1), (1, 0), (0, 0))
    assert counts.total == (3, 1)
    assert counts.unauthorized == 0


def test_what_the_user_may_not_is_counted_by_itself() -> None:
    counts = RequestCounts()
    counts.received(kind_of("AddNodes"))
    counts.failed(kind_of("AddNodes"), ua.StatusCodes.BadUserAccessDenied)
    assert (counts.total, counts.unauthorized) == ((1, 1), 1)


def test_services_without_a_counter_count_in_the_total_and_take_no_memory() -> None:
    counts = RequestCounts()
    for number in range(10_000):
        counts.received((number, "what a client made up"))
        counts.failed(number << 32, ua.StatusCodes.BadServiceUnsupported)
    counts.received(kind_of("ActivateSession"))
    assert counts.total == (10_001, 10_000)
    assert not any(counts.of_services())
    assert len(counts._received) == len(SERVICES) + 2  # type: ignore[reportPrivateUsage]  # what it takes


def test_a_session_that_was_asked_to_close_knows_it() -> None:
    counts = RequestCounts()
    assert not counts.asked_to_close
    counts.received(kind_of("CloseSession"))
    assert counts.asked_to_close
    assert counts.total == (1, 0)
