"""Changes of certificates and trust lists that wait for ApplyChanges (Part 12 v1.05 7.10.2): of one session."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from asyncua.ua.status_codes import StatusCodes

from certs.installing import Installed
from certs.making import CertificateKind
from certs.store import TrustList
from core.time import now
from server.ua_stack.server_configuration.certificate_group import CertificateGroup
from server.ua_stack.server_configuration.refusal import ConfigurationRefused, check_caller
from server.ua_stack.sessions import GatewaySession


@dataclass(slots=True, eq=False)
class Transaction:
    """What one session wants changed. ``started``, ``ended``: DateTime ticks, 0 while it goes on.

    ``result``: the StatusCode that it ended with; ``problem``: why, where that is bad.
    """

    owner: GatewaySession | None
    started: int
    certificates: dict[CertificateKind, Installed] = field(default_factory=dict[CertificateKind, Installed])
    certificate_groups: dict[CertificateKind, CertificateGroup] = field(
        default_factory=dict[CertificateKind, CertificateGroup]
    )
    trust_lists: dict[CertificateGroup, TrustList] = field(default_factory=dict[CertificateGroup, TrustList])
    ended: int = 0
    result: int = 0
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return not (self.certificates or self.trust_lists)


class Transactions:
    """The one transaction that may go on, and the last one. ``lock``: held by whoever works on files."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lock = asyncio.Lock()
        self.last: Transaction | None = None
        self._current: Transaction | None = None

    def check_free(self, session: GatewaySession | None, *, own_too: bool = False) -> None:
        """Refuse while another session, or with ``own_too`` any, has a transaction."""
        current = self._current
        if current is not None and (own_too or current.owner is not session):
            whose = "this session" if current.owner is session else "another session"
            raise ConfigurationRefused(StatusCodes.BadTransactionPending, f"{whose} has changes that wait")

    @contextmanager
    def claimed(self, session: GatewaySession | None) -> Generator[Transaction]:
        """Give the session's transaction, a new one where there is none; one that stays empty is forgotten again.

        Refused while another session has one, and where the session ends meanwhile.
        """
        check_caller(session)
        self.check_free(session)
        transaction = self._current = self._current or Transaction(session, now())
        if session is not None:
            session.closing[self] = lambda: self._left(session)
        try:
            yield transaction
            if self._current is not transaction:
                raise ConfigurationRefused(StatusCodes.BadSessionClosed, "the session has ended")
        finally:
            if self._current is transaction and transaction.is_empty:
                self._forget(session)

    def take(self, session: GatewaySession | None) -> Transaction:
        """End the session's transaction, and give it, to be carried out or thrown away."""
        self.check_free(session)
        transaction = self._current
        if transaction is None:
            raise ConfigurationRefused(StatusCodes.BadNothingToDo, "there are no changes that wait")
        self._forget(session)
        return transaction

    def finished(self, transaction: Transaction, result: int = 0, problem: str = "") -> None:
        """Keep how a transaction has ended, to be told in TransactionDiagnostics."""
        transaction.ended, transaction.result, transaction.problem = now(), result, problem
        self.last = transaction

    @property
    def told(self) -> Transaction | None:
        """The transaction that goes on, else the last one."""
        return self._current or self.last

    def _left(self, session: GatewaySession) -> None:
        current = self._current
        if current is not None and current.owner is session:
            self._current = None
            self.finished(current, StatusCodes.BadRequestCancelledByClient, "the session has ended")

    def _forget(self, session: GatewaySession | None) -> None:
        self._current = None
        if session is not None:
            session.closing.pop(self, None)
