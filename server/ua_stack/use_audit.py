"""What clients write and call, as audit records (Part 4 v1.05 6.5.8 and 6.5.12, Part 5 v1.05 6.4.25, 6.4.27)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asyncua import ua

from core.quality import is_bad
from server.address_space.asyncua_values import encode_variant
from server.address_space.attributes import Attributes
from server.address_space.decoding import Cursor
from server.address_space.encoding import NULL_VARIANT
from server.address_space.keys import key_of
from server.address_space.read_request import ReadItem, read_item, timestamps_of
from server.address_space.session_context import GATEWAY
from server.address_space.writing import WriteItem
from server.audit.changes import AuditUpdateMethod, AuditWriteUpdate
from server.audit.kinds import Arguments, shortened
from server.audit.record import AuditRecord
from server.ua_stack.history.auditing import history_record, refused_record, size_of
from server.ua_stack.history.pages import UpdateResult
from server.ua_stack.history.requests import UpdateDetails
from server.ua_stack.method_service import CallService
from server.ua_stack.session.audit import asked_by
from server.ua_stack.sessions import CALLER, GatewaySession
from server.ua_stack.told_arguments import without_secrets

_AT_ONCE = 100
"""StatusCodes of a change whose record is made on the event loop."""
_AT_ONCE_BYTES = 16 * 1024
"""Bytes of its values."""
_CUT_OFF = "cut off: part of it may have been done"
_NEITHER = timestamps_of(int(ua.TimestampsToReturn.Neither))


class UseAudit:
    """Makes the records of the sessions' Writes and Calls; what the gateway itself writes is not told."""

    def __init__(self, attributes: Attributes, calls: CallService) -> None:
        """Tell nobody yet."""
        self.record: Callable[[AuditRecord], None] | None = None
        self._attributes = attributes
        self._calls = calls

    def before(self, item: WriteItem) -> bytes | None:
        """Give the value that a write will replace (:class:`~server.address_space.writing.WriteWitness`)."""
        if self.record is None:
            return None
        asked = ReadItem(item.key, item.attribute, item.index_range)
        return Cursor(read_item(self._attributes, asked, _NEITHER, GATEWAY)).data_value().variant

    def after(self, item: WriteItem, old: bytes | None, status: int) -> None:
        """Tell of a write."""
        session = CALLER.get()
        if self.record is None or session is None:
            return
        self.record(
            AuditWriteUpdate(
                status=not is_bad(status),
                source_node=item.key,
                attribute_id=item.attribute,
                index_range=item.index_range or None,
                old_value=None if old is None else shortened(old),
                new_value=shortened(item.value.variant or NULL_VARIANT),
                message=_words(status),
                **asked_by(session),
            )
        )

    def called(
        self, session: GatewaySession, requests: Sequence[ua.CallMethodRequest], results: Sequence[ua.CallMethodResult]
    ) -> None:
        """Tell of calls, with what they were given and have given; secrets are left out."""
        if self.record is None:
            return
        for request, result in zip(requests, results, strict=True):
            method = key_of(request.MethodId)
            status = int(result.StatusCode.value)
            given = [encode_variant(without_secrets(one)) for one in request.InputArguments or ()]
            self.record(
                AuditUpdateMethod(
                    status=not is_bad(status),
                    source_node=key_of(request.ObjectId),
                    method_id=method,
                    status_code_id=status,
                    message=_words(status),
                    input_arguments=Arguments.of(self._calls.argument_names(method), given),
                    **asked_by(session),
                )
            )

    async def history_updated(
        self, details: UpdateDetails, result: UpdateResult | None, who: Mapping[str, Any]
    ) -> None:
        """Tell of a change of history that was asked for; no ``result``: nobody knows how much of it was done.

        ``who``: what :func:`~server.ua_stack.session.audit.asked_by` gave when it was asked for.
        """
        record = self.record
        if record is None:
            return
        values = 0 if result is None else len(result.results)
        if values <= _AT_ONCE and size_of(details) <= _AT_ONCE_BYTES:
            record(_history(details, result, who))
        else:
            record(await asyncio.to_thread(_history, details, result, who))

    def history_refused(self, status: int, who: Mapping[str, Any]) -> None:
        """Tell of a HistoryUpdate that was refused as a whole."""
        if self.record is not None:
            self.record(refused_record(_words(status), who))


def _history(details: UpdateDetails, result: UpdateResult | None, who: Mapping[str, Any]) -> AuditRecord:
    if result is None:
        return history_record(details, _CUT_OFF, done=False, who=who)
    status = result.status
    if not is_bad(status) and result.results:  # part of it was done, unless nothing was
        status = next((one for one in result.results if not is_bad(one)), result.results[0])
    message = _words(status) or result.told
    return history_record(details, message, done=not is_bad(status), who=who, old=result.old)


def _words(status: int) -> str:
    return "" if not status else ua.StatusCode(ua.UInt32(status)).name
