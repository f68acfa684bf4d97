"""Which store a plan's history is kept in, made ready to be opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from historian.contract import HistoryStore
from historian.influx.positions import Lane
from historian.sqlite import SQLiteStore
from server.plan.plan import HISTORY_FILE, Plan

_DAY: Final = 86_400.0


def history_store(
    plan: Plan, *, lock_wait: float = 1.0, lane: Lane = Lane.GATEWAY, replaces_damaged: bool = True
) -> HistoryStore:
    """Make the store of a configuration.

    ``lock_wait``: seconds to wait for another process's lock on a file; ``lane``: who writes into a database.
    ``replaces_damaged``: a damaged file is set aside and a new one begun.
    """
    settings = plan.historian
    if settings.influxdb is not None:
        from historian.influx.store import InfluxStore  # noqa: PLC0415 - with an HTTP client, which others do not need

        return InfluxStore(settings.influxdb.beside(plan.config.parent), path_of=_paths(plan), lane=lane)
    kept = settings.retention
    return SQLiteStore(
        plan.data_dir / HISTORY_FILE,
        retention_days=kept.raw / _DAY,
        second_days=None if kept.seconds is None else kept.seconds / _DAY,
        minute_days=kept.minutes / _DAY,
        hour_days=kept.hours / _DAY,
        largest_bytes=None if kept.mib is None else kept.mib << 20,
        lock_wait=lock_wait,
        replaces_damaged=replaces_damaged,
    )


def raw_retention(plan: Plan) -> float | None:
    """Give the seconds that raw values are kept; None where the store has rules of its own."""
    return None if plan.historian.influxdb is not None else plan.historian.retention.raw


def _paths(plan: Plan) -> Callable[[str], str]:
    def path_of(node: str) -> str:
        """Give a node's browse path by its NodeId text; empty for one that has none."""
        nodeid = plan.directory.known(node)
        path = "" if nodeid is None else plan.directory.path_of(nodeid)
        return path if path.startswith("/") else ""

    return path_of
