"""Instances of the types of published companion specifications."""

from __future__ import annotations

import pytest

from nodesets.built_in_types import QualifiedName
from nodesets.instances import InstanceError, Instances, NewInstance
from nodesets.library import published
from nodesets.model import read_model
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import InstanceNode, Node, TypeNode
from nodesets.resolver import resolve
from nodesets.type_hierarchy import HAS_INTERFACE
from tests.unit.nodesets.test_instances_type_systems import HAS_TYPE, OBJECTS, SlowModel, Table, paths_of

UA = "http://opcfoundation.org/UA/"
_EVENTS = (NodeName.standard(41), NodeName.standard(3065))


@pytest.fixture(scope="module")
def nodes() -> dict[NodeName, Node]:
    files = [entries[0].file for uri, entries in published().items() if uri != STANDARD_NAMESPACE]
    return read_model(resolve(files)).nodes


@pytest.fixture(scope="module")
def instances(nodes: dict[NodeName, Node]) -> Instances:
    return Instances(nodes)


def _concrete(nodes: dict[NodeName, Node], uri: str = "") -> list[TypeNode]:
    return [
        node
        for node in nodes.values()
        if isinstance(node, TypeNode)
        and node.node_class.name in ("OBJECT_TYPE", "VARIABLE_TYPE")
        and not node.is_abstract
        and (not uri or node.name.namespace == uri)
    ]


def _make(instances: Instances, kind: NodeName, identifier: str) -> tuple[list[InstanceNode], bool]:
    """Make an instance, filling in whatever its type demands a person to say; tell whether types are among that."""
    placeholders: dict[str, list[str]] = {}
    types: dict[str, NodeName] = {}
    while True:
        new = NewInstance(
            type=kind,
            namespace="urn:own",
            identifier=identifier,
            browse_name=QualifiedName("urn:own", identifier),
            parent=OBJECTS,
            placeholders=placeholders,
            types=types,
        )
        try:
            return instances.create(new), bool(types)
        except InstanceError as error:
            before = len(placeholders), len(types)
            for problem in error.problems:
                if problem.argument == "placeholders":
                    placeholders[problem.key] = [f"P{len(placeholders)}"]
                elif problem.argument == "types":
                    chosen = problem.mend.split("(")[1].split(")")[0]
                    types[problem.key] = NodeName.parse(chosen)
            if (len(placeholders), len(types)) == before:
                raise


def test_every_concrete_type_of_the_library_instantiates(nodes: dict[NodeName, Node], instances: Instances) -> None:
    """Each type, with what its placeholders and abstract members demand; no rule and no event goes along."""
    hierarchy = instances.hierarchy
    for number, kind in enumerate(_concrete(nodes)):
        made, _ = _make(instances, kind.name, f"i{number}")
        assert [one.target for one in made[0].references if one.type == HAS_TYPE] == [kind.name]
        names = {record.name for record in made}
        assert len(names) == len(made)
        for record in made:
            assert not [one for one in record.references if one.type in (*_EVENTS, NodeName.standard(37))]
            dangling = {one for one in record.references if one.target not in names and one.target not in nodes}
            assert {one.target.namespace for one in dangling} <= {f"{UA}Dictionary/IRDI"}  # published without its file
        children = {(record.parent, record.browse_name) for record in made}
        assert len(children) == len(made)
        for interface in hierarchy.interfaces(kind.name):
            for _, declared in hierarchy.declarations(interface):
                if hierarchy.modelling_rule(declared.name) == NodeName.standard(78):
                    assert (made[0].name, declared.browse_name) in children


@pytest.mark.parametrize(
    "uri", ["DI/", "Machinery/", "Pumps/", "MachineTool/", "Robotics/", "IA/", "Scales/V2/", "Weihenstephan/"]
)
def test_instances_are_as_the_tables_of_the_specification(
    uri: str, nodes: dict[NodeName, Node], instances: Instances
) -> None:
    """Members, their classes and types, by the slow model, for all types of a specification."""
    slow = _Slow(nodes)
    for kind in _concrete(nodes, UA + uri):
        made, typed = _make(instances, kind.name, f"t.{kind.name}")
        wanted = slow.instance(kind.name, set())
        found = paths_of(made, slow)
        of_placeholders = {path for path in found if any(name.namespace == "urn:own" for name in path)}
        more = found.keys() - of_placeholders - wanted.keys() - {()}
        assert wanted.keys() <= found.keys()
        assert typed or not more
        for path, declared in wanted.items():
            assert found[path].node_class is nodes[declared].node_class


class _Slow(SlowModel):
    """Knows, besides, placeholders, arguments of methods, and supertypes without a search."""

    def __init__(self, nodes: dict[NodeName, Node]) -> None:
        super().__init__(nodes)
        self._above = {
            end: one for one, ends in self.links.items() for kind, end in ends if kind == NodeName.standard(45)
        }
        self._tables: dict[NodeName, Table] = {}

    def supertype(self, name: NodeName) -> NodeName | None:
        return self._above.get(name)

    def targets(self, name: NodeName, kind: NodeName) -> list[NodeName]:
        found = super().targets(name, kind)
        if kind == HAS_INTERFACE:
            for other, end in self.links.get(name, ()):
                if other != kind and kind == self.supertype(other):
                    found.append(end)
        return found

    def rule(self, name: NodeName) -> NodeName | None:
        rules = super().targets(name, NodeName.standard(37))
        if not rules and self.nodes[name].browse_name.name in ("InputArguments", "OutputArguments"):
            return NodeName.standard(78)
        return next(
            (one for one in (NodeName.standard(78), NodeName.standard(80)) if one in rules), *rules[:1] or [None]
        )

    def fully_inherited(self, kind: NodeName) -> Table:
        if kind not in self._tables:
            self._tables[kind] = super().fully_inherited(kind)
        return self._tables[kind]
