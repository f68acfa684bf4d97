from __future__ import annotations

import pytest
from asyncua import ua

from server.ua_stack.diagnostics.ledger import SessionLedger
from server.ua_stack.diagnostics.requests import kind_of
from tests.unit.server.ua_stack.diagnostics.sessions import Session, created

READ, CREATE, CLOSE = kind_of("Read"), kind_of("CreateSession"), kind_of("CloseSession")


def established(ledger: SessionLedger) -> Session:
    session = Session()
    ledger.established(session.real, created())
    return session


@pytest.mark.parametrize(
    ("idle", "requests", "counts"),
    [(1.0, [CLOSE], (0, 0)), (1.0, [], (0, 1)), (60.0, [READ], (1, 0)), (61.0, [READ, CLOSE], (0, 0))],
    ids=["closed", "connection lost", "timed out", "closed late"],
)
def test_how_a_session_ended_is_counted_once(idle: float, requests: list[int], counts: tuple[int, int]) -> None:
    ledger = SessionLedger()
    session, other = established(ledger), established(ledger)
    session.idle = idle
    for kind in requests:
        session.requests.received(kind)
    for _ in range(2):
        ledger.ended(session.real)
    assert (ledger.timed_out_sessions, ledger.aborted_sessions) == counts
    assert list(ledger.sessions) == [other]
    assert ledger.cumulated_sessions == 2


def test_a_session_that_was_never_established_ends_uncounted() -> None:
    ledger = SessionLedger()
    ledger.ended(Session().real)
    assert (ledger.timed_out_sessions, ledger.aborted_sessions, ledger.cumulated_sessions) == (0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "status", "counts"),
    [
        (READ, ua.StatusCodes.BadNothingToDo, (1, 0, 0, 0)),
        (READ, ua.StatusCodes.BadUserAccessDenied, (1, 1, 0, 0)),
        (CREATE, ua.StatusCodes.BadTooManySessions, (1, 0, 1, 0)),
        (CREATE, ua.StatusCodes.BadCertificateUntrusted, (1, 1, 1, 1)),
        (kind_of("ActivateSession"), ua.StatusCodes.BadIdentityTokenRejected, (1, 1, 1, 1)),
        (None, ua.StatusCodes.BadDecodingError, (1, 0, 0, 0)),
    ],
)
def test_what_is_rejected_is_counted_by_what_it_was_and_why(
    kind: int | None, status: int, counts: tuple[int, ...]
) -> None:
    # Part 5 v1.05 12.9: the numbers for security are part of the others
    ledger = SessionLedger()
    ledger.rejected(kind, None, status)
    assert counts == (
        ledger.rejected_requests,
        ledger.security_rejected_requests,
        ledger.rejected_sessions,
        ledger.security_rejected_sessions,
    )


@pytest.mark.parametrize("status", ["BadSessionIdInvalid", "BadSessionNotActivated", "BadSecureChannelIdInvalid"])
def test_requests_that_were_not_taken_for_the_sessions_are_not_its_failures(status: str) -> None:
    ledger, session = SessionLedger(), Session()
    ledger.rejected(READ, session.real, getattr(ua.StatusCodes, status))
    assert (ledger.rejected_requests, session.requests.total) == (1, (0, 0))


def test_a_publish_request_without_anything_left_to_wait_for_was_not_rejected() -> None:
    ledger, session = SessionLedger(), Session()
    session.requests.received(kind_of("Publish"))
    for status in (
        ua.StatusCodes.BadNoSubscription,
        ua.StatusCodes.BadSessionClosed,
        ua.StatusCodes.BadResponseTooLarge,
    ):
        ledger.publish_refused(session.real, status)
    assert (ledger.rejected_requests, session.requests.total) == (0, (1, 0))
    ledger.publish_refused(session.real, ua.StatusCodes.BadTooManyPublishRequests)
    assert (ledger.rejected_requests, session.requests.total) == (1, (1, 1))
