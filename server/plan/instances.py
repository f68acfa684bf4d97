"""The ``model: instances:`` section: instances of types that the configuration makes, as records beside the model's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from core.errors import Findings, Place
from core.settings import Document, Row, Section, Settings, build, read_table
from nodesets.built_in_types import QualifiedName
from nodesets.instances import InstanceError, InstanceProblem, Instances, NewInstance
from nodesets.instances.identifiers import written
from nodesets.names import NodeName
from nodesets.nodes import Node
from server.plan.instance_values import InstanceValues
from server.plan.node_names import NodeFinder, UnknownNodeError
from server.plan.written_values import WrittenValueError
from server.type_bindings import header_of

KEY = "instances"
COLUMNS = ("name", "type", "parent", "reference", "optional", "placeholders", "types", "id")
REQUIRED = ("type",)
VALUE = "value:"
"""What the name of a column begins with that has values of members; the member's path follows."""
_OBJECTS = "/Objects"
_BETWEEN = "|"


class InstanceSettings(Settings):
    """One instance. ``type``, ``reference`` and ``types`` are names of types; ``id`` is the NodeId's identifier.

    ``optional``, ``placeholders``, ``types`` and ``values`` have browse paths beneath the instance. ``values`` are of
    variables there, which are made where they are optional.
    """

    type: str = Field(examples=["machinery:MachineIdentificationType"])
    name: str = ""
    parent: str = _OBJECTS
    reference: str = ""
    optional: list[str] | Literal["all"] = Field(default_factory=list[str])
    placeholders: dict[str, list[str]] = Field(default_factory=dict[str, list[str]])
    types: dict[str, str] = Field(default_factory=dict[str, str])
    values: dict[str, Any] = Field(default_factory=dict[str, Any])  # of any type, which the model knows
    id: str = ""


@dataclass(frozen=True, slots=True)
class _Wish:
    """An instance that is asked for. ``place`` gives the place of a key, or of something inside it."""

    settings: InstanceSettings
    place: Callable[[str, str], Place]
    is_row: bool = False
    """Whether it stands in a table, where everything is text."""


@dataclass(frozen=True, slots=True)
class PlannedInstances:
    """The records of all instances. ``complete``: none was lost to something wrong.

    ``lost`` are the names of those that were: paths that lead through them are nobody else's error.
    """

    records: list[Node]
    complete: bool = True
    lost: frozenset[str] = frozenset()


def plan_instances(
    document: Document, nodes: Mapping[NodeName, Node], namespace: str, findings: Findings
) -> PlannedInstances:
    """Make the instances that a configuration asks for; what is wrong becomes findings.

    ``nodes``: the model's records, which stay as they are. ``namespace``: the gateway's own, which the new NodeIds are
    in. Instances may stand in any order, and be parents of each other. Blocks on the files.
    """
    wishes, sound = _read(document, findings)
    if not wishes:
        return PlannedInstances([], sound)
    before = len(findings.items)
    return _Planner(document, nodes, namespace, findings).plan(wishes, lambda: len(findings.items) == before)


def instance_paths(document: Document) -> dict[str, str]:
    """Give the browse paths of the instances by their names, as far as the configuration alone tells.

    Those whose parents are named by path; where a name comes twice, neither. Blocks on the files.
    """
    wishes, _ = _read(document, Findings())
    found: dict[str, list[str]] = {}
    for wish in wishes:
        if wish.settings.name and wish.settings.parent.startswith("/"):
            path = f"{wish.settings.parent.rstrip('/')}/{wish.settings.name}"
            found.setdefault(wish.settings.name, []).append(path)
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}


def _read(document: Document, findings: Findings) -> tuple[list[_Wish], bool]:
    """Read the section: a list, in which texts are names of CSV files, or the name of one."""
    if "model" not in document or KEY not in document.section(("model",)):
        return [], True
    section = document.section(("model", KEY))
    data = section.data
    if data is None:
        return [], True
    before = len(findings.items)
    if isinstance(data, str):
        wishes = list(_of_file(section, findings))
    elif isinstance(data, list):
        parts = [section.section((index,)) for index in range(len(data))]
        wishes = [wish for part in parts for wish in _of_part(part, findings)]
    else:
        wishes = []
        mend = "write a list of {type: …, name: …, parent: …}, or the name of a CSV file"
        findings.add(section.place(), f"'{section.label()}' must be a list or a file's name", mend)
    return wishes, len(findings.items) == before


def _of_part(section: Section, findings: Findings) -> Iterator[_Wish]:
    if isinstance(section.data, str):
        yield from _of_file(section, findings)
        return
    settings = build(InstanceSettings, section, findings)
    if settings is None:
        return

    def place(key: str, inner: str) -> Place:
        if key in section and isinstance(section.section((key,)).data, list):
            items = section.section((key,)).data
            if isinstance(items, list) and inner in items:
                return section.place((key, items.index(inner)))
        return section.place((key, inner) if inner else (key,), key=bool(inner) and key != "values")

    yield _Wish(settings, place)


def _of_file(section: Section, findings: Findings) -> Iterator[_Wish]:
    if not isinstance(section.data, str) or not section.data:
        findings.add(section.place(), f"'{section.label()}' must name a CSV file", "write instances: instances.csv")
        return
    file = section.base / section.data
    values = [name for name in dict.fromkeys(header_of(file, Findings()) or ()) if name.startswith(VALUE)]
    for row in read_table(file, (*COLUMNS, *values), REQUIRED, findings):
        told = len(findings.items)
        settings = _of_row(row, values, findings)

        def place(key: str, inner: str, row: Row = row) -> Place:
            return row.place(f"{VALUE}{inner}" if key == "values" else key)

        if len(findings.items) == told:
            yield _Wish(settings, place, is_row=True)


def _of_row(row: Row, values: Iterable[str], findings: Findings) -> InstanceSettings:
    """Read a row; lists are cut at ``|``, mappings are ``path=value`` in such lists. ``values``: columns of values."""
    placeholders: dict[str, list[str]] = {}
    for path, name in _pairs(row, "placeholders", findings):
        placeholders.setdefault(path, []).append(name)
    optional = [path for text in row.get("optional").split(_BETWEEN) if (path := text.strip())]
    return InstanceSettings(
        type=row.get("type"),
        name=row.get("name"),
        parent=row.get("parent") or _OBJECTS,
        reference=row.get("reference"),
        optional=optional,
        placeholders=placeholders,
        types=dict(_pairs(row, "types", findings)),
        values={name.removeprefix(VALUE): text for name in values if (text := row.get(name).strip())},
        id=row.get("id"),
    )


def _pairs(row: Row, column: str, findings: Findings) -> Iterable[tuple[str, str]]:
    for text in row.get(column).split(_BETWEEN):
        path, sign, value = (part.strip() for part in text.partition("="))
        if path and value:
            yield path, value
        elif text.strip() or sign:
            findings.add(
                row.place(column), f"{text.strip()!r} is not of the form path=name", "write path=name|path=name"
            )


class _Planner:
    """Makes the instances of one configuration."""

    def __init__(self, document: Document, nodes: Mapping[NodeName, Node], namespace: str, findings: Findings) -> None:
        self._instances = Instances(nodes)
        self._finder = NodeFinder(self._instances)
        self._values = InstanceValues(self._instances, nodes)
        self._namespace = namespace
        self._findings = findings
        devices = document.data.get("devices") if isinstance(document.data, dict) else None
        self._devices = set(devices) if isinstance(devices, dict) else set[str]()

    def plan(self, wishes: list[_Wish], sound: Callable[[], bool]) -> PlannedInstances:
        """Make them, parents first."""
        waiting = wishes
        lost: set[str] = set()
        while waiting:
            later: list[_Wish] = []
            for wish in waiting:
                parent = self._parent(wish)
                if parent is None:
                    later.append(wish)
                elif not self._make(wish, parent):
                    lost.add(wish.settings.name)
            if len(later) == len(waiting):
                self._tell_parents(later, lost)
                break
            waiting = later
        return PlannedInstances(self._values.put_into(self._instances.made), sound(), frozenset(lost))

    def _parent(self, wish: _Wish) -> NodeName | None:
        try:
            return self._finder.find(wish.settings.parent)
        except UnknownNodeError:
            return None

    def _tell_parents(self, wishes: list[_Wish], lost: set[str]) -> None:
        """Tell the parents that are nowhere, but not those that are lost to an error told already."""
        missing = lost | {wish.settings.name for wish in wishes}
        for wish in wishes:
            above = set(wish.settings.parent.split("/"))
            if wish.settings.name in above or not missing & above:
                try:
                    self._finder.find(wish.settings.parent)
                except UnknownNodeError as error:
                    self._findings.add(wish.place("parent", ""), error.problem, error.mend)
        lost |= missing

    def _make(self, wish: _Wish, parent: NodeName) -> bool:
        """Make one; False, and told, where something is wrong with it."""
        told = len(self._findings.items)
        settings = wish.settings
        kind = self._type(wish, "type", "", settings.type)
        reference = self._type(wish, "reference", "", settings.reference) if settings.reference else None
        types = {path: self._type(wish, "types", path, text) for path, text in settings.types.items()}
        if kind is None or len(self._findings.items) > told:
            return False
        default = self._instances.default_name(kind)
        name = QualifiedName(self._namespace, settings.name) if settings.name else default
        if settings.name and default is not None and default.name == settings.name:
            name = default
        identifier = settings.id or self._identifier(parent, name)
        if self._is_of_device(identifier):
            problem = f"the NodeId {identifier!r} belongs to the device of that name"
            self._findings.add(
                wish.place("id" if settings.id else "name", ""), problem, "choose another name, or an id"
            )
            return False
        new = NewInstance(
            type=kind,
            namespace=self._namespace,
            identifier=identifier,
            parent=parent,
            browse_name=name,
            reference=reference,
            optional=[
                *([settings.optional] if isinstance(settings.optional, str) else settings.optional),
                *settings.values,
            ],
            placeholders=settings.placeholders,
            types={path: one for path, one in types.items() if one is not None},
        )
        try:
            records = self._instances.create(new)
        except InstanceError as error:
            for problem in error.problems:
                self._tell(wish, problem)
            return False
        for path, given in settings.values.items():
            self._give(wish, records[0].name, path, given)
        return True

    def _give(self, wish: _Wish, instance: NodeName, path: str, given: object) -> None:
        """Give a member its value; what is wrong with it costs no node."""
        try:
            self._values.give(instance, path, given, cell=wish.is_row)
        except WrittenValueError as error:
            name = wish.settings.name or wish.settings.type
            self._findings.add(wish.place("values", path), f"{name}: {error.problem}", error.mend)

    def _type(self, wish: _Wish, key: str, inner: str, text: str) -> NodeName | None:
        try:
            return self._finder.find_type(text)
        except UnknownNodeError as error:
            self._findings.add(wish.place(key, inner), error.problem, error.mend)
            return None

    def _identifier(self, parent: NodeName, name: QualifiedName | None) -> str:
        """Give the identifier where none is written: the name, behind that of a parent of the gateway's own."""
        own = written(name.name or "") if name is not None else ""
        if parent.namespace == self._namespace and isinstance(parent.identifier, str):
            return f"{parent.identifier}.{own}"
        return own

    def _is_of_device(self, identifier: str) -> bool:
        """Tell whether the NodeId is one that a device's generated nodes have, or may get."""
        return any(identifier == device or identifier.startswith(f"{device}.") for device in self._devices)

    def _tell(self, wish: _Wish, problem: InstanceProblem) -> None:
        name, settings = wish.settings.name or wish.settings.type, wish.settings
        chosen = () if isinstance(settings.optional, str) else settings.optional
        of_value = problem.argument == "optional" and problem.key in settings.values and problem.key not in chosen
        text = problem.problem.replace("optional child", "member") if of_value else problem.problem
        place = wish.place("values" if of_value else problem.argument, problem.key)
        self._findings.add(place, f"{name}: {text}", problem.mend)
