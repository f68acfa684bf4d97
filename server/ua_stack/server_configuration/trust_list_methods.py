"""The methods of a TrustList object (Part 12 v1.05 7.8.2, Part 20 v1.05 4.2)."""

# asyncua's annotations call a plain int or bytes wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, ParamSpec, TypeVar

from asyncua import ua

from certs.errors import CertificateError
from server.ua_stack.server_configuration.certificate_group import CertificateGroup
from server.ua_stack.server_configuration.certificate_methods import rejected
from server.ua_stack.server_configuration.refusal import ConfigurationRefused, check_caller
from server.ua_stack.server_configuration.transactions import Transactions
from server.ua_stack.server_configuration.trust_list_checks import check_added, check_removed, check_upload
from server.ua_stack.server_configuration.trust_list_data import Masks
from server.ua_stack.server_configuration.trust_list_file import READ, WRITE
from server.ua_stack.sessions import GatewaySession

_Answer = list[ua.Variant]
_kinds = ua.VariantType
P = ParamSpec("P")
T = TypeVar("T")


class TrustListMethods:
    """Answers them for the trust list of one group."""

    def __init__(self, group: CertificateGroup, transactions: Transactions) -> None:
        """Work on the trust list of ``group``."""
        self._group = group
        self._file = group.file
        self._transactions = transactions

    async def open(self, session: GatewaySession | None, mode: int) -> _Answer:
        """Answer Open (7.8.2.2): to read all of it, or to write a new one."""
        if mode == READ:
            return await self._open_to_read(session, int(Masks.ALL))
        if mode != WRITE:
            message = f"the mode is {mode}; there are {READ} to read and {WRITE} to write"
            raise ConfigurationRefused(ua.StatusCodes.BadNotSupported, message)
        self._transactions.check_free(session)
        return self._opened(session, self._file.open_to_write(session))

    async def open_with_masks(self, session: GatewaySession | None, masks: int) -> _Answer:
        """Answer OpenWithMasks (7.8.2.3): to read some of the four lists."""
        if masks & ~int(Masks.ALL):
            message = f"the masks are {masks}, and 15 stands for all lists there are"
            raise ConfigurationRefused(ua.StatusCodes.BadInvalidArgument, message)
        return await self._open_to_read(session, masks)

    async def close(self, session: GatewaySession | None, number: int) -> _Answer:
        """Answer Close (7.8.2.4): what was written is thrown away."""
        self._file.close(session, number)
        return []

    async def close_and_update(self, session: GatewaySession | None, number: int) -> _Answer:
        """Answer CloseAndUpdate (7.8.2.5): what was written waits for ApplyChanges, if it is sound."""
        encoded = self._file.take(session, number)
        async with self._transactions.lock:
            with self._transactions.claimed(session) as transaction:
                fresh = await self._in_thread(check_upload, self._group.store, encoded)
                transaction.trust_lists[self._group] = fresh
        return [ua.Variant(Value=True, VariantType=_kinds.Boolean)]

    async def read(self, session: GatewaySession | None, number: int, length: int) -> _Answer:
        """Answer Read."""
        return [ua.Variant(self._file.read(session, number, length), _kinds.ByteString)]

    async def write(self, session: GatewaySession | None, number: int, data: bytes | None) -> _Answer:
        """Answer Write."""
        self._file.write(session, number, data or b"")
        return []

    async def get_position(self, session: GatewaySession | None, number: int) -> _Answer:
        """Answer GetPosition."""
        return [ua.Variant(self._file.position(session, number), _kinds.UInt64)]

    async def set_position(self, session: GatewaySession | None, number: int, position: int) -> _Answer:
        """Answer SetPosition."""
        self._file.set_position(session, number, position)
        return []

    async def add_certificate(
        self,
        session: GatewaySession | None,
        certificate: bytes | None,
        is_trusted: bool,  # noqa: FBT001 - the method's own argument
    ) -> _Answer:
        """Answer AddCertificate (7.8.2.6): it takes effect at once."""

        def add() -> None:
            added = check_added(self._group.store, certificate or b"", self._group.peer, is_trusted=is_trusted)
            self._group.store.add_trusted(added.der)

        return await self._change(session, add)

    async def remove_certificate(
        self,
        session: GatewaySession | None,
        thumbprint: str | None,
        is_trusted: bool,  # noqa: FBT001 - as above
    ) -> _Answer:
        """Answer RemoveCertificate (7.8.2.7): it takes effect at once; revocation lists of an authority go with it."""
        where: Literal["trusted", "issuers"] = "trusted" if is_trusted else "issuers"

        def remove() -> None:
            found = check_removed(self._group.store, thumbprint or "", where)
            self._group.store.remove(found.thumbprint, where)

        return await self._change(session, remove)

    async def get_rejected_list(self, session: GatewaySession | None) -> _Answer:
        """Answer GetRejectedList of the group (7.8.3.2)."""
        return await rejected(session, [self._group.store])

    async def _change(self, session: GatewaySession | None, change: Callable[[], None]) -> _Answer:
        async with self._transactions.lock:
            check_caller(session)
            self._transactions.check_free(session, own_too=True)
            if self._file.is_open:
                raise ConfigurationRefused(ua.StatusCodes.BadInvalidState, "the trust list is open")
            await self._in_thread(change)
            await self._group.look()
        return []

    async def _open_to_read(self, session: GatewaySession | None, masks: int) -> _Answer:
        number = self._file.open_to_read(session)
        answer = self._opened(session, number)
        try:
            self._file.fill(session, number, await self._group.shown(masks))
        except ConfigurationRefused:
            self._file.forget(number)
            raise
        return answer

    def _opened(self, session: GatewaySession | None, number: int) -> _Answer:
        if session is not None:
            session.closing[self._file] = lambda: self._file.close_all(session)
        return [ua.Variant(number, _kinds.UInt32)]

    async def _in_thread(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        try:
            return await asyncio.to_thread(work, *given, **named)
        except (OSError, CertificateError) as error:
            raise ConfigurationRefused(ua.StatusCodes.BadResourceUnavailable, str(error)) from error
