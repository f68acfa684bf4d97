"""Whether the users that PubSub writes as are there; nothing is made or changed to find out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from core.errors import Finding, Place
from server.plan import Plan
from server.pubsub_model.merging import connections_of
from server.users.database import FILE_NAME
from server.users.names import name_key


def missing_users(plan: Plan) -> list[Finding]:
    """Tell of users named by ``commands:`` and ``subscribed:`` that nobody has made yet. Blocks on the file system.

    They are no errors: a gateway starts without them, and they may be made while it runs.
    """
    wanted = list(_wanted(plan))
    known = _known(plan.data_dir / FILE_NAME) if wanted else set[str]()
    if known is None:
        return []
    mend = "make it with 'plantspace user add'; what comes by MQTT for it is refused until then"
    return [Finding(place, f"there is no user {user!r}", mend) for user, place in wanted if name_key(user) not in known]


def _wanted(plan: Plan) -> Iterator[tuple[str, Place]]:
    document = plan.configured.document
    if plan.pubsub is None or "pubsub" not in document:
        return
    for name, section in connections_of(document.section(("pubsub",))).items():
        planned = plan.pubsub.connections.get(name)
        if planned is None:
            continue
        if planned.settings.commands is not None:
            yield planned.settings.commands.user, section.place(("commands", "user"))
        for dataset, subscribed in planned.settings.subscribed.items():
            yield subscribed.user, section.place(("subscribed", dataset, "user"))


def _known(file: Path) -> set[str] | None:
    """Give the keys of the users that there are; None where the file cannot be read."""
    if not file.exists():
        return set()
    # SQLite makes files beside one with a write-ahead log, unless it is told that nobody else has it open.
    log = file.with_name(f"{file.name}-wal")
    alone = not log.exists() or not log.stat().st_size
    try:
        address = f"file:{quote(str(file))}?mode=ro{'&immutable=1' if alone else ''}"
        with closing(sqlite3.connect(address, uri=True, timeout=1)) as connection:
            return {str(row[0]) for row in connection.execute("SELECT key FROM users")}
    except (sqlite3.Error, OSError):
        return None
