"""Makes the tree of an instance's members out of its type: the fully inherited instance declaration hierarchy.

Per BrowsePath, since that is how Part 3 v1.05 6.3.3.2 says it: a subtype's declarations stand over those of its
supertypes and interfaces at the same path. What a declaration's own type says stands under all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nodesets.built_in_types import QualifiedName
from nodesets.instances.candidates import Candidate, candidates_of
from nodesets.instances.choices import Choices, Pending, ahead
from nodesets.instances.errors import Argument, InstanceError, InstanceProblem
from nodesets.instances.identifiers import segments_of
from nodesets.instances.members import Contribution, Member, Scope
from nodesets.names import NodeName
from nodesets.nodes import NodeClass, TypeNode
from nodesets.type_hierarchy import (
    HAS_PROPERTY,
    MANDATORY,
    MANDATORY_PLACEHOLDER,
    PLACEHOLDERS,
    TypeHierarchy,
)

LARGEST = 50_000
"""Nodes that one instance may have."""
_BASE_VARIABLE_TYPE = NodeName.standard(62)
_BASE_DATA_VARIABLE_TYPE = NodeName.standard(63)
_PROPERTY_TYPE = NodeName.standard(68)


class _Waiting(NamedTuple):
    """A member whose children are still to be made."""

    member: Member
    pending: list[Pending]


class HierarchyBuilder:
    """Makes one tree."""

    def __init__(self, hierarchy: TypeHierarchy, choices: Choices, namespace: str) -> None:
        """``namespace``: the one of the names that placeholders get."""
        self._hierarchy = hierarchy
        self._choices = choices
        self._namespace = namespace
        self._problems: list[InstanceProblem] = []
        self._count = 0

    def build(self, kind: NodeName, browse_name: QualifiedName) -> Member:
        """Give the root of the tree of an instance of the type. Raises :class:`InstanceError`."""
        is_object = self._hierarchy.nodes[kind].node_class is NodeClass.OBJECT_TYPE
        root = Member(browse_name, "", NodeClass.OBJECT if is_object else NodeClass.VARIABLE, type=kind)
        self._add_types(root, [kind])
        queue = [_Waiting(root, self._choices.start())]
        for member, pending in queue:
            queue += self._children(member, pending)
        self._problems += self._choices.unused()
        if self._problems:
            raise InstanceError(self._problems)
        return root

    def _children(self, member: Member, pending: list[Pending]) -> list[_Waiting]:
        candidates = candidates_of(self._hierarchy, member)
        taken = dict.fromkeys(candidate.name for candidate in candidates)
        waiting: list[_Waiting] = []
        for candidate in candidates:
            through = ahead(pending, candidate.texts)
            above = self._above(member, candidate)
            if above is not None:
                member.circles.append((candidate.references, above))
                continue
            names = self._names(member, candidate, through)
            if names is None:
                if self._is_wanted(member, candidate, through):
                    waiting.append(self._add(member, candidate, candidate.name, candidate.segment, through))
                continue
            for name in names:
                own = QualifiedName(self._namespace, name)
                if own in taken:
                    path = member.path_of(candidate.name)
                    problem = f"{member.path_of(own)!r} is there already"
                    self._tell("placeholders", _told(through, path), problem, "choose another name")
                    continue
                segment = segments_of([*taken, own])[own]
                taken[own] = None
                below = ahead(pending, [name])
                made = self._add(member, candidate, own, segment, below)
                waiting.append(made)
        return waiting

    def _above(self, member: Member, candidate: Candidate) -> Member | None:
        """Give the member that the candidate is, where it is above the one that it hangs on: a circle."""
        tokens = {one.token for one in candidate.contributions}
        for above in member.upwards():
            if any(one.token in tokens for one in above.declarations):
                return above
        return None

    def _names(self, member: Member, candidate: Candidate, through: list[Pending]) -> list[str] | None:
        """Give the names of the children that stand for a placeholder; None for a candidate that is none."""
        if candidate.rule not in PLACEHOLDERS:
            return None
        path = member.path_of(candidate.name)
        self._choices.offer("placeholders", path)
        given = [one for one in through if one.argument == "placeholders" and not one.rest]
        names: list[str] = []
        for one in given:
            self._choices.use(one.argument, one.path)
            for name in self._choices.placeholders[one.path]:
                if not name or name in names:
                    problem = (
                        f"{path!r} is given the name {name!r} twice" if name else f"{path!r} is given an empty name"
                    )
                    self._tell("placeholders", one.path, problem, "choose another name")
                else:
                    names.append(name)
        if candidate.rule == MANDATORY_PLACEHOLDER and not names:
            problem = f"the type demands at least one child for {path!r}"
            key = given[0].path if given else path
            self._tell("placeholders", key, problem, f"write placeholders: {{{path}: [names]}}")
        return names

    def _is_wanted(self, member: Member, candidate: Candidate, through: list[Pending]) -> bool:
        path = member.path_of(candidate.name)
        chosen = bool(through)
        for one in through:
            if one.argument == "optional" and not one.rest:
                self._choices.use(one.argument, one.path)
        if candidate.rule == MANDATORY:
            if self._is_endless(member, candidate):
                kind = self._hierarchy.nodes[candidate.contributions[-1].node].browse_name.name
                problem = f"the type demands {path!r}, and beneath it {kind!r} once more, without end"
                raise InstanceError([*self._problems, InstanceProblem("type", "", problem, "correct the model")])
            return True
        self._choices.offer("optional", path)
        if chosen:
            return True
        if not self._choices.everything or any(candidate.repeats(above) for above in member.upwards()):
            return False
        return not self._is_abstract(self._types_of(candidate.contributions))

    def _is_endless(self, member: Member, candidate: Candidate) -> bool:
        """Tell whether a type contains itself by Mandatory children alone."""
        for above in member.upwards():
            if not above.is_mandatory:
                return False
            if candidate.repeats(above):
                return True
        return False

    def _add(
        self,
        parent: Member,
        candidate: Candidate,
        name: QualifiedName,
        segment: str,
        pending: list[Pending],
    ) -> _Waiting:
        self._count += 1
        if self._count > LARGEST:
            problem = f"the instance would have more than {LARGEST} nodes"
            mend = "choose optional children one by one instead of all"
            raise InstanceError([*self._problems, InstanceProblem("optional", "", problem, mend)])
        member = Member(name, segment, candidate.node_class, parent, candidate.references)
        member.is_mandatory = candidate.rule == MANDATORY
        member.is_placeholder = candidate.rule in PLACEHOLDERS
        member.contributions = candidate.contributions
        if member.is_placeholder:
            # Each child that stands for the placeholder has children of its own.
            scope = _scope_of(member, of_placeholder=True)
            member.contributions = [one._replace(scope=scope) for one in candidate.contributions]
        member.declared = len(member.contributions)
        if member.node_class is not NodeClass.METHOD:
            self._settle_type(member, pending)
        parent.children.append(member)
        return _Waiting(member, [one for one in pending if one.rest])

    def _settle_type(self, member: Member, pending: list[Pending]) -> None:
        """Find a member's type, and let it and the member's interfaces contribute."""
        hierarchy = self._hierarchy
        kinds = self._types_of(member.contributions)
        kind = kinds[0] if kinds else None
        for one in pending:
            if one.argument == "types" and not one.rest:
                self._choices.use(one.argument, one.path)
                kind = self._chosen_type(member, kind, one.path)
        if kind == _BASE_VARIABLE_TYPE:  # which is abstract, and has one obvious subtype for either use
            kind = _PROPERTY_TYPE if HAS_PROPERTY in member.references else _BASE_DATA_VARIABLE_TYPE
        member.type = kind
        self._choices.offer("types", member.path)
        self._check_concrete(member)
        interfaces = [one for each in member.contributions for one in hierarchy.interfaces(each.node)]
        self._add_types(member, [*([kind] if kind is not None else []), *kinds, *interfaces])

    def _types_of(self, declarations: list[Contribution]) -> list[NodeName]:
        """Give the types of declarations, the one that counts first."""
        named = (self._hierarchy.type_definition(one.node) for one in declarations)
        return self._hierarchy.most_special([one for one in named if one is not None and one in self._hierarchy.nodes])

    def _is_abstract(self, kinds: list[NodeName]) -> bool:
        node = self._hierarchy.nodes[kinds[0]] if kinds else None
        return isinstance(node, TypeNode) and node.is_abstract and kinds[0] != _BASE_VARIABLE_TYPE

    def _chosen_type(self, member: Member, declared: NodeName | None, path: str) -> NodeName:
        chosen = self._choices.types[path]
        if chosen not in self._hierarchy.nodes:
            self._tell("types", path, f"the model has no type {chosen}", "correct the NodeId")
        elif declared is not None and not self._hierarchy.is_subtype(chosen, declared):
            problem = f"{member.path!r} must be of the type {self._named(declared)}, which {self._named(chosen)} is not"
            self._tell("types", path, problem, f"choose one of {self._concrete(declared)}")
        return chosen

    def _check_concrete(self, member: Member) -> None:
        node = self._hierarchy.nodes.get(member.type) if member.type is not None else None
        if isinstance(node, TypeNode) and node.is_abstract:
            problem = f"{member.path!r} is of the type {node.browse_name.name}, which is abstract"
            choices = self._concrete(node.name)
            mend = f"write types: {{{member.path}: …}} with one of {choices}" if choices else "add a concrete subtype"
            self._tell("types", member.path, problem, mend)

    def _concrete(self, kind: NodeName) -> str:
        nodes = (self._hierarchy.nodes[one] for one in self._hierarchy.with_subtypes(kind))
        return ", ".join(
            f"{node.browse_name.name} ({node.name})"
            for node in nodes
            if isinstance(node, TypeNode) and not node.is_abstract
        )

    def _add_types(self, member: Member, kinds: Iterable[NodeName]) -> None:
        """Let types contribute to a member: each before its interfaces, and both before its supertypes."""
        scope = _scope_of(member)
        order: dict[NodeName, None] = {}
        for kind in kinds:
            for one in self._hierarchy.with_supertypes(kind):
                order.setdefault(one)
                for interface in self._hierarchy.interfaces(one):
                    order.update(dict.fromkeys(self._hierarchy.with_supertypes(interface)))
        member.contributions = [
            *member.contributions,
            *(Contribution(scope, one, (scope.depth, number)) for number, one in enumerate(order)),
        ]

    def _named(self, kind: NodeName) -> str:
        node = self._hierarchy.nodes.get(kind)
        return str(kind) if node is None else f"{node.browse_name.name}"

    def _tell(self, argument: Argument, key: str, problem: str, mend: str) -> None:
        self._problems.append(InstanceProblem(argument, key, problem, mend))


def _scope_of(owner: Member, *, of_placeholder: bool = False) -> Scope:
    """Make a scope inside the innermost of those that declare its owner."""
    outer = max((one.scope for one in owner.contributions), key=lambda scope: scope.depth, default=None)
    return Scope(owner, outer, outer.depth + 1 if outer is not None else 0, of_placeholder)


def _told(pending: list[Pending], path: str) -> str:
    """Give the path as the person wrote it."""
    return next((one.path for one in pending if one.argument == "placeholders" and not one.rest), path)
