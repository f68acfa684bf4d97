"""The beginning of a NodeSet2 file: its namespaces, the models it holds and the models they require.

Part 6 v1.05 F.2 to F.5. Read without the nodes, so that a folder of companion files is looked through quickly. Tolerant
to what published files do: dates without a zone or with fractions, missing versions, no Models element at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import Finding, Findings, Place
from nodesets.names import STANDARD_NAMESPACE
from nodesets.xml_reading import StopReading, read

_TABLES = frozenset({"NamespaceUris", "ServerUris", "Models", "Aliases", "Extensions"})


@dataclass(frozen=True, slots=True)
class RequiredModel:
    """A model that another one builds on. ``version`` is empty and ``published`` None where the file says nothing."""

    uri: str
    version: str
    published: datetime | None
    place: Place


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a file holds."""

    uri: str
    version: str
    published: datetime | None
    place: Place
    required: tuple[RequiredModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    """What a NodeSet2 file says of itself. ``namespaces[i]`` is the URI of the file's namespace index i."""

    file: Path
    namespaces: tuple[str, ...]
    models: tuple[Model, ...]
    warnings: tuple[Finding, ...] = ()


def read_header(file: Path) -> Header:
    """Read a NodeSet2 file up to its first node; raise :class:`InputError` naming the place of what is not XML."""
    handler = _HeaderHandler(file)
    read(file, handler)
    return handler.header()


def parse_date(text: str) -> datetime | None:
    """Read an XML date or dateTime; one without a zone is UTC. Returns None for what is no date."""
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)


class _HeaderHandler:
    """Collects the tables in front of the nodes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._uris: list[tuple[str, Place]] = []
        self._models: list[tuple[RequiredModel, list[RequiredModel]]] = []
        self._warnings = Findings()
        self._place = Place.of(file)

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        self._place = place
        if path[0] not in _TABLES:
            raise StopReading
        if path == ("Models", "Model"):
            self._models.append((self._entry(attributes, place), []))
        elif path[0] == "Models" and path[-1] == "RequiredModel" and self._models:
            self._models[-1][1].append(self._entry(attributes, place))

    def end(self, path: tuple[str, ...], text: str) -> None:
        if path == ("NamespaceUris", "Uri"):
            self._uris.append((text, self._place))

    def _entry(self, attributes: Mapping[str, str], place: Place) -> RequiredModel:
        date = attributes.get("PublicationDate", "")
        published = parse_date(date)
        if date and published is None:
            self._warnings.add(place, f"PublicationDate {date!r} is not a date", "write it as 2024-05-01T00:00:00Z")
        return RequiredModel(attributes.get("ModelUri", ""), attributes.get("Version", ""), published, place)

    def header(self) -> Header:
        uris = [uri for uri, _ in self._uris]
        # Some files list the standard namespace, which has index 0 in any case, as their first Uri.
        own = uris[1:] if uris[:1] == [STANDARD_NAMESPACE] else uris
        models = [
            Model(entry.uri, entry.version, entry.published, entry.place, tuple(required))
            for entry, required in self._models
        ]
        if not models and own:
            # Files older than the Models element: the first namespace is the file's own, the others it builds on.
            place = next(place for uri, place in self._uris if uri == own[0])
            required = tuple(RequiredModel(uri, "", None, at) for uri, at in self._uris if uri in own[1:])
            models = [Model(own[0], "", None, place, required)]
        return Header(self._file, (STANDARD_NAMESPACE, *own), tuple(models), tuple(self._warnings.items))
