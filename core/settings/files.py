"""Files that people wrote: read whole, up to a size."""

from __future__ import annotations

from pathlib import Path

from core.errors import Findings, Place

_MEBI = 1 << 20


def bytes_of(file: Path, mebibytes: int, mend: str, findings: Findings) -> bytes | None:
    """Read a file; what stands in the way goes to ``findings``. ``mend``: what to do with one over ``mebibytes``."""
    largest = mebibytes * _MEBI
    try:
        with file.open("rb") as stream:
            raw = stream.read(largest + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        findings.add(Place.of(file), f"the file cannot be read: {reason}", "check its path and permissions")
        return None
    if len(raw) > largest:
        findings.add(Place.of(file), f"the file is larger than {mebibytes} MiB", mend)
        return None
    return raw
