"""What has to be said to make one document of another: JSON Merge Patch (RFC 7396), which shadows and twins take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from server.pubsub.cloud.twin.dialect import Json


def difference(before: Mapping[str, Json], after: Mapping[str, Json]) -> dict[str, Json]:
    """Give the patch; empty where there is nothing to say. A member that is gone is null."""
    patch: dict[str, Json] = {name: None for name in before if name not in after}
    for name, value in after.items():
        if name not in before:
            patch[name] = value
        elif isinstance(value, dict) and isinstance(before[name], dict):
            inner = difference(before[name], cast("dict[str, Json]", value))
            if inner:
                patch[name] = inner
        elif not _same(before[name], value):
            patch[name] = value
    return patch


def patched(document: Mapping[str, Json], patch: Mapping[str, Json]) -> dict[str, Json]:
    """Give the document after a patch."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            before = cast("dict[str, Json]", inner) if isinstance(inner, dict) else {}
            result[name] = patched(before, cast("dict[str, Json]", value))
        else:
            result[name] = value
    return result


def _same(one: Json, other: Json) -> bool:
    # True is 1 to Python, and to nobody else.
    return one == other and isinstance(one, bool) == isinstance(other, bool)
