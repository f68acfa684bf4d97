"""What tells damage: checksums of payloads, and what a value of a row can be."""

from __future__ import annotations

import re
from typing import Final, cast

from historian import chunks
from historian.chunks import Chunk
from historian.encoding import DamagedData
from historian.resolutions import Resolution
from historian.sqlite import summary_rows
from historian.sqlite.leaves import Row

MOST_SAMPLES: Final = 1 << 32
"""More than a row can hold."""
_NAME: Final = re.compile(r"(nsu=[^;]+;|ns=\d+;)?[isgb]=.+", re.DOTALL)
_CHUNK: Final = re.compile(rb"\x01[\x00-\x19]\x00\x00")


def intact(payload: object) -> tuple[list[Chunk], bool]:
    """Find the chunks of a payload whose checksum is right; gives also whether that is all of it."""
    if not isinstance(payload, bytes):
        return [], False
    try:
        found = list(chunks.read(payload))
    except DamagedData:
        return _intact_ones(payload), False
    return found, bool(found)


def _intact_ones(payload: bytes) -> list[Chunk]:
    """Look for chunks at every place where one can begin."""
    found: list[Chunk] = []
    at = 0
    while (match := _CHUNK.search(payload, at)) is not None:
        try:
            chunk = next(chunks.read(payload[match.start() :]))
        except DamagedData:
            at = match.start() + 1
            continue
        found.append(chunk)
        at = match.start() + len(chunk.whole)
    return found


def is_summary(row: Row) -> bool:
    """Tell whether a row of summaries is what its payload says."""
    resolution, first, block, last, buckets, payload = row
    if not isinstance(payload, bytes) or not isinstance(block, int) or resolution not in set(Resolution):
        return False
    try:
        summary_rows.check(payload)
    except DamagedData:
        return False
    parts, _ = summary_rows.read([payload], Resolution(resolution))
    return len(parts) == buckets and int(parts["start"][0]) == first and int(parts["start"][-1]) == last


def is_text(value: object) -> bool:
    """Tell whether a value is a text without bytes that are none of UTF-8."""
    return isinstance(value, str) and not any("\udc80" <= each <= "\udcff" for each in value)


def is_name(value: object) -> bool:
    """Tell whether a value is the text of a NodeId."""
    return is_text(value) and _NAME.fullmatch(cast("str", value)) is not None


def is_count(value: object) -> bool:
    """Tell whether a value can be a number of samples."""
    return isinstance(value, int) and 0 < value < MOST_SAMPLES


def moment(value: object) -> int | None:
    """Give a time as it stands in a row, None for what is none."""
    return value if isinstance(value, int) else None


def nameless(number: int) -> str:
    """Name a point whose name is lost."""
    return f"nsu=urn:plantspace:nameless;i={number}"


def namespace(name: object) -> str:
    """Give the part of a name that says whose it is."""
    return str(name).partition(";")[0]
