"""InfluxQL: how names and times are written in it, and statements sent to ``/query``, which all generations know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast
from urllib.parse import urlencode

from core.errors import StoreUnavailable
from historian.influx.answers import unavailable
from historian.influx.connection import Connection
from historian.influx.settings import InfluxSettings

_FORM: Final = "application/x-www-form-urlencoded"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Series:
    """A table of a result: ``columns`` by name and the rows; ``tags`` where the statement groups by some."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


class Querier:
    """Asks one database over one connection."""

    def __init__(self, settings: InfluxSettings, connection: Connection) -> None:
        """Ask the database that the settings name."""
        self._settings = settings
        self._connection = connection
        policy = f"{identifier(settings.retention_policy)}." if settings.retention_policy else ""
        self._policy = policy

    def source(self, measurement: str) -> str:
        """Name a measurement for FROM."""
        return self._policy + identifier(measurement)

    def ask(self, statements: Sequence[str], *, create: bool = False) -> list[list[Series]]:
        """Run statements; gives the tables of each.

        ``create``: a database that is missing is made first. Raises :class:`StoreUnavailable`.
        """
        form = {"db": self._settings.queried, "epoch": "ns", "q": ";".join(statements)}
        answer = self._connection.post("/query", {}, urlencode(form).encode(), _FORM)
        if answer.status != _OK:
            raise unavailable(answer, self._connection.peer, "a query")
        try:
            results = cast("list[dict[str, Any]]", json.loads(answer.body)["results"])
        except (ValueError, KeyError, TypeError) as error:
            message = f"InfluxDB at {self._connection.peer} answers a query with what is no result of InfluxQL"
            raise StoreUnavailable(message) from error
        failures = [str(result["error"]) for result in results if "error" in result]
        if create and any("database not found" in failure for failure in failures):
            self._create()
            return self.ask(statements)
        if failures or len(results) != len(statements):
            raise StoreUnavailable(self._failed(failures))
        if any(part.get("partial") for result in results for part in result.get("series", ())):
            message = f"InfluxDB at {self._connection.peer} cuts its answers off (set its max-row-limit to 0)"
            raise StoreUnavailable(message)
        return [[_series(part) for part in result.get("series", ())] for result in results]

    def _create(self) -> None:
        form = {"q": f"CREATE DATABASE {identifier(self._settings.database)}"}
        answer = self._connection.post("/query", {}, urlencode(form).encode(), _FORM)
        if answer.status != _OK or b'"error"' in answer.body:
            raise unavailable(answer, self._connection.peer, f"to create the database {self._settings.database}")

    def _failed(self, failures: Sequence[str]) -> str:
        reason = failures[0] if failures else "fewer results than statements"
        mend = ""
        if "not found" in reason:
            mend = " (make the database or bucket, or name another one; create: true makes a database of 1.x by itself)"
        return f"InfluxDB at {self._connection.peer} refuses a query: {reason}{mend}"


def identifier(name: str) -> str:
    """Quote a name for InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def text(value: str) -> str:
    """Quote a text for InfluxQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _series(part: Mapping[str, Any]) -> Series:
    return Series(part["columns"], part.get("values", ()), part.get("name", ""), part.get("tags", {}))
