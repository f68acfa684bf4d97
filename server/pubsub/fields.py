"""The fields of a DataSet: which points, and by what names (Part 14 v1.05 6.2.3.2.4)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.datatypes import DataType

_FIELD_IDS = uuid.UUID("6f1f2c1e-6f0b-5b53-9b1c-5b8b0f6f6a10")
"""Namespace of the DataSetFieldIds made from NodeIds (RFC 9562, 5.5)."""


@dataclass(frozen=True, slots=True)
class DataSetField:
    """One point in a DataSet. ``slot``: its place in the process image, ``datatype`` the column's type there.

    ``unit``: a UNECE code, a symbol such as ``°C``, or any text; ``range``: low and high of EURange. ``data_type``: the
    NodeId text of the variable's DataType where that is not the built-in type; ``built_in``: the elements' type where
    the column holds objects; ``value_rank``: as the variable's attribute, -1 for a scalar; ``path``: the BrowseNames
    below Objects, where known.
    """

    name: str
    slot: int
    datatype: DataType
    node: str
    unit: str = ""
    description: str = ""
    range: tuple[float, float] | None = None
    data_type: str = ""
    built_in: DataType | None = None
    value_rank: int = -1
    path: tuple[str, ...] = ()

    @property
    def wire_type(self) -> DataType:
        """Give the BuiltInType that the values are encoded as."""
        return self.datatype if self.built_in is None else self.built_in

    @property
    def field_id(self) -> str:
        """Give the DataSetFieldId: the same for the same node for ever."""
        return str(uuid.uuid5(_FIELD_IDS, self.node))


def field_names(
    paths: Sequence[Sequence[str]], nodes: Sequence[str], rule: Literal["name", "path", "node"]
) -> list[str]:
    """Name fields, every name once. ``paths``: each point's BrowseNames below Objects; ``nodes``: its NodeId text.

    ``name``: the BrowseName, with as many of its parents before it (``Filler.Temperature``) as it takes to differ;
    ``path``: the whole path; ``node``: the NodeId. Points that even their paths do not tell apart get their NodeIds.
    """
    if rule == "node":
        return list(nodes)
    depths = [len(path) if rule == "path" else 1 for path in paths]
    while True:
        names = [".".join(path[-depth:]) for path, depth in zip(paths, depths, strict=True)]
        counts = Counter(names)
        deeper = [
            depth + 1 if counts[name] > 1 and depth < len(path) else depth
            for name, path, depth in zip(names, paths, depths, strict=True)
        ]
        if deeper == depths:
            return [name if name and counts[name] == 1 else node for name, node in zip(names, nodes, strict=True)]
        depths = deeper
