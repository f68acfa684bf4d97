"""Commands that never became a write or a call, as audit records; a flood of them is no flood of records."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.audit.connections import AuditSecurity
from server.audit.kinds import Boolean, String
from server.audit.record import AuditRecord

_EVERY: Final = 60.0
"""Seconds for which refusals of one kind are one record, after the first few."""
_FIRST: Final = 10
LONGEST: Final = 512
"""Characters of what others call themselves that a record keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefusal(AuditSecurity):
    """A command by MQTT was refused as a whole. Part 5 has no type for it, so it is told as a security event.

    What a command writes or calls is told as AuditWriteUpdateEventType and AuditUpdateMethodEventType, as a client's.
    """

    source_name: String = "PubSub/Command"
    status: Boolean = False


class RefusalAudit:
    """Makes the records. ``record`` takes them; None tells nobody. ``clock``: seconds."""

    def __init__(
        self,
        record: Callable[[AuditRecord], None] | None,
        user: str,
        application: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``user``: the mapped one; ``application``: names the connection, as a client's ApplicationUri would."""
        self._record, self._user, self._application, self._clock = record, user, application, clock
        self._seen: dict[int, list[float]] = {}
        self._untold: dict[int, int] = {}

    def refused(self, status: int, why: str, entry: str) -> None:
        """Tell of a command. ``entry``: its topic and id."""
        if self._record is None:
            return
        moment = self._clock()
        times = [one for one in self._seen.get(status, ()) if moment - one < _EVERY]
        self._seen[status] = times
        if len(times) >= _FIRST:
            self._untold[status] = self._untold.get(status, 0) + 1
            return
        times.append(moment)
        more = self._untold.pop(status, 0)
        message = f"{why}; {more} more were refused alike before" if more else why
        self._record(
            CommandRefusal(
                status_code_id=status,
                message=message,
                client_user_id=self._user,
                client_application_uri=self._application,
                client_audit_entry_id=entry[:LONGEST],
            )
        )
