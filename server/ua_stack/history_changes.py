"""HistoryUpdates that are under way: each change and its audit record are one, whatever becomes of the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.operation_count import bounded
from server.ua_stack.history.access import HistoryAccess
from server.ua_stack.history.pages import UpdateResult
from server.ua_stack.history.requests import UpdateDetails
from server.ua_stack.history.updating import Asker
from server.ua_stack.operation_limits import MAX_NODES_PER_HISTORY_UPDATE
from server.ua_stack.session.audit import asked_by
from server.ua_stack.sessions import GatewaySession
from server.ua_stack.use_audit import UseAudit

MOST_AT_ONCE: Final = 256
"""Changes under way, also those whose clients have hung up."""
_ENDING: Final = 10.0
"""Seconds that changes have to come to their end when the gateway stops."""


class HistoryChanges:
    """Owns the changes that are under way until :meth:`stop`.

    A client that hangs up leaves the change that is being made, which ends as it would have, and is told of in the
    audit trail; those after it in its request are never begun.
    """

    def __init__(self, history: HistoryAccess, audit: UseAudit) -> None:
        """Begin with none."""
        self._history = history
        self._audit = audit
        self._tasks: set[asyncio.Task[UpdateResult]] = set()

    async def update(self, session: GatewaySession, asked: Sequence[UpdateDetails]) -> list[UpdateResult]:
        """Make changes one after the other. Raises :class:`ServiceError` for none, or for more than may be."""
        by, who = Asker(session.context, session.client_user_id), asked_by(session)
        results: list[UpdateResult] = []
        try:
            bounded(asked, MAX_NODES_PER_HISTORY_UPDATE)
        except ServiceError as refused:
            self._audit.history_refused(refused.code, who)
            raise
        for details in asked:
            if len(self._tasks) >= MOST_AT_ONCE:
                result = UpdateResult(ua.StatusCodes.BadResourceUnavailable)
                await self._audit.history_updated(details, result, who)
            else:
                task = asyncio.create_task(self._one(details, by, who))
                self._tasks.add(task)
                task.add_done_callback(self._ended)
                result = await asyncio.shield(task)
            results.append(result)
        return results

    def refuse(self, session: GatewaySession, status: int) -> None:
        """Tell the trail of a request that could not be read."""
        self._audit.history_refused(status, asked_by(session))

    async def stop(self) -> None:
        """Let what is under way come to its end; what does not within ten seconds is cut off. Safe twice."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(list(self._tasks), timeout=_ENDING)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _one(self, details: UpdateDetails, by: Asker, who: Mapping[str, Any]) -> UpdateResult:
        results: list[UpdateResult] = []
        try:
            results = await self._history.update((details,), by)
        finally:
            await self._audit.history_updated(details, results[0] if results else None, who)
        return results[0]

    def _ended(self, task: asyncio.Task[UpdateResult]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # told to the client, if it is still there
