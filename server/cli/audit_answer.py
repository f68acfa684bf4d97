"""Answers ``plantspace audit`` from the trail's file."""

from __future__ import annotations

import socket
import sqlite3
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Findings, PlantspaceError
from core.settings import Document, nearest
from core.settings.partial import sound_part
from core.time import to_iso
from server.address_space.extents import DecodingError
from server.audit import administration, changes, connections, trail_records
from server.audit.entry import Entry, is_done
from server.audit.json_lines import as_line, as_sentence, text_of
from server.audit.reading import entries, reading, trail_file
from server.audit.record import AuditRecord
from server.audit.syslog import LARGEST, message_of
from server.audit.trail_records import TrailBegun
from server.audit.verifying import Verdict, verify
from server.cli.terminal import Progress, counted, paint
from server.configuration import ServerSettings

_TYPES: Final = {
    kind.__name__
    for module in (administration, changes, connections, trail_records)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, AuditRecord)
} - {AuditRecord.__name__}
_SUFFIX: Final = "eventtype"


class AuditReadError(PlantspaceError):
    """The trail cannot be found or read to its end; the message says why and what tells more."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which records are asked for; None and no types for all. ``start``, ``end``: DateTime ticks."""

    start: int | None = None
    end: int | None = None
    user: str | None = None
    types: frozenset[str] = frozenset()
    done: bool | None = None
    limit: int | None = None

    def wants(self, entry: Entry) -> bool:
        """Tell whether a record of the right time is asked for."""
        return (
            (not self.types or entry.type in self.types)
            and (self.done is None or is_done(entry) == self.done)
            and (self.user is None or text_of(entry, "ClientUserId") == self.user)
        )


def type_of(text: str) -> tuple[str, str]:
    """Give the name of a record's type as it is written in the trail; empty, and what mends it, for none."""
    wanted = text.casefold().removesuffix(_SUFFIX)
    for name in _TYPES:
        if name.casefold() == wanted:
            return name, ""
    near = nearest(text, sorted(_TYPES))
    return "", f"is {near} meant?" if near else "docs/reference/audit.md lists them"


def answer(query: Query, form: str, config: Path | None, data: Path | None) -> int:
    """Print records: ``form`` is ``list``, ``json`` or ``syslog``.

    Raises :class:`AuditReadError`, and :class:`~core.errors.StoreUnavailable` where there is no trail.
    """
    file = _trail(config, data)
    try:
        with reading(file) as connection:
            gateway = _gateway(connection) if form == "syslog" else ""
            found: Iterable[Entry] = filter(query.wants, entries(connection, query.start, query.end))
            if query.limit is not None:
                found = deque(found, query.limit)
            for line in _lines(found, form, gateway):
                print(line)
    except (DecodingError, sqlite3.Error) as error:
        message = f"{file}: {error} (run plantspace audit verify, which says where it is broken)"
        raise AuditReadError(message) from error
    return 0


def verify_trail(config: Path | None, data: Path | None, head: Path | None) -> int:
    """Print whether the trail is as it was written; gives the exit code.

    Raises :class:`~core.errors.StoreUnavailable` where there is no trail, and :class:`OSError` for the head file.
    """
    file = _trail(config, data)
    if head is not None and not head.is_file():
        raise FileNotFoundError(2, "No such file or directory", str(head))
    with Progress(f"verifying {file}"):
        verdict = verify(file, head)
    if verdict.broken:
        print(f"{paint(str(file), 'bold', sys.stdout)}: {paint('broken', 'red', sys.stdout)}: {verdict.broken}")
        if verdict.records:
            print(f"in order are {_stretch(verdict)}")
        return 1
    print(f"{file}: {_stretch(verdict)}, nothing is wrong")
    print(f"the last one has the hash {verdict.last_hash.hex()}")
    if verdict.lost:
        print(f"the trail says that {counted(verdict.lost, 'record')} could not be kept")
    if verdict.beyond:
        behind = counted(verdict.beyond, "record")
        print(f"{behind} behind the one that the head file names: just written, or put there while nothing ran")
    return 0


def _stretch(verdict: Verdict) -> str:
    return f"{counted(verdict.records, 'record')}, {verdict.first} to {verdict.last}"


def _lines(found: Iterable[Entry], form: str, gateway: str) -> Iterator[str]:
    host = socket.gethostname()
    for entry in found:
        if form == "json":
            yield as_line(entry)
        elif form == "syslog":
            yield message_of(entry, host, gateway, LARGEST["tls"]).decode()
        else:
            status = "done   " if is_done(entry) else paint("refused", "yellow", sys.stdout)
            user = text_of(entry, "ClientUserId") or "-"
            time = to_iso(entry.time - entry.time % 10_000)
            yield f"{entry.sequence:>8}  {time:<24}  {user:<16}  {status}  {as_sentence(entry)}"


def _gateway(connection: sqlite3.Connection) -> str:
    """Give the name of the gateway, as the trail's first record has it; that may be gone."""
    first = next(entries(connection), None)
    return text_of(first, "Name" if first.type == TrailBegun.__name__ else "ServerId") if first is not None else ""


def _trail(config: Path | None, data: Path | None) -> Path:
    if config is None:
        return trail_file(data or Path())
    findings = Findings()
    document = Document.read(config, findings)
    findings.raise_if_any()
    if document is None or "server" not in document:
        return trail_file((config.parent if document is None else document.base) / ServerSettings().data_dir)
    folder = getattr(sound_part(ServerSettings, document.section(("server",))), "data_dir", None)
    if folder is None:
        message = f"{config}: data_dir under server: is wrong (plantspace check says what), so the trail is not found"
        raise AuditReadError(message)
    return trail_file(document.base / folder)
