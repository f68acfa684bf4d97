"""Makes the records of an instance out of the tree of its members."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from nodesets.built_in_types import LocalizedText, Variant
from nodesets.instances.errors import InstanceError, InstanceProblem
from nodesets.instances.members import Contribution, Member
from nodesets.instances.sharing import SharedNodes
from nodesets.names import MAX_LENGTH, NodeName
from nodesets.nodes import (
    InstanceNode,
    MethodNode,
    Node,
    ObjectNode,
    Reference,
    TypeNode,
    VariableNode,
    VariableTypeNode,
)
from nodesets.standard import HAS_MODELLING_RULE, HAS_TYPE_DEFINITION
from nodesets.type_hierarchy import TypeHierarchy

_GENERATES_EVENT = NodeName.standard(41)


class InstanceWriter:
    """Makes the records of one instance."""

    def __init__(self, hierarchy: TypeHierarchy, root: Member, namespace: str, identifier: str) -> None:
        """``identifier``: the instance's own; those of its members begin with it."""
        self._hierarchy = hierarchy
        self._root = root
        self._namespace = namespace
        self._identifier = identifier
        self._shared = SharedNodes(root)
        self._names: dict[Member, NodeName] = {}

    def records(self, parent: NodeName, reference: NodeName) -> list[InstanceNode]:
        """Give the records, the instance's own first. Raises :class:`InstanceError` for an identifier beyond limits."""
        self._names = {node: self._name(node) for node, _ in self._shared.nodes()}
        made = [self._record(node, members) for node, members in self._shared.nodes()]
        root = made[0]
        root.parent = parent
        root.references = (Reference(reference, parent, forward=False), *root.references)
        return made

    def _name(self, node: Member) -> NodeName:
        identifier = ".".join([self._identifier, *node.segments])
        if len(identifier) > MAX_LENGTH:
            problem = f"the identifier of {node.path!r} has more than {MAX_LENGTH} characters"
            raise InstanceError([InstanceProblem("name", "", problem, "choose shorter names")])
        return NodeName(self._namespace, "s", identifier)

    def _record(self, node: Member, members: list[Member]) -> InstanceNode:
        declared = self._shared.contributions(members)
        template = self._hierarchy.nodes[(declared or node.contributions)[0].node]
        if isinstance(template, TypeNode):
            record = self._of_type(node, template)
        else:
            record = self._of_declaration(node, members, template, declared)
        record.browse_name = node.browse_name
        record.description = template.description
        record.write_mask = template.write_mask
        record.user_write_mask = template.user_write_mask
        record.access_restrictions = template.access_restrictions
        record.role_permissions = template.role_permissions
        record.has_no_permissions = template.has_no_permissions
        text = node.browse_name.name
        named_anew = node.is_placeholder or not declared
        record.display_name = (LocalizedText(None, text),) if named_anew else template.display_name
        if node.parent is not None:
            record.parent = self._names[self._shared.node(node.parent)]
        kinds = self._hierarchy.most_special([one.type for one in members if one.type is not None])
        record.references = (
            *(Reference(HAS_TYPE_DEFINITION, kind) for kind in kinds[:1]),
            *self._upwards(members),
            *self._downwards_in_circles(members),
            *self._others(members),
        )
        return record

    def _of_type(self, node: Member, template: TypeNode) -> InstanceNode:
        name = self._names[node]
        if isinstance(template, VariableTypeNode):
            return VariableNode(
                name=name,
                browse_name=node.browse_name,
                value=self._value(node.contributions, template),
                data_type=template.data_type,
                value_rank=template.value_rank,
                array_dimensions=template.array_dimensions,
            )
        return ObjectNode(name=name, browse_name=node.browse_name)

    def _of_declaration(
        self, node: Member, members: list[Member], template: Node, declared: list[Contribution]
    ) -> InstanceNode:
        name = self._names[node]
        if isinstance(template, VariableNode):
            types = [one for member in members for one in member.contributions[member.declared :]]
            return VariableNode(
                name=name,
                browse_name=node.browse_name,
                value=self._value([*declared, *types], template),
                translations=template.translations,
                data_type=template.data_type,
                value_rank=template.value_rank,
                array_dimensions=template.array_dimensions,
                access_level=template.access_level,
                user_access_level=template.user_access_level,
                minimum_sampling_interval=template.minimum_sampling_interval,
                historizing=template.historizing,
            )
        if isinstance(template, MethodNode):
            return MethodNode(
                name=name,
                browse_name=node.browse_name,
                executable=template.executable,
                user_executable=template.user_executable,
                method_declaration=template.name,
                arguments=template.arguments,
            )
        notifier = template.event_notifier if isinstance(template, ObjectNode) else 0
        return ObjectNode(name=name, browse_name=node.browse_name, event_notifier=notifier)

    def _value(self, contributions: list[Contribution], template: VariableNode | VariableTypeNode) -> Variant | None:
        """Give the nearest value there is that is of the node's own data type (Part 3 v1.05 6.2.7 and 6.4.2)."""
        shape = (template.data_type, template.value_rank)
        for one in contributions:
            node = self._hierarchy.nodes[one.node]
            if not isinstance(node, (VariableNode, VariableTypeNode)) or node.value is None:
                continue
            if node is template or (node.data_type, node.value_rank) == shape:
                return node.value
        return None

    def _upwards(self, members: list[Member]) -> Iterator[Reference]:
        """Give the references from the parents, each written at the child, as those of the whole instance is."""
        parents: dict[Member, list[NodeName]] = {}
        for member in members:
            if member.parent is not None:
                parents.setdefault(self._shared.node(member.parent), []).extend(member.references)
        for parent, kinds in parents.items():
            for kind in self._hierarchy.most_special(kinds):
                yield Reference(kind, self._names[parent], forward=False)

    def _downwards_in_circles(self, members: list[Member]) -> Iterator[Reference]:
        found = {
            Reference(kind, self._names[self._shared.node(above)]): None
            for member in members
            for kinds, above in member.circles
            for kind in kinds
        }
        return iter(found)

    def _others(self, members: list[Member]) -> Iterator[Reference]:
        """Give the references that are not hierarchical (Part 3 v1.05 6.3.3.2, table 18).

        Between declarations they go between their nodes, and not at all where the target's is not chosen. What
        declarations refer to outside of the type is referred to by their nodes as well, but a type's own references
        to the outside are the type's.
        """
        found: dict[Reference, None] = {}
        for member in members:
            for position, one in enumerate(member.contributions):
                for kind, target in self._hierarchy.forward(one.node):
                    if kind in self._hierarchy.hierarchical or kind in self._of_types_alone:
                        continue
                    end = self._shared.declared(one.scope, target)
                    if end is not None:
                        found[Reference(kind, self._names[end])] = None
                    elif position < member.declared and target not in self._inside:
                        found[Reference(kind, target)] = None
        return iter(found)

    @cached_property
    def _of_types_alone(self) -> frozenset[NodeName]:
        """Types of references that instances do not have (Part 3 v1.05 6.4.4.1, 7.15 and 7.16)."""
        events = self._hierarchy.with_subtypes(_GENERATES_EVENT)
        return frozenset([HAS_MODELLING_RULE, HAS_TYPE_DEFINITION, *events])

    @cached_property
    def _inside(self) -> frozenset[NodeName]:
        """All that the types of the instance declare, chosen or not."""
        types = {one.node for member in self._shared.members for one in member.contributions[member.declared :]}
        found: dict[NodeName, None] = {}
        queue = list(types)
        for name in queue:
            for _, node in self._hierarchy.declarations(name):
                if node.name not in found:
                    found[node.name] = None
                    queue.append(node.name)
        return frozenset(found)
