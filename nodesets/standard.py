"""The standard namespace http://opcfoundation.org/UA/ by the table of NodeIds that asyncua carries (Part 6 v1.05 A)."""

from __future__ import annotations

from functools import cache

from nodesets.names import NodeName

BASE_DATA_TYPE = NodeName.standard(24)
HIERARCHICAL_REFERENCES = NodeName.standard(33)
HAS_ENCODING = NodeName.standard(38)
HAS_MODELLING_RULE = NodeName.standard(37)
HAS_TYPE_DEFINITION = NodeName.standard(40)
HAS_SUBTYPE = NodeName.standard(45)


@cache
def _numbers() -> dict[str, int]:
    # Loaded when needed: few files lack an alias, and it takes half a second.
    from asyncua.ua.object_ids import ObjectIds  # noqa: PLC0415

    return {name: number for name, number in vars(ObjectIds).items() if isinstance(number, int)}


def standard_number(name: str) -> int | None:
    """Give the identifier of a standard node by its symbolic name, such as ``HasComponent``; None for no such name."""
    return _numbers().get(name)
