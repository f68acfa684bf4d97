"""JSON of a twin's service, read with suspicion and written short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NoReturn, cast

from server.pubsub.cloud.twin.dialect import Json, TwinGarbage

_DEEPEST: Final = 32
"""Levels of objects and lists. The services take fewer than half as many."""


def read_object(payload: bytes) -> dict[str, Json]:
    """Read an object. Raises :class:`TwinGarbage`."""
    try:
        document = json.loads(payload, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        message = f"it is no JSON: {error}"
        raise TwinGarbage(message) from None
    _check_depth(document, 0)
    return as_object(document, "the document")


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):  # which of the two is wanted is anybody's guess
        message = "a name stands twice in one object"
        raise ValueError(message)
    return found


def _check_depth(value: Json, depth: int) -> None:
    if depth > _DEEPEST:
        message = f"it is nested deeper than {_DEEPEST} levels"
        raise TwinGarbage(message)
    if isinstance(value, dict | list):
        members = cast("dict[str, Json] | list[Json]", value)
        for one in members.values() if isinstance(members, dict) else members:
            _check_depth(one, depth + 1)


def as_object(value: Json, what: str) -> dict[str, Json]:
    """Take a value as an object. Raises :class:`TwinGarbage`."""
    if not isinstance(value, dict):
        message = f"{what} is no object"
        raise TwinGarbage(message)
    return cast("dict[str, Json]", value)


def as_version(value: Json, what: str) -> int:
    """Take a value as a version or a time. Raises :class:`TwinGarbage`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        message = f"{what} is no version"
        raise TwinGarbage(message)
    return value


def write_object(document: Mapping[str, Json]) -> bytes:
    """Write an object."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
