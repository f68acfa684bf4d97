"""The beginning of a NodeSet2 file: its namespaces, the models it holds and the models they require.

Part 6 v1.05 F.2 to F.5. Read without the nodes, so that a folder of companion files is looked through quickly. Tolerant
to what published files do: dates without a zone or with fractions, missing versions, no Models element at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from core.errors import Finding, Findings, InputError, Place
from nodesets.names import STANDARD_NAMESPACE
from nodesets.xml_reading import StopReading, read

_TABLES = frozenset({"NamespaceUris", "ServerUris", "Models", "Aliases", "Extensions"})
_ROLE = ("Models", "Model", "RolePermissions", "RolePermission")
_DIGITS = 10
# Published files name up to 30 namespaces. An index has 16 bits; a URI is as long as an identifier may be.
_MOST_ENTRIES = 1000
_LONGEST_URI = 4096


@dataclass(frozen=True, slots=True)
class RequiredModel:
    """A model that another one builds on. ``version`` is empty and ``published`` None where the file says nothing."""

    uri: str
    version: str
    published: datetime | None
    place: Place
    model_version: str = ""
    """The version by the rules of Semantic Versioning; empty where the file says nothing."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a file holds. ``access_restrictions`` and ``role_permissions`` are the namespace's defaults.

    The roles' NodeIds are as the file writes them.
    """

    uri: str
    version: str
    published: datetime | None
    place: Place
    required: tuple[RequiredModel, ...] = ()
    model_version: str = ""
    xml_schema_uri: str = ""
    access_restrictions: int = 0
    role_permissions: tuple[tuple[str, int], ...] = ()


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
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: in UTC it is beyond the years that there are
        return None


@dataclass(slots=True)
class _PendingModel:
    """A Model element that is open, or was."""

    entry: RequiredModel
    attributes: Mapping[str, str]
    required: list[RequiredModel] = field(default_factory=list[RequiredModel])
    role_permissions: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])


class _HeaderHandler:
    """Collects the tables in front of the nodes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._uris: list[tuple[str, Place]] = []
        self._models: list[_PendingModel] = []
        self._warnings = Findings()
        self._place = Place.of(file)
        self._permissions = 0
        self._entries = 0

    def start(self, path: tuple[str, ...], attributes: Mapping[str, str], place: Place) -> None:
        self._place = place
        if path[0] not in _TABLES:
            raise StopReading
        if path == ("Models", "Model"):
            self._models.append(_PendingModel(self._entry(attributes, place), attributes))
            self._count(place)
        elif path[0] == "Models" and path[-1] == "RequiredModel" and self._models:
            self._models[-1].required.append(self._entry(attributes, place))
            self._count(place)
        elif path == _ROLE and self._models:
            self._permissions = self._whole(attributes, "Permissions", place)

    def end(self, path: tuple[str, ...], text: str) -> None:
        if path == ("NamespaceUris", "Uri"):
            if not text:
                problem = "a Uri of NamespaceUris is empty"
                raise InputError(
                    [Finding(self._place, problem, "write the namespace's URI; the order gives the indexes")]
                )
            self._uris.append((self._bounded(text, self._place), self._place))
            self._count(self._place)
        elif path == _ROLE and self._models:
            self._models[-1].role_permissions.append((text, self._permissions))

    def _entry(self, attributes: Mapping[str, str], place: Place) -> RequiredModel:
        date = attributes.get("PublicationDate", "")
        published = parse_date(date)
        if date and published is None:
            self._warnings.add(place, f"PublicationDate {date!r} is not a date", "write it as 2024-05-01T00:00:00Z")
        texts = [attributes.get(key, "") for key in ("ModelUri", "Version", "ModelVersion")]
        uri, version, model_version = (self._bounded(text, place) for text in texts)
        return RequiredModel(uri, version, published, place, model_version)

    def _count(self, place: Place) -> None:
        self._entries += 1
        if self._entries > _MOST_ENTRIES:
            problem = f"the file names more than {_MOST_ENTRIES} namespaces and models"
            raise InputError([Finding(place, problem, "a NodeSet2 file has some ten; write it anew")])

    def _bounded(self, text: str, place: Place) -> str:
        if len(text) > _LONGEST_URI:
            problem = f"a namespace, model or version has more than {_LONGEST_URI} characters"
            raise InputError([Finding(place, problem, "shorten it")])
        return text

    def _whole(self, attributes: Mapping[str, str], key: str, place: Place) -> int:
        text = attributes.get(key, "0")
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            self._warnings.add(place, f"{key} {text[:40]!r} is not a number and counts as 0", "write a whole number")
            return 0
        return int(text)

    def header(self) -> Header:
        uris = [uri for uri, _ in self._uris]
        # Some files list the standard namespace, which has index 0 in any case, as their first Uri.
        own = uris[1:] if uris[:1] == [STANDARD_NAMESPACE] else uris
        models = [self._model(pending) for pending in self._named_models({STANDARD_NAMESPACE, *own})]
        if not models and own:
            # Files older than the Models element: the first namespace is the file's own, the others it builds on.
            place = next(place for uri, place in self._uris if uri == own[0])
            required = tuple(RequiredModel(uri, "", None, at) for uri, at in self._uris if uri in own[1:])
            models = [Model(own[0], "", None, place, required)]
        return Header(self._file, (STANDARD_NAMESPACE, *own), tuple(models), tuple(self._warnings.items))

    def _named_models(self, namespaces: Collection[str]) -> Iterator[_PendingModel]:
        """Give the models that have a name, each once; the others, and those that no node can be of, are warnings."""
        seen: set[str] = set()
        for pending in self._models:
            uri, place = pending.entry.uri, pending.entry.place
            if not uri or uri in seen:
                problem = f"the model {uri} is named twice; the first stands" if uri else "Model has no ModelUri"
                self._warnings.add(place, problem, "leave it out, or correct its ModelUri")
                continue
            seen.add(uri)
            if uri not in namespaces:
                problem = f"the model {uri} is not among NamespaceUris, so no node of the file is of it"
                self._warnings.add(place, problem, "correct the ModelUri, or the Uri in NamespaceUris")
            yield pending

    def _model(self, pending: _PendingModel) -> Model:
        entry = pending.entry
        return Model(
            entry.uri,
            entry.version,
            entry.published,
            entry.place,
            tuple(pending.required),
            entry.model_version,
            pending.attributes.get("XmlSchemaUri", ""),
            self._whole(pending.attributes, "AccessRestrictions", entry.place),
            tuple(pending.role_permissions),
        )
