"""Files that the demo lays out and people change: theirs are kept, those that nobody touched are renewed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast

from core.settings import replace_file

MANIFEST = ".plantspace-demo-files.json"
"""Name -> SHA-256 of what the demo has written there: the last time, and the time before where that may still stand."""


def lay_out(folder: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write ``files`` (names relative to ``folder``), each whole or not at all, and give the names of those kept.

    Kept is a file that holds something else than the demo has ever written there. One that is absent is written.
    The manifest comes first, so that a demo that dies halfway takes none of its own files for someone else's.
    Blocks on the disk. Raises :class:`OSError`.
    """
    known = _read(folder / MANIFEST)
    manifest: dict[str, list[str]] = {}
    kept: list[str] = []
    outdated: list[str] = []
    for name, content in files.items():
        there, new = _digest_of(folder / name), hashlib.sha256(content).hexdigest()
        ours = known.get(name, [])
        if there is None or there == new:
            manifest[name] = [new]
        elif there in ours:
            manifest[name] = [there, new]
        else:
            manifest[name] = ours
            kept.append(name)
            continue
        if there != new:
            outdated.append(name)
    if manifest != known:
        replace_file(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    for name in outdated:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        replace_file(folder / name, files[name])
    return kept


def _digest_of(file: Path) -> str | None:
    """Give the SHA-256 of what stands in a file; None where there is none."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _read(manifest: Path) -> dict[str, list[str]]:
    """Give what the demo has written before; nothing is known where the manifest cannot be understood."""
    held: object = None
    with suppress(FileNotFoundError, ValueError):
        held = json.loads(manifest.read_bytes())
    known: dict[str, list[str]] = {}
    for name, digests in cast("dict[str, object]", held).items() if isinstance(held, dict) else ():
        if isinstance(digests, list):
            known[name] = [str(digest) for digest in cast("list[object]", digests)]
    return known
