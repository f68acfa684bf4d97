"""Makes instances of types, as records beside those of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nodesets.built_in_types import QualifiedName
from nodesets.instances.choices import Choices
from nodesets.instances.errors import InstanceError, InstanceProblem
from nodesets.instances.hierarchy import HierarchyBuilder
from nodesets.instances.records import InstanceWriter
from nodesets.names import NodeName
from nodesets.nodes import InstanceNode, Node, NodeClass, TypeNode, VariableNode
from nodesets.standard import HAS_TYPE_DEFINITION
from nodesets.type_hierarchy import HAS_PROPERTY, TypeHierarchy

HAS_COMPONENT = NodeName.standard(47)
ORGANIZES = NodeName.standard(35)
_FOLDER_TYPE = NodeName.standard(61)
_PROPERTY_TYPE = NodeName.standard(68)
_DEFAULT_NAME = "DefaultInstanceBrowseName"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInstance:
    """What an instance is to be.

    ``namespace`` and ``identifier`` are those of its NodeId; its members' identifiers are the path behind that.
    ``browse_name``: None for the type's DefaultInstanceBrowseName. ``reference``: the one from the parent; None for
    Organizes in folders, HasProperty for properties, else HasComponent.

    ``optional``: browse paths of optional children, what is on the way included, or ``all``. ``placeholders``: by
    browse path, the names of the children that stand for it, in ``namespace``. ``types``: by browse path, a subtype to
    take instead of the type declared.
    """

    type: NodeName
    namespace: str
    identifier: str
    parent: NodeName
    browse_name: QualifiedName | None = None
    reference: NodeName | None = None
    optional: Sequence[str] = ()
    placeholders: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    types: Mapping[str, NodeName] = field(default_factory=dict[str, NodeName])


class Instances:
    """Makes instances, each of which may be the parent of a later one. The model's own records are never changed."""

    def __init__(self, nodes: Mapping[NodeName, Node]) -> None:
        """``nodes``: the model's. Looks at all of their references: about 10 us a node."""
        self._hierarchy = TypeHierarchy(nodes)
        self._nodes = nodes
        self._made: dict[NodeName, InstanceNode] = {}
        self._below: dict[NodeName, dict[QualifiedName, NodeName]] = {}

    @property
    def hierarchy(self) -> TypeHierarchy:
        """The model's types."""
        return self._hierarchy

    @property
    def made(self) -> list[InstanceNode]:
        """All records made so far."""
        return list(self._made.values())

    def node(self, name: NodeName) -> Node | None:
        """Give a node of the model, or one that was made here."""
        return self._nodes.get(name) or self._made.get(name)

    def children(self, name: NodeName) -> Iterator[Node]:
        """Give the nodes beneath a node, those made here too."""
        yield from (node for _, node in self._hierarchy.children(name))
        for made in self._below.get(name, {}).values():
            yield self._made[made]

    def default_name(self, kind: NodeName) -> QualifiedName | None:
        """Give the BrowseName that a type has for its instances (Part 3 v1.05 4.10.3); None where it has none."""
        for one in self._hierarchy.with_supertypes(kind):
            for reference, node in self._hierarchy.children(one):
                if reference == HAS_PROPERTY and node.browse_name.name == _DEFAULT_NAME:
                    name = node.value.value if isinstance(node, VariableNode) and node.value is not None else None
                    if isinstance(name, QualifiedName) and name.name:
                        return name
        return None

    def create(self, new: NewInstance) -> list[InstanceNode]:
        """Make an instance of an ObjectType or VariableType; give its records, its own first.

        Raises :class:`~nodesets.instances.errors.InstanceError` with everything that is wrong; then nothing is made.
        """
        self._check_type(new.type)
        name = new.browse_name or self.default_name(new.type)
        problems = [*self._problems_of_parent(new.parent, name), *self._problems_of_reference(new.reference)]
        if name is None or not name.name:
            mend = "give it a name"
            problems.append(InstanceProblem("name", "", "the instance has no name, and its type knows none", mend))
        elif not new.identifier:
            problems.append(InstanceProblem("name", "", "the identifier is empty", "give one"))
        named = name or QualifiedName(new.namespace, "")
        choices = Choices(new.optional, new.placeholders, new.types)
        root = None
        try:
            root = HierarchyBuilder(self._hierarchy, choices, new.namespace).build(new.type, named)
        except InstanceError as error:
            problems += error.problems
        if root is None or problems:
            raise InstanceError(problems)
        writer = InstanceWriter(self._hierarchy, root, new.namespace, new.identifier)
        records = writer.records(new.parent, new.reference or self._reference(new.type, new.parent))
        self._take(records)
        return records

    def _check_type(self, kind: NodeName) -> None:
        node = self._nodes.get(kind)
        problem = ""
        mend = "name an ObjectType or a VariableType"
        if node is None:
            problem, mend = f"the model has no type {kind}", "correct the name, or load the NodeSet that defines it"
        elif not isinstance(node, TypeNode) or node.node_class not in (NodeClass.OBJECT_TYPE, NodeClass.VARIABLE_TYPE):
            problem = f"{node.browse_name.name} ({kind}) is no type of objects or variables"
        elif node.is_abstract:
            below = (self._nodes[one] for one in self._hierarchy.with_subtypes(kind))
            concrete = [f"{one.browse_name.name}" for one in below if isinstance(one, TypeNode) and not one.is_abstract]
            problem = f"the type {node.browse_name.name} is abstract"
            mend = f"choose one of {', '.join(concrete[:8])}" if concrete else "no subtype of it is concrete: add one"
        if problem:
            raise InstanceError([InstanceProblem("type", "", problem, mend)])

    def _problems_of_parent(self, parent: NodeName, name: QualifiedName | None) -> Iterable[InstanceProblem]:
        node = self.node(parent)
        if node is None:
            mend = "correct it, or create that instance first"
            yield InstanceProblem("parent", "", f"there is no node {parent}", mend)
        elif node.node_class not in (NodeClass.OBJECT, NodeClass.VARIABLE):
            problem = f"{node.browse_name.name} ({parent}) is neither an Object nor a Variable"
            yield InstanceProblem("parent", "", problem, "name an Object")
        elif name is not None and any(child.browse_name == name for child in self.children(parent)):
            problem = f"{node.browse_name.name} has a child {name.name!r} already"
            yield InstanceProblem("name", "", problem, "choose another name")

    def _problems_of_reference(self, reference: NodeName | None) -> Iterable[InstanceProblem]:
        if reference is not None and not self._hierarchy.is_hierarchical_type(reference):
            problem = f"{reference} is no reference that children hang on"
            mend = "name a concrete, hierarchical ReferenceType such as HasComponent"
            yield InstanceProblem("reference", "", problem, mend)

    def _reference(self, kind: NodeName, parent: NodeName) -> NodeName:
        if self._hierarchy.is_subtype(kind, _PROPERTY_TYPE):
            return HAS_PROPERTY
        node = self.node(parent)
        references = node.references if node is not None else ()
        above = next((one.target for one in references if one.type == HAS_TYPE_DEFINITION), None)
        is_folder = above is not None and self._hierarchy.is_subtype(above, _FOLDER_TYPE)
        return ORGANIZES if is_folder else HAS_COMPONENT

    def _take(self, records: list[InstanceNode]) -> None:
        taken = [record for record in records if self.node(record.name) is not None]
        if taken:
            first = taken[0]
            problem = f"the NodeId {first.name} is that of another node already"
            raise InstanceError([InstanceProblem("name", "", problem, "choose another name or identifier")])
        for record in records:
            self._made[record.name] = record
            for kind, target, forward in record.references:
                if kind in self._hierarchy.hierarchical:
                    above, below = (record.name, target) if forward else (target, record.name)
                    node = record if below == record.name else self.node(below)
                    if node is not None:
                        self._below.setdefault(above, {})[node.browse_name] = below


def instantiate(nodes: Mapping[NodeName, Node], new: NewInstance) -> list[InstanceNode]:
    """Make one instance; for several make :class:`Instances` once. Raises what :meth:`Instances.create` does."""
    return Instances(nodes).create(new)
