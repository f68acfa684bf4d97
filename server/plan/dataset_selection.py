"""Finds the points of a DataSet: by nodes and patterns, by type, without exceptions, some by names of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, cast

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from pydantic import TypeAdapter, ValidationError

from core.errors import Findings, Place
from core.settings import Section, nearest
from core.settings.partial import texts_of
from nodesets.names import NodeNameError
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.plan.field_names import SIGN
from server.plan.point_names import NamedPoint, PointNames
from server.pubsub.selection_settings import NodeText
from server.ua_stack.browse import Directory, Instance, NodeNotFoundError
from server.ua_stack.nodeids import UnknownNamespaceError

_NODE_TEXT: Final[TypeAdapter[str]] = TypeAdapter(NodeText)
_SIGNS: Final = "*?["
_ROOTS: Final = tuple(numeric_key(0, kind) for kind in (ObjectIds.BaseObjectType, ObjectIds.BaseVariableType))
_FORMS: Final = ("nsu", "ns", "i", "s", "g", "b")
_MOST_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Selection:
    """The points of a DataSet, in order. ``aliases``: names of fields by slot.

    ``named``: slots that the configuration names one by one; the others came by a pattern or a type.
    """

    points: Sequence[NamedPoint] = ()
    aliases: dict[int, str] = field(default_factory=dict[int, str])
    named: frozenset[int] = frozenset()

    def called(self, names: Sequence[str], nodes: Sequence[str]) -> list[str]:
        """Name the fields: by the alias, else as ``names`` has it, or ``nodes`` where an alias has taken that."""
        taken = set(self.aliases.values())
        own = (node if name in taken else name for name, node in zip(names, nodes, strict=True))
        return [self.aliases.get(point.slot, name) for point, name in zip(self.points, own, strict=True)]


def select(section: Section, names: PointNames, directory: Directory, findings: Findings) -> Selection:
    """Find what the keys of a DataSet's section choose; what is wrong becomes findings at its place."""
    chosen: dict[int, NamedPoint] = {}
    named: set[int] = set()
    wanted = section.data.get("type") if isinstance(section.data, dict) else None
    if isinstance(wanted, str) and wanted.strip():
        for point in _of_type(section, wanted, names, directory, findings):
            chosen.setdefault(point.slot, point)
    else:
        for text, place in _named_nodes(section, "nodes"):
            found = names.match(text, place)
            if found is not None and not found:
                findings.add(place, f"{text} means no variable whose value changes", "name points")
            for point in found or ():
                chosen.setdefault(point.slot, point)
                if not _is_pattern(text):
                    named.add(point.slot)
    before = len(chosen)
    for slot in _excepted(section, names, directory, chosen):
        del chosen[slot]
    if before and not chosen:
        findings.add(section.place(("except",)), "nothing is left of the dataset's points", "except fewer nodes")
    points = list(chosen.values())
    return Selection(points, _aliases(section, names, chosen, findings), frozenset(named & chosen.keys()))


def find_type(text: str, directory: Directory) -> NodeKey:
    """Find an ObjectType or VariableType by NodeId text, or as ``Name`` or ``prefix:Name``.

    ``prefix`` is the last part of the namespace's URI, as it is in the configuration's other names of types.
    Raises :class:`~server.ua_stack.browse.NodeNotFoundError`.
    """
    space, nodeids = directory.space, directory.nodeids
    form, sign, _ = text.partition("=")
    if sign and form in _FORMS:
        try:
            key = key_of(nodeids.from_text(text))
        except NodeNameError as error:
            raise NodeNotFoundError(error.problem, error.mend) from None
        except UnknownNamespaceError as error:
            raise NodeNotFoundError(str(error), "add its NodeSet under model: nodesets") from None
        node = space.get(key)
        if node is None or node.node_class not in (NodeClass.OBJECT_TYPE, NodeClass.VARIABLE_TYPE):
            problem = f"the model has no ObjectType or VariableType {text}"
            raise NodeNotFoundError(problem, "write the NodeId, or the name, of a type")
        return key
    by_name: dict[str, list[NodeKey]] = {}
    for key in frozenset[NodeKey]().union(*(space.subtypes(root) for root in _ROOTS)):
        name = space[key].browse_name
        prefix = nodeids.uri_of(name.namespace).rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        for called in {name.name, f"{prefix}:{name.name}", f"{prefix.casefold()}:{name.name}"}:
            by_name.setdefault(called, []).append(key)
    found = by_name.get(text, [])
    if len(found) == 1:
        return found[0]
    if found:
        problem = f"{len(found)} types are called {text!r}"
        choices = sorted(nodeids.to_text(nodeid_of(key)) for key in found)[:_MOST_SHOWN]
        raise NodeNotFoundError(problem, f"write one of {', '.join(choices)}")
    near = nearest(text, sorted(by_name))
    mend = f"did you mean {near}?" if near else "write its NodeId, or prefix:Name"
    problem = f"the model has no type {text!r}"
    raise NodeNotFoundError(problem, mend)


def _of_type(
    section: Section, wanted: str, names: PointNames, directory: Directory, findings: Findings
) -> Iterator[NamedPoint]:
    """Give the variables of a VariableType, or those beneath instances of an ObjectType, where ``nodes`` looks."""
    place = section.place(("type",))
    try:
        kind = find_type(wanted, directory)
    except NodeNotFoundError as error:
        if not names.explains(wanted):
            findings.add(place, error.problem, error.mend)
        return
    before = len(findings.items)
    within = [
        _Within.of(text, nodeid, directory)
        for text, where in _named_nodes(section, "nodes")
        if (nodeid := _node(text, where, names)) is not None or _is_pattern(text)
    ]
    if len(findings.items) > before:
        return
    found = False
    for instance in _instances_of(kind, directory):
        if not within or any(one.holds(instance.path) for one in within):
            for point in names.points_of(instance.nodeid):
                found = True
                yield point
    if not found and not names.misses_rows and not names.explains(wanted):
        where = " where nodes: looks" if within else ""
        mend = "bind some, widen nodes:, or name another type"
        findings.add(place, f"no variable whose value changes is of the type {wanted}{where}", mend)


def _instances_of(kind: NodeKey, directory: Directory) -> Iterator[Instance]:
    space = directory.space
    kinds = space.subtypes(kind)
    instances = directory.instances.values()
    variables = (one for one in instances if not one.is_property and directory.is_variable(one.nodeid))
    if space[kind].node_class is NodeClass.VARIABLE_TYPE:
        yield from (one for one in variables if space.type_of(space[key_of(one.nodeid)]) in kinds)
        return
    objects = {one.path for one in instances if space.type_of(space[key_of(one.nodeid)]) in kinds}
    yield from (one for one in variables if any(above in objects for above in _above(one.path)))


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


@dataclass(frozen=True, slots=True)
class _Within:
    """Where is looked, or not: a pattern over browse paths, or a node and all beneath it."""

    pattern: str
    path: str

    @classmethod
    def of(cls, text: str, nodeid: ua.NodeId | None, directory: Directory) -> _Within:
        return cls(text, "") if nodeid is None else cls("", directory.path_of(nodeid))

    def holds(self, path: str) -> bool:
        if self.pattern:
            return fnmatchcase(path, self.pattern)
        return path == self.path or path.startswith(f"{self.path}/")


def _excepted(
    section: Section, names: PointNames, directory: Directory, chosen: dict[int, NamedPoint]
) -> Iterator[int]:
    """Give the slots that are left out. A pattern may mean nothing yet; a node that is named must be there."""
    left: set[int] = set()
    for text, place in _named_nodes(section, "except"):
        if SIGN in text:
            left.update(point.slot for point in names.match(text, place) or ())
            continue
        nodeid = _node(text, place, names)
        if nodeid is None and not _is_pattern(text):
            continue
        without = _Within.of(text, nodeid, directory)
        left.update(slot for slot, point in chosen.items() if without.holds(directory.path_of(point.node)))
    yield from left & chosen.keys()


def _aliases(section: Section, names: PointNames, chosen: dict[int, NamedPoint], findings: Findings) -> dict[int, str]:
    held = section.section(("aliases",)) if "aliases" in section else None
    if held is None or not isinstance(held.data, dict):
        return {}
    aliases: dict[int, str] = {}
    taken: dict[str, str] = {}
    for text, name in cast("dict[str, object]", held.data).items():
        if not is_name(text) or not isinstance(name, str):
            continue
        place = held.place((text,), key=True)
        point = names.find(text, place)
        if point is None:
            continue
        if point.slot not in chosen:
            findings.add(place, f"{text} is not in the dataset", "name it under nodes:, or leave the alias out")
        elif name in taken:
            findings.add(place, f"{taken[name]} is called {name!r} too", "give each field a name of its own")
        else:
            aliases[point.slot], taken[name] = name, text
    return aliases


def _named_nodes(section: Section, key: str) -> list[tuple[str, Place]]:
    return [(text, place) for text, place in texts_of(section, key) if is_name(text)]


def is_name(text: str) -> bool:
    """Tell whether a text has the form of a node's name; where it has not, the settings have told it."""
    try:
        _NODE_TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def _node(text: str, place: Place, names: PointNames) -> ua.NodeId | None:
    """Find the node of a name; None for a pattern, and, told, for one that is not there."""
    return None if _is_pattern(text) else names.node(text, place)


def _is_pattern(text: str) -> bool:
    return text.startswith("/") and any(sign in text for sign in _SIGNS)
