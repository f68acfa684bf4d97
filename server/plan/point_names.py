"""Finds the points that datasets, operators and history name: nodes, and fields of structured variables."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from asyncua import ua

from core.errors import Findings, Place
from server.plan.field_names import SIGN, FieldName, field_name
from server.plan.lookup import Lookup
from server.plan.points import PointList
from server.plan.structured import StructurePlanner
from server.ua_stack.browse import NodeNotFoundError

_SIGNS = re.compile(r"[*?[]")
_FIELD_SIGNS = re.compile(r"[*?]")


class NamedPoint(NamedTuple):
    """A point by its node. ``field``: the path within a structured variable's value, empty for a variable itself."""

    node: ua.NodeId
    slot: int
    field: str = ""


class PointNames:
    """Looks points up; a name without a point becomes a finding unless an error told elsewhere explains it."""

    def __init__(self, lookup: Lookup, points: PointList, structures: StructurePlanner, findings: Findings) -> None:
        """Look nodes up in ``lookup``, and fields in ``structures``."""
        self._lookup = lookup
        self._directory = lookup.directory
        self._points = points
        self._structures = structures
        self._findings = findings

    def telling(self, findings: Findings) -> PointNames:
        """Give what looks up the same, and tells what is wrong to others: a running gateway looks again and again."""
        lookup = self._lookup.telling(findings)
        return PointNames(lookup, self._points, self._structures.telling(lookup, findings), findings)

    @property
    def misses_rows(self) -> bool:
        """Whether rows of devices are missing because of something wrong with them."""
        return self._lookup.misses_rows

    def explains(self, text: str) -> bool:
        """Tell whether an error told elsewhere may be why there is nothing of this name."""
        return self._lookup.explains(text)

    def node(self, text: str, place: Place) -> ua.NodeId | None:
        """Find a node, point or not; None, and told, where it is not there."""
        return self._lookup.find(text, place)

    def points_of(self, nodeid: ua.NodeId) -> list[NamedPoint]:
        """Give the point of a node, or those of its bound fields; none for a node that is no point."""
        return list(self._of(nodeid))

    def find(self, text: str, place: Place) -> NamedPoint | None:
        """Find the one point of a name."""
        name = field_name(text, self._directory)
        if name is not None:
            return self._field(name, text, place)
        nodeid = self._lookup.find(text, place)
        if nodeid is None:
            return None
        slot = self._points.slots.get(nodeid)
        if slot is not None:
            return NamedPoint(nodeid, slot)
        fields = self._points.fields.get(nodeid)
        mend = (
            f"name one of its fields: {text}{SIGN}{next(iter(fields))}"
            if fields
            else "name a variable whose value changes"
        )
        self._findings.add(place, f"{text} is no point", mend)
        return None

    def match(self, text: str, place: Place) -> list[NamedPoint] | None:
        """Find the points that a name or a pattern means; a structured variable means all of its bound fields.

        Nodes that are no points are left out. None where there is nothing at all of that name.
        """
        name = field_name(text, self._directory)
        if name is None:
            nodes = self._lookup.match(text, place)
            return [point for nodeid in nodes for point in self._of(nodeid)] if nodes else None
        in_node, in_path = text.startswith("/") and _SIGNS.search(name.node), _FIELD_SIGNS.search(name.path)
        if not in_node and not in_path:
            one = self._field(name, text, place)
            return None if one is None else [one]
        found = [*self._fields(name), *self._nodes(text)]
        if not found and not self._lookup.misses_rows and not self._lookup.explains(name.node):
            mend = "patterns are browse paths with *, such as /Objects/Line1/*#X"
            self._findings.add(place, f"no bound field matches {text}", mend)
        return found or None

    def data_type(self, point: NamedPoint) -> str:
        """Give the NodeId text of the DataType of a field."""
        return str(self._structures.data_type_of(point.node, point.field))

    def _field(self, name: FieldName, text: str, place: Place) -> NamedPoint | None:
        planned = self._structures.find(name, place)
        if planned is None:
            return None
        slot = self._points.fields.get(planned.node, {}).get(planned.resolved.text)
        if slot is not None:
            return NamedPoint(planned.node, slot, planned.resolved.text)
        if not self._lookup.misses_rows:
            self._findings.add(place, f"no device gives {text}", "bind it, or name a field that is bound")
        return None

    def _fields(self, name: FieldName) -> Iterator[NamedPoint]:
        """Give the bound fields that a pattern means. Brackets in a path are no sign: they hold indexes."""
        wanted = name.path.replace("[", "[[]")
        for nodeid, fields in self._points.fields.items():
            if fnmatchcase(self._directory.path_of(nodeid), name.node) or self._directory.known(name.node) == nodeid:
                for path, slot in fields.items():
                    if fnmatchcase(path, wanted):
                        yield NamedPoint(nodeid, slot, path)

    def _nodes(self, text: str) -> Iterator[NamedPoint]:
        """Give the points whose own names hold the sign."""
        with contextlib.suppress(NodeNotFoundError):
            for nodeid in self._directory.match(text):
                yield from self._of(nodeid)

    def _of(self, nodeid: ua.NodeId) -> Iterator[NamedPoint]:
        slot = self._points.slots.get(nodeid)
        if slot is not None:
            yield NamedPoint(nodeid, slot)
        for path, at in self._points.fields.get(nodeid, {}).items():
            yield NamedPoint(nodeid, at, path)
