"""Instances against a slow and obvious model: the tables of Part 3 v1.05 6.3.3.2, made by brute force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import QualifiedName
from nodesets.instances import NewInstance, instantiate
from nodesets.names import NodeName
from nodesets.nodes import (
    Node,
    NodeClass,
    ObjectNode,
    ObjectTypeNode,
    Reference,
    ReferenceTypeNode,
    VariableNode,
    VariableTypeNode,
)

I = NodeName.standard  # noqa: E741 - i= is how standard nodes are written
OBJECTS = I(85)
HAS_COMPONENT, HAS_PROPERTY, HAS_SUBTYPE, HAS_TYPE, HAS_RULE, HAS_INTERFACE = map(I, (47, 46, 45, 40, 37, 17603))
MANDATORY, OPTIONAL = I(78), I(80)
BASE_OBJECT, BASE_INTERFACE, BASE_VARIABLE = I(58), I(17602), I(63)
URI = "urn:types"
Path = tuple[QualifiedName, ...]
Table = dict[Path, list[NodeName]]
"""The rows of a type by path, the nearest first."""


def standard_nodes() -> dict[NodeName, Node]:
    """Give the few standard nodes that instances need."""
    nodes: dict[NodeName, Node] = {}
    for number, above in ((33, None), (34, 33), (35, 33), (44, 34), (47, 44), (46, 44), (45, 34), (17603, None)):
        references = (Reference(HAS_SUBTYPE, I(above), forward=False),) if above else ()
        name = QualifiedName("", f"R{number}")
        nodes[I(number)] = ReferenceTypeNode(name=I(number), browse_name=name, references=references)
    for number in (58, 17602, 61):
        nodes[I(number)] = ObjectTypeNode(name=I(number), browse_name=QualifiedName("", f"T{number}"))
    nodes[BASE_VARIABLE] = VariableTypeNode(name=BASE_VARIABLE, browse_name=QualifiedName("", "T63"))
    folder = (Reference(HAS_TYPE, I(61)),)
    nodes[OBJECTS] = ObjectNode(name=OBJECTS, browse_name=QualifiedName("", "Objects"), references=folder)
    return nodes


class SlowModel:
    """Reads every reference of every node for every question."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        self.nodes = nodes
        self.links: dict[NodeName, list[tuple[NodeName, NodeName]]] = {}
        for node in nodes.values():
            for kind, other, forward in node.references:
                ends = (node.name, other) if forward else (other, node.name)
                known = self.links.setdefault(ends[0], [])
                if (kind, ends[1]) not in known:
                    known.append((kind, ends[1]))

    def targets(self, name: NodeName, kind: NodeName) -> list[NodeName]:
        return [end for one, end in self.links.get(name, ()) if one == kind]

    def supertype(self, name: NodeName) -> NodeName | None:
        return next((one for one, ends in self.links.items() if (HAS_SUBTYPE, name) in ends), None)

    def is_hierarchical(self, kind: NodeName | None) -> bool:
        while kind is not None and kind != I(33):
            if kind == HAS_SUBTYPE:
                return False
            kind = self.supertype(kind)
        return kind is not None

    def rule(self, name: NodeName) -> NodeName | None:
        return next(iter(self.targets(name, HAS_RULE)), None)

    def declared(self, name: NodeName, above: tuple[NodeName, ...] = ()) -> Iterator[tuple[Path, NodeName]]:
        """Give the rows of an instance declaration hierarchy (6.2.5) beneath a node."""
        for kind, end in self.links.get(name, ()):
            if self.is_hierarchical(kind) and self.rule(end) is not None and end not in above:
                own = (self.nodes[end].browse_name,)
                yield own, end
                for path, node in self.declared(end, (*above, name, end)):
                    yield own + path, node

    def fully_inherited(self, kind: NodeName) -> Table:
        """Give the table of 6.3.3.2: a subtype's rows stand over those of interfaces, and they over the supertype's."""
        rows: Table = {}
        for path, node in self.declared(kind):
            rows.setdefault(path, []).append(node)
        above = self.supertype(kind)
        for one in [*self.targets(kind, HAS_INTERFACE), *([above] if above else [])]:
            for path, nodes in self.fully_inherited(one).items():
                rows.setdefault(path, []).extend(nodes)
        return rows

    def instance(self, kind: NodeName, chosen: set[Path] | None) -> dict[Path, NodeName]:
        """Give the declarations of an instance's members; all optional ones for ``chosen`` None."""
        rows: Table = {path: list(nodes) for path, nodes in self.fully_inherited(kind).items()}
        made: dict[Path, NodeName] = {}
        queue: list[Path] = [()]
        for path in queue:
            if path:
                nearest = made[path] = rows[path][0]
                for one in [*self.targets(nearest, HAS_TYPE), *self.targets(nearest, HAS_INTERFACE)]:
                    for below, nodes in self.fully_inherited(one).items():
                        rows.setdefault(path + below, []).extend(nodes)
            for below, nodes in rows.items():
                # Rules may be tightened and not loosened (6.4.4.2), so that what one row demands is demanded.
                demanded = any(self.rule(node) == MANDATORY for node in nodes)
                if below[:-1] == path and (demanded or chosen is None or below in chosen):
                    queue.append(below)
        return made


class _TypeSystem:
    """Types drawn at random, that keep to the rules of subtyping."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes = standard_nodes()
        self.types: list[NodeName] = [BASE_OBJECT]
        self._number = 0

    def name(self) -> NodeName:
        self._number += 1
        return NodeName(URI, "i", self._number)

    def add_type(self, *, interface: bool) -> None:
        above = BASE_INTERFACE if interface else self.draw(st.sampled_from(self.types))
        name = self.name()
        references = [Reference(HAS_SUBTYPE, above, forward=False)]
        slow = SlowModel(self.nodes)
        taken = slow.instance(above, None).keys()  # with other paths an interface would fit, or not (4.10.2)
        interfaces = [one for one in self.nodes if self.nodes[one].symbolic_name == "interface"]
        interfaces = [one for one in interfaces if taken.isdisjoint(slow.instance(one, None))]
        if interfaces and not interface and self.draw(st.booleans()):
            references.append(Reference(HAS_INTERFACE, self.draw(st.sampled_from(interfaces))))
        kind = ObjectTypeNode(name=name, browse_name=QualifiedName(URI, f"Type{name.identifier}"))
        kind.symbolic_name = "interface" if interface else None
        kind.references = tuple(references)
        self.nodes[name] = kind
        self.add_children(name, name, (), 0 if not interface else 1)
        if not interface:
            self.types.append(name)

    def add_children(self, kind: NodeName, above: NodeName, path: Path, depth: int) -> None:
        for text in self.draw(st.lists(st.sampled_from("abv"), unique=True, max_size=2)):
            own = QualifiedName(self.draw(st.sampled_from(["urn:x", "urn:y"])), text)
            self.add_child(kind, above, (*path, own), depth)

    def add_child(self, kind: NodeName, above: NodeName, path: Path, depth: int) -> None:
        slow = SlowModel(self.nodes)
        inherited = slow.instance(kind, None).get(path)
        rule = self.draw(st.sampled_from([MANDATORY, OPTIONAL]))
        is_variable = path[-1].name == "v"
        definition = BASE_VARIABLE if is_variable else self.draw(st.sampled_from(self.types))
        if inherited is not None:
            rule = MANDATORY if slow.rule(inherited) == MANDATORY else rule
            definition = slow.targets(inherited, HAS_TYPE)[0]
        name = self.name()
        upwards = Reference(self.draw(st.sampled_from([HAS_COMPONENT, HAS_PROPERTY])), above, forward=False)
        references = (Reference(HAS_TYPE, definition), Reference(HAS_RULE, rule), upwards)
        make = VariableNode if is_variable else ObjectNode
        self.nodes[name] = make(name=name, browse_name=path[-1], references=references)
        if depth < 1 and not is_variable:
            self.add_children(kind, name, path, depth + 1)


@st.composite
def type_systems(draw: st.DrawFn) -> tuple[dict[NodeName, Node], NodeName]:
    """Draw a model and a type in it that can be instantiated."""
    system = _TypeSystem(draw)
    for _ in range(draw(st.integers(0, 1))):
        system.add_type(interface=True)
    for _ in range(draw(st.integers(1, 4))):
        system.add_type(interface=False)
    return system.nodes, system.types[-1]


def paths_of(records: Sequence[Node], hierarchical: SlowModel) -> dict[Path, Node]:
    """Walk all paths of an instance, down its references."""
    below: dict[NodeName, list[Node]] = {}
    for record in records:
        for kind, other, forward in record.references:
            if not forward and hierarchical.is_hierarchical(kind):
                below.setdefault(other, []).append(record)
    found: dict[Path, Node] = {}
    queue: list[tuple[Path, Node]] = [((), records[0])]
    for path, node in queue:
        found[path] = node
        queue += [((*path, child.browse_name), child) for child in below.get(node.name, ())]
    return found


def check(nodes: Mapping[NodeName, Node], kind: NodeName, records: Sequence[Node], chosen: set[Path] | None) -> None:
    """Compare an instance with the slow model."""
    slow = SlowModel(nodes)
    wanted = slow.instance(kind, chosen)
    found = paths_of(records, slow)
    assert found.keys() == {(), *wanted.keys()}
    assert {node.name for node in found.values()} == {record.name for record in records}
    for path, name in wanted.items():
        declared, made = nodes[name], found[path]
        assert made.node_class is declared.node_class
        assert made.browse_name == declared.browse_name
        if made.node_class is not NodeClass.METHOD:
            own = [one.target for one in made.references if one.type == HAS_TYPE]
            assert own == slow.targets(name, HAS_TYPE)
        assert not [one for one in made.references if one.type == HAS_RULE]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(system=type_systems(), everything=st.booleans())
def test_instances_are_as_the_tables_of_the_specification(
    *, system: tuple[dict[NodeName, Node], NodeName], everything: bool
) -> None:
    """Whatever the types: inherited, overridden, nested, of interfaces, mandatory and optional."""
    nodes, kind = system
    new = NewInstance(
        type=kind,
        namespace="urn:own",
        identifier="one",
        browse_name=QualifiedName("urn:own", "One"),
        parent=OBJECTS,
        optional=["all"] if everything else (),
    )
    records = instantiate(nodes, new)
    check(nodes, kind, records, None if everything else set())
    assert len({record.name for record in records}) == len(records)
    assert [record.name for record in instantiate(nodes, new)] == [record.name for record in records]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(type_systems(), st.data())
def test_chosen_children_change_no_node_id_of_the_others(
    system: tuple[dict[NodeName, Node], NodeName], data: st.DataObject
) -> None:
    """A NodeId depends on the path and on nothing else that was chosen."""
    nodes, kind = system
    everything = SlowModel(nodes).instance(kind, None)
    path = data.draw(st.sampled_from(sorted(everything))) if everything else ()
    new = NewInstance(
        type=kind,
        namespace="urn:own",
        identifier="one",
        browse_name=QualifiedName("urn:own", "One"),
        parent=OBJECTS,
        optional=["/".join(f"{one.namespace}:{one.name}" for one in path).replace("urn:", "")] if path else (),
    )
    few = instantiate(nodes, new)
    check(nodes, kind, few, {path[:length] for length in range(1, len(path) + 1)})
    many = instantiate(nodes, replace(new, optional=["all"]))
    slow = SlowModel(nodes)
    all_paths = paths_of(many, slow)
    for one, node in paths_of(few, slow).items():
        assert all_paths[one].name == node.name
