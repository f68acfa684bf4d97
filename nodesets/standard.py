"""The standard namespace http://opcfoundation.org/UA/ by the table of NodeIds that asyncua carries (Part 6 v1.05 A)."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

from functools import cache

from asyncua import ua

from nodesets.names import NodeName

BASE_DATA_TYPE = NodeName.standard(24)
HIERARCHICAL_REFERENCES = NodeName.standard(33)
HAS_ENCODING = NodeName.standard(38)
HAS_MODELLING_RULE = NodeName.standard(37)
HAS_TYPE_DEFINITION = NodeName.standard(40)
HAS_SUBTYPE = NodeName.standard(45)


@cache
def _numbers() -> dict[str, int]:
    return {name: number for name, number in vars(ua.ObjectIds).items() if isinstance(number, int)}


@cache
def standard_numbers() -> frozenset[int]:
    """Give the numeric identifiers of all nodes of the standard namespace."""
    return frozenset(_numbers().values())


def standard_number(name: str) -> int | None:
    """Give the identifier of a standard node by its symbolic name, such as ``HasComponent``; None for no such name."""
    return _numbers().get(name)
