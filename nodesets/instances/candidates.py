"""The children that a member may get, out of everything that contributes to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nodesets.built_in_types import QualifiedName
from nodesets.instances.identifiers import segments_of, written
from nodesets.instances.members import Contribution, Member
from nodesets.names import NodeName
from nodesets.nodes import NodeClass
from nodesets.type_hierarchy import (
    MANDATORY,
    MANDATORY_PLACEHOLDER,
    OPTIONAL,
    PLACEHOLDERS,
    TypeHierarchy,
)


@dataclass(slots=True)
class Candidate:
    """A child that a member may get: its declarations and the references that lead to it."""

    name: QualifiedName
    node_class: NodeClass
    contributions: list[Contribution] = field(default_factory=list[Contribution])
    references: list[NodeName] = field(default_factory=list[NodeName])
    segment: str = ""
    rule: NodeName = MANDATORY
    texts: tuple[str, ...] = ()
    """What people may call it."""

    def repeats(self, member: Member) -> bool:
        """Tell whether it would be what the member is, and so have the same beneath it, that one beneath the other."""
        return {one.node for one in self.contributions} == {one.node for one in member.declarations}


def candidates_of(hierarchy: TypeHierarchy, member: Member) -> list[Candidate]:
    """Collect what a member's contributions declare, by BrowseName, in the order of precedence."""
    found: dict[QualifiedName, Candidate] = {}
    for contribution in member.contributions:
        own: dict[QualifiedName, NodeName] = {}
        for reference, node in hierarchy.declarations(contribution.node):
            # Two of one name are against Part 3 v1.05 6.2.5, and published all the same: the first stands.
            if own.setdefault(node.browse_name, node.name) != node.name:
                continue
            candidate = found.setdefault(node.browse_name, Candidate(node.browse_name, node.node_class))
            known = candidate.contributions
            if candidate.node_class is not node.node_class:
                continue  # an override has the NodeClass of what it overrides (Part 3 v1.05 6.3.3.3)
            candidate.references.append(reference)
            one = Contribution(contribution.scope, node.name, contribution.level)
            if any(each.token == one.token for each in known):
                continue
            # A declaration that names its own type's declaration as its child says what the type says, and means
            # a child of its own, not one that it shares with everything else of that type.
            known[:] = [each for each in known if each.node != one.node]
            known.append(one)
    for candidate in found.values():
        candidate.references = hierarchy.most_special(candidate.references)
        candidate.rule = _rule(hierarchy, candidate)
    _call(found.values())
    return list(found.values())


def _call(candidates: Iterable[Candidate]) -> None:
    """Give the candidates their names in identifiers and in paths."""
    # The names of those declared farthest away have been there longest, so that they stay as they are.
    oldest_first = sorted(candidates, key=lambda one: one.contributions[-1].level, reverse=True)
    segments = segments_of([candidate.name for candidate in oldest_first])
    for candidate in candidates:
        candidate.segment = segments[candidate.name]
        name = candidate.name.name or ""
        prefix = _prefix(candidate.name.namespace)
        prefixed = (f"{prefix}:{name}", f"{prefix.casefold()}:{name}")
        candidate.texts = (name, *prefixed) if candidate.segment == written(name) else prefixed


def _rule(hierarchy: TypeHierarchy, candidate: Candidate) -> NodeName:
    """Give the modelling rule: the nearest, but Mandatory anywhere makes it that.

    Overriding may tighten a rule and not loosen it, and what an interface or supertype demands its users rely on
    (Part 3 v1.05 6.4.4.2 and 4.10.2).
    """
    rules = [hierarchy.modelling_rule(one.node) or MANDATORY for one in candidate.contributions]
    if candidate.node_class is NodeClass.METHOD:
        # Placeholders of Methods have their BrowseName already (Part 3 v1.05 6.4.4.4.4 and 6.4.4.4.5).
        return MANDATORY if MANDATORY in rules or MANDATORY_PLACEHOLDER in rules else OPTIONAL
    if rules[0] in PLACEHOLDERS:
        return MANDATORY_PLACEHOLDER if MANDATORY_PLACEHOLDER in rules else rules[0]
    return MANDATORY if MANDATORY in rules else OPTIONAL


def _prefix(uri: str) -> str:
    return uri.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
