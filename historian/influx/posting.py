"""Lines into the database: all that the server takes, and word of each line that it can never take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from historian.influx.answers import REFUSED, TOO_LARGE, expired, told, unavailable
from historian.influx.connection import Answer, Connection
from historian.influx.settings import InfluxSettings

_log = logging.getLogger("plantspace.historian")

_TEXT: Final = "text/plain; charset=utf-8"
_DONE: Final = (200, 204)
_WRITING: Final = "samples"
_LEAST_BYTES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that the server can never take, by its place among those posted, and the server's words."""

    place: int
    reason: str


class Posting:
    """Posts lines over one connection."""

    def __init__(self, settings: InfluxSettings, connection: Connection, probe: Callable[[], str]) -> None:
        """Post to the database that the settings name; ``probe`` gives a line that any healthy server takes."""
        self._connection = connection
        self._probe = probe
        self._most_bytes = settings.max_bytes
        self._create = settings.create
        self.expired = 0
        """Samples since the start that the server left out, because they are older than the database keeps."""
        if settings.api == "v1":
            self._path = "/write"
            self._parameters = {"db": settings.database, "precision": "ns"}
            if settings.retention_policy:
                self._parameters["rp"] = settings.retention_policy
        else:
            self._path = "/api/v2/write"
            self._parameters = {"org": settings.org, "bucket": settings.bucket, "precision": "ns"}

    def post(self, lines: Sequence[str]) -> list[Refusal]:
        """Return once the server has all lines but those it gives word of.

        Raises :class:`StoreUnavailable`: some of the lines may be there, and all are to be posted again.
        """
        return self._post(lines, 0, proven=False)

    def _post(self, lines: Sequence[str], offset: int, *, proven: bool) -> list[Refusal]:
        """``proven``: since the first refusal the server has taken something, so it is not at odds with everything."""
        if not lines:
            return []
        body = "\n".join(lines).encode()
        if len(body) > self._most_bytes and len(lines) > 1:
            return self._halves(lines, offset, proven=proven)
        answer = self._connection.post(self._path, self._parameters, body, _TEXT, pack=True)
        if answer.status in _DONE:
            return []
        if answer.status not in REFUSED:
            raise unavailable(answer, self._connection.peer, _WRITING)
        late = expired(answer)
        if late is not None:
            self.expired += late
            _log.warning("%d samples are older than the database keeps, and were left out by the server", late)
            return []
        if not proven and answer.status != TOO_LARGE:
            self._prove(answer)
        if answer.status == TOO_LARGE:
            self._most_bytes = max(len(body) // 2, _LEAST_BYTES)
        if len(lines) == 1:
            return [Refusal(offset, told(answer))]
        return self._halves(lines, offset, proven=True)

    def _halves(self, lines: Sequence[str], offset: int, *, proven: bool) -> list[Refusal]:
        middle = len(lines) // 2
        first = self._post(lines[:middle], offset, proven=proven)
        return first + self._post(lines[middle:], offset + middle, proven=proven)

    def _prove(self, refused: Answer) -> None:
        """Make sure that it is the lines which are refused and not whatever comes."""
        probe = self._probe().encode()
        answer = self._connection.post(self._path, self._parameters, probe, _TEXT)
        if answer.status not in _DONE:
            raise unavailable(refused, self._connection.peer, "all that is written")
