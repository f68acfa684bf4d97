"""Writes the texts of a file: NodeIds and names with namespace indexes, numbers, dates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from nodesets.built_in_types import QualifiedName
from nodesets.names import STANDARD_NAMESPACE, NodeName

_INDEXED = re.compile(r"[0-9]+:")


class TextWriter:
    """Writes for one file. What was written once is looked up."""

    def __init__(self, namespaces: tuple[str, ...], aliases: Mapping[NodeName, str]) -> None:
        """``namespaces[index]`` is a namespace's URI, the standard one first."""
        self._indexes = {uri: index for index, uri in reversed(list(enumerate(namespaces)))}
        self._aliases = aliases
        self._nodes: dict[NodeName, str] = {}

    def node(self, name: NodeName) -> str:
        """Write a NodeId."""
        known = self._nodes.get(name)
        if known is None:
            index = self._indexes[name.namespace]
            local = str(NodeName(STANDARD_NAMESPACE, name.kind, name.identifier))
            known = self._nodes[name] = f"ns={index};{local}" if index else local
        return known

    def alias(self, name: NodeName) -> str:
        """Write the alias of a NodeId, or the NodeId where it has none."""
        return self._aliases.get(name) or self.node(name)

    def qualified(self, name: QualifiedName) -> str:
        """Write a name with its namespace's index; without one in the standard namespace, if it stays clear."""
        index, text = self._indexes[name.namespace], name.name or ""
        return f"{index}:{text}" if index or _INDEXED.match(text) else text

    def attribute(self, value: object) -> str:
        """Write an attribute's value."""
        match value:
            case bool():
                return "true" if value else "false"
            case float():
                return number(value)
            case QualifiedName():
                return self.qualified(value)
            case NodeName():
                return self.node(value)
            case tuple():
                return ",".join(map(str, value))  # pyright: ignore[reportUnknownArgumentType] - dimensions: numbers
            case _:
                return str(value)


def number(value: float) -> str:
    """Write an xs:double; a whole one without a point."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "INF" if value > 0 else "-INF"
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def moment(date: datetime) -> str:
    """Write an xs:dateTime in UTC."""
    return date.astimezone(UTC).isoformat().replace("+00:00", "Z")
