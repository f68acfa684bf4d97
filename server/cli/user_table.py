"""Users as people read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from server.users.records import Snapshot, UserOption, UserRecord

_HEAD = ("user", "roles", "state")


def print_users(snapshot: Snapshot) -> None:
    """Print a table of all users."""
    rows = [
        (user.name, ", ".join(snapshot.roles_named(user.name)) or "none", _state(user))
        for user in snapshot.users.values()
    ]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    for row in (_HEAD, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_user(user: UserRecord, snapshot: Snapshot) -> None:
    """Print all that is known about a user, but the password."""
    lines = {
        "user": user.name,
        "roles": ", ".join(snapshot.roles_named(user.name)) or "none",
        "state": _state(user),
        "description": user.description,
        "made": _moment(user.made),
        "password of": _moment(user.password_changed),
        "expires": "never" if user.expires is None else _moment(user.expires),
        "logged in from": ", ".join(user.sources) or "nowhere yet",
    }
    width = max(map(len, lines))
    for title, text in lines.items():
        if text:
            print(f"{title.ljust(width)}  {text}")


def _state(user: UserRecord) -> str:
    states = {
        "disabled": not user.is_enabled,
        "expired": user.is_expired(time.time()),
        "must change the password": user.must_change_password,
        "cannot change the password": bool(user.options & UserOption.NO_CHANGE_BY_USER),
        "cannot be removed": bool(user.options & UserOption.NO_DELETE),
    }
    return ", ".join(text for text, holds in states.items() if holds) or "can log in"


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
