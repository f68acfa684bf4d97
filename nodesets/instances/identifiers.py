"""The identifiers of an instance's nodes: the same in every run, since they are made of BrowsePaths and nothing else.

``Pump1.Motor.Speed``: the instance's identifier and the names down to the node. A ``.``, ``%`` or ``@`` in a name is
percent-encoded, so that no two paths are written alike. Where two children of a node have one name in different
namespaces, the one whose type is the most basic has the plain name, and the others their namespace's URI behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nodesets.built_in_types import QualifiedName

_SPECIAL = re.compile(r"[.%@]")


def written(name: str) -> str:
    """Give a name as it stands in an identifier."""
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02X}", name)


def segments_of(names: Iterable[QualifiedName]) -> dict[QualifiedName, str]:
    """Give the segments of a node's children; of those with one name the first has it plain."""
    taken: set[str] = set()
    segments: dict[QualifiedName, str] = {}
    for name in names:
        plain = written(name.name or "")
        segments[name] = plain if plain not in taken else f"{plain}@{written(name.namespace)}"
        taken.add(plain)
    return segments
