"""What commands change, in the audit trail of the gateway that it concerns."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from pathlib import Path

from core.errors import StoreError
from server.audit.administration import UserChanged
from server.audit.record import AuditRecord
from server.audit.trail_file import append_now
from server.cli.terminal import paint
from server.users.records import Snapshot, UserRecord


def who() -> str:
    """Name who runs the command, as audit records name what is no client (Part 5 v1.05 6.4.3)."""
    try:
        return f"System/{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "System/command line"


def record(data_dir: Path, name: str, *records: AuditRecord) -> None:
    """Append to the trail, also while the gateway runs. What was done stays done where that fails, and that is said."""
    for one in records:
        try:
            append_now(data_dir, name, one)
        except StoreError as error:
            print(f"{paint('warning:', 'yellow', sys.stderr)} the audit trail lacks this: {error}", file=sys.stderr)
            return


def user_changes(before: Snapshot, after: Snapshot) -> Iterator[UserChanged]:
    """Tell what became of users between two moments."""
    for key in before.users.keys() | after.users.keys():
        old, new = before.users.get(key), after.users.get(key)
        name = (new or old or UserRecord("", "")).name
        for change in _changes(old, new, before.roles_named(name), after.roles_named(name)):
            roles = None if new is None else ", ".join(after.roles_named(name))
            yield UserChanged(status=True, client_user_id=who(), user=name, change=change, roles=roles)


def _changes(old: UserRecord | None, new: UserRecord | None, before: list[str], after: list[str]) -> Iterator[str]:
    if old is None or new is None:
        yield "added" if old is None else "removed"
        return
    if old.secret != new.secret:
        yield "password"
    if before != after:
        yield "roles"
    if old.is_enabled != new.is_enabled:
        yield "enabled" if new.is_enabled else "disabled"
