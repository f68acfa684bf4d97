"""ApplyChanges and CancelChanges (Part 12 v1.05 7.10.9, 7.10.11): all that waits takes effect, or nothing of it."""

# asyncua's annotations call a plain int wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey
from certs.own import OwnCertificate, OwnCertificates
from certs.together import change_together
from server.address_space.keys import numeric_key
from server.audit.administration import CertificateUpdatedAudit, TrustListUpdatedAudit
from server.ua_stack.server_configuration.audit_records import OnChange
from server.ua_stack.server_configuration.certificate_group import CERTIFICATE_TYPES, CertificateGroup
from server.ua_stack.server_configuration.refusal import ConfigurationRefused, check_caller
from server.ua_stack.server_configuration.transactions import Transaction, Transactions
from server.ua_stack.sessions import GatewaySession

_log = logging.getLogger("plantspace.certs")
_ANSWERED_WITHIN = 1.0
"""Seconds after which whoever applies changes has had the answer (7.10.9)."""
_OBJECT = numeric_key(0, ObjectIds.ServerConfiguration)
_METHOD = numeric_key(0, ObjectIds.ServerConfiguration_ApplyChanges)


@dataclass(frozen=True, slots=True)
class Applied:
    """What has changed: certificates by their kinds, as they are now, and the names of groups with new trust lists."""

    certificates: Mapping[CertificateKind, OwnCertificate[PrivateKey]]
    trust_lists: Sequence[str]


class Applying:
    """Carries a transaction out.

    ``on_applied``: called once the files are changed; when it is done, new channels have to show the new certificates.
    ``hang_up``: called a second later, where the gateway's own certificate has changed, to close the
    connections that showed the one before.
    """

    def __init__(
        self,
        own: OwnCertificates,
        transactions: Transactions,
        groups: Sequence[CertificateGroup],
        on_applied: Callable[[Applied], Awaitable[None]],
        hang_up: Callable[[], None],
        on_change: OnChange,
    ) -> None:
        """Carry out what waits in ``transactions``."""
        self._own = own
        self._transactions = transactions
        self._groups = groups
        self._on_applied = on_applied
        self._hang_up = hang_up
        self._on_change = on_change
        self._tasks = set[asyncio.Task[None]]()
        self._timer: asyncio.TimerHandle | None = None

    async def apply(self, session: GatewaySession | None) -> list[ua.Variant]:
        """Answer ApplyChanges. A client that goes away meanwhile does not stop it."""
        task = asyncio.get_running_loop().create_task(self._apply(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)
        return []

    async def cancel(self, session: GatewaySession | None) -> list[ua.Variant]:
        """Answer CancelChanges."""
        async with self._transactions.lock:
            transaction = self._transactions.take(session)
            self._transactions.finished(transaction, ua.StatusCodes.BadRequestCancelledByClient, "it was cancelled")
        return []

    async def stop(self) -> None:
        """Bring what is being applied to its end; nobody is hung up on any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _apply(self, session: GatewaySession | None) -> None:
        async with self._transactions.lock:
            check_caller(session)
            self._transactions.check_free(session)
            if any(group.file.is_written_by(session) for group in self._groups):
                message = "a trust list is still open for writing"
                raise ConfigurationRefused(ua.StatusCodes.BadInvalidState, message)
            transaction = self._transactions.take(session)
            try:
                certificates = await asyncio.to_thread(self._carry_out, transaction)
            except CertificateError as error:
                self._transactions.finished(transaction, ua.StatusCodes.BadTransactionFailed, str(error))
                self._tell(transaction, session)
                raise ConfigurationRefused(ua.StatusCodes.BadTransactionFailed, str(error)) from error
            self._transactions.finished(transaction)
            for kind, own in certificates.items():
                _log.info("the gateway's %s certificate is now %s", kind.value, own.details.thumbprint)
            for group in transaction.trust_lists:
                _log.info("the trust list of %s was replaced", group.name)
            self._tell(transaction, session)
            try:
                await self._on_applied(Applied(certificates, [group.name for group in transaction.trust_lists]))
            except (OSError, CertificateError) as error:  # the files are changed, and that is what was asked for
                _log.warning("the new certificate is shown once it can be read: %s", error)
            if certificates:
                self._hang_up_soon()
            for group in transaction.trust_lists:
                await group.look()

    def _carry_out(self, transaction: Transaction) -> dict[CertificateKind, OwnCertificate[PrivateKey]]:
        parts = [self._own.installation(kind, chosen) for kind, chosen in transaction.certificates.items()]
        parts += [group.store.replacement(lists) for group, lists in transaction.trust_lists.items()]
        try:
            change_together(self._own.folder, parts)
            held = self._own.load() if transaction.certificates else {}
        except OSError as error:
            raise CertificateError(str(error)) from error
        return {kind: held[kind] for kind in transaction.certificates}

    def _hang_up_soon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_ANSWERED_WITHIN, self._hang_up)

    def _tell(self, transaction: Transaction, session: GatewaySession | None) -> None:
        told = {
            "status": not transaction.result,
            "status_code_id": transaction.result,
            "message": transaction.problem,
            "method_id": _METHOD,
            "client_user_id": session.client_user_id if session is not None else "System/Gateway",
        }
        for kind, group in transaction.certificate_groups.items():
            self._on_change(
                CertificateUpdatedAudit(
                    source_node=_OBJECT, certificate_group=group.key, certificate_type=CERTIFICATE_TYPES[kind], **told
                ),
                session,
            )
        for group in transaction.trust_lists:
            self._on_change(
                TrustListUpdatedAudit(source_node=group.trust_list, trust_list_id=group.trust_list, **told), session
            )
