"""Find the files that a set of NodeSets needs, and the order to load them in, from what their headers require."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import Finding, Findings, InputError, Place
from nodesets.header import Header, Model, RequiredModel, read_header
from nodesets.names import STANDARD_NAMESPACE

PACKAGED_MODELS = Path(__file__).parent / "models"
_SOURCE = "companion files are published at https://github.com/OPCFoundation/UA-Nodeset"
_UNDATED = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Files in an order in which each comes after what it requires.

    ``findings`` are errors, ``warnings`` are told and survived. ``missing`` are the URIs of models that no file has.
    """

    files: tuple[Header, ...]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    missing: frozenset[str] = frozenset()


def resolve(files: Sequence[Path], search: Sequence[Path] = ()) -> Resolution:
    """Order ``files`` and what they require from the folders ``search`` and from the packaged models.

    The files given are all in the result unless they cannot be read; of the others only what is required. Of several
    files for one model in the folders the newest PublicationDate is taken; among the files given that is an error.
    """
    return _Resolver(files, search).run()


class _Resolver:
    """One resolution."""

    def __init__(self, files: Sequence[Path], search: Sequence[Path]) -> None:
        self._given = files
        self._search = search
        self._findings = Findings()
        self._warnings = Findings()
        self._missing: set[str] = set()
        self._providers: dict[str, Header] = {}
        self._library: dict[str, list[Header]] | None = None
        self._order: list[Header] = []
        self._path: list[Header] = []

    def run(self) -> Resolution:
        headers = [header for path in dict.fromkeys(self._given) if (header := self._read(path)) is not None]
        for header in headers:
            self._claim(header)
        for header in headers:
            self._visit(header)
        return Resolution(
            tuple(self._order), tuple(self._findings.items), tuple(self._warnings.items), frozenset(self._missing)
        )

    def _read(self, path: Path) -> Header | None:
        """Read a given file's header; None where it cannot be used."""
        try:
            header = read_header(path)
        except InputError as error:
            self._findings.extend(error.findings)
            return None
        self._warnings.extend(header.warnings)
        models = [model for model in header.models if model.uri]
        if not models:
            mend = 'add <Models><Model ModelUri="…" Version="…" PublicationDate="…"/></Models>'
            self._findings.add(Place.of(path), "the file names no model", mend)
            return None
        if any(model.uri == STANDARD_NAMESPACE for model in models):
            self._warnings.add(Place.of(path), "left out: the standard namespace is built in", "do not list this file")
            return None
        return header

    def _claim(self, header: Header) -> None:
        """Take a given file as the one that has its models."""
        for model in header.models:
            other = self._providers.setdefault(model.uri, header)
            if other is not header:
                problem = f"the model {model.uri} is also in {other.file}"
                self._findings.add(model.place, problem, "list one file for a model")

    def _visit(self, header: Header) -> None:
        """Put what a file requires in front of it."""
        if header in self._order:
            return
        self._path.append(header)
        own = {model.uri for model in header.models} | {STANDARD_NAMESPACE}
        required = {need.uri: need for model in header.models for need in model.required if need.uri not in own}
        for need in required.values():
            provider = self._provider(need.uri)
            if provider is None:
                self._miss(header, need)
            elif provider in self._path:
                self._cycle(provider, need)
            else:
                self._tell_if_older(provider, need)
                self._visit(provider)
        # A namespace that is used but not required (published files do that) only puts its file in front.
        for uri in header.namespaces:
            if uri not in own and uri not in required:
                provider = self._provider(uri)
                if provider is not None and provider not in self._path:
                    self._visit(provider)
        self._path.pop()
        self._order.append(header)

    def _provider(self, uri: str) -> Header | None:
        if uri not in self._providers:
            candidates = self._looked_through().get(uri, [])
            if not candidates:
                return None
            self._providers[uri] = max(candidates, key=lambda header: _published(header, uri))
        return self._providers[uri]

    def _looked_through(self) -> dict[str, list[Header]]:
        """Read the headers of all files in the folders, once, in the order of the folders."""
        if self._library is None:
            self._library = {}
            for path in self._library_files():
                try:
                    header = read_header(path)
                except InputError:
                    continue  # a folder may hold other XML; a file there matters only once a model is found in it
                for model in header.models:
                    self._library.setdefault(model.uri, []).append(header)
        return self._library

    def _library_files(self) -> Iterator[Path]:
        for folder in (*self._search, PACKAGED_MODELS):
            if folder.is_file():
                yield folder
            elif folder.is_dir():
                yield from sorted(folder.rglob("*.xml"))
            else:
                self._warnings.add(Place.of(folder), "no such folder to search for models", "correct model.search")

    def _miss(self, header: Header, need: RequiredModel) -> None:
        self._missing.add(need.uri)
        version = f" {need.version}" if need.version else ""
        looked = ", ".join(str(place) for place in (*self._search, PACKAGED_MODELS))
        problem = (
            f"requires the model {need.uri}{version}, which no file has (looked at the files listed and in {looked})"
        )
        mend = f"put its NodeSet2 file in one of these folders or list it; {_SOURCE}"
        self._findings.add(need.place if need.place.line else Place.of(header.file), problem, mend)

    def _cycle(self, provider: Header, need: RequiredModel) -> None:
        circle = self._path[self._path.index(provider) :]
        names = " -> ".join(str(header.file) for header in (*circle, provider))
        self._findings.add(need.place, f"the models require each other: {names}", "remove one RequiredModel")

    def _tell_if_older(self, provider: Header, need: RequiredModel) -> None:
        model = _model(provider, need.uri)
        if model.published is not None and need.published is not None and model.published < need.published:
            problem = f"requires {need.uri} of {need.published:%Y-%m-%d}, but {provider.file} is of "
            problem += f"{model.published:%Y-%m-%d}"
            self._warnings.add(need.place, problem, f"get a newer file; {_SOURCE}")


def _model(header: Header, uri: str) -> Model:
    return next(model for model in header.models if model.uri == uri)


def _published(header: Header, uri: str) -> datetime:
    return _model(header, uri).published or _UNDATED
