"""Gives nodes what the configuration says of them. All that is wrong is found before any node is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from asyncua.ua.object_ids import ObjectIds

from core.errors import Findings, Place
from core.settings import nearest
from server.address_space.keys import NodeKey, key_of, namespace_of, numeric_key
from server.address_space.node import AccessAttributes, RolePermission, SpaceNode
from server.address_space.snapshot import Snapshot
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.permissions.settings import PermissionSettings
from server.ua_stack.browse import Directory, NodeNotFoundError
from server.ua_stack.nodeids import NodeIds

PLANTSPACE_NAMESPACE = "https://plantspace.io/UA/"
_SERVER = numeric_key(0, ObjectIds.Server)
_ALL_BELOW = "/**"
_SIGNS = "*?["


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry, its roles known by their keys."""

    nodes: str
    permissions: tuple[RolePermission, ...] | None
    restrictions: int | None


class ConfiguredPermissions:
    """What the configuration says of nodes; made by :func:`plan_permissions`. Later entries count more."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        """Take the rules."""
        self._rules = tuple(rules)

    def __bool__(self) -> bool:
        """Tell whether it says anything."""
        return bool(self._rules)

    def apply(self, space: AddressSpace, nodeids: NodeIds) -> int:
        """Give the nodes of ``space`` that there are what is said of them; tell how many they are.

        Takes some microseconds a node. What is said of nodes that are not there is passed over. Whoever derives
        something from rights is told by ``space.rights.changed()``, which is the caller's to call where it is served.
        """
        directory, own = Directory(space, nodeids), _own_namespace(nodeids)
        said: dict[NodeKey, AccessAttributes] = {}
        equal: dict[AccessAttributes, AccessAttributes] = {}
        for rule in self._rules:
            for node in _found(space, directory, own, rule.nodes):
                held = said.get(node.key) or node.access or AccessAttributes()
                if rule.permissions is not None:
                    held = held._replace(role_permissions=rule.permissions)
                if rule.restrictions is not None:
                    held = held._replace(access_restrictions=rule.restrictions)
                said[node.key] = equal.setdefault(held, held)
        for key, access in said.items():
            space[key].access = access
        if said:
            space.renewed()
        return len(said)

    def applied(self, space: AddressSpace, loaded: Snapshot) -> Snapshot:
        """Give ``loaded``, what a model made, with the rights that :meth:`apply` gave to its nodes in ``space``.

        So a changed model, to which the same is applied, differs from it in nothing but what its files say.
        """
        nodes = space.nodes
        return {key: said._replace(access=nodes[key].access) if key in nodes else said for key, said in loaded.items()}


def plan_permissions(
    entries: Sequence[tuple[PermissionSettings, Place]],
    space: AddressSpace,
    nodeids: NodeIds,
    roles: Mapping[str, NodeKey],
    findings: Findings,
) -> ConfiguredPermissions:
    """Check the entries, each with its place, against the model. Nothing is changed.

    ``roles``: the key of each role that there is, by its name. What is wrong goes to ``findings``, with its mend.
    """
    directory, own = Directory(space, nodeids), _own_namespace(nodeids)
    rules: list[_Rule] = []
    for entry, place in entries:
        if next(_found(space, directory, own, entry.nodes), None) is None:
            _tell_missing(directory, entry.nodes, place, findings)
        given = entry.permissions()
        for name in given or ():
            if name not in roles:
                like = nearest(name, list(roles))
                findings.add(
                    place,
                    f"there is no role {name!r}, of which something is said for {entry.nodes}",
                    f"did you mean {like}?" if like else f"write one of {', '.join(roles)}, or add it under roles:",
                )
        permissions = None
        if given is not None:
            permissions = tuple(RolePermission(roles[name], bits) for name, bits in given.items() if name in roles)
        rules.append(_Rule(entry.nodes, permissions, entry.restriction_bits()))
    return ConfiguredPermissions(rules)


def _own_namespace(nodeids: NodeIds) -> int:
    return nodeids.uris.index(PLANTSPACE_NAMESPACE) if PLANTSPACE_NAMESPACE in nodeids.uris else -1


def _tell_missing(directory: Directory, pattern: str, place: Place, findings: Findings) -> None:
    top = pattern.removesuffix(_ALL_BELOW)
    if any(sign in top for sign in _SIGNS):
        findings.add(place, f"no node matches {pattern}", "patterns are browse paths, such as /Objects/Line1/**")
        return
    try:
        directory.find(top)
    except NodeNotFoundError as error:
        findings.add(place, error.problem, error.mend)
        return
    problem = f"what may be done with {pattern} is the standard's to say"
    findings.add(place, problem, "name nodes of the plant, such as /Objects/Line1/**")


def _found(space: AddressSpace, directory: Directory, own: int, pattern: str) -> Iterator[SpaceNode]:
    """Give the nodes that a pattern means, each once. ``own``: index of the gateway's own types and objects.

    The standard's own nodes are never among them, and the gateway's own objects only where they are named: who may do
    what with the plant says nothing of who looks after users, certificates and the model.
    """
    top = pattern.removesuffix(_ALL_BELOW)
    below = top != pattern
    if not any(sign in top for sign in _SIGNS):
        nodeid = directory.known(top)
        node = None if nodeid is None else space.get(key_of(nodeid))
        if node is not None:
            hidden = {0} if namespace_of(node.key) == own else {0, own}
            tree = _tree(space, (node,)) if below else (node,)
            yield from (one for one in tree if namespace_of(one.key) not in hidden)
        return
    matching = (one.nodeid for one in directory.instances.values() if fnmatchcase(one.path, top))
    nodes = [node for nodeid in matching if (node := space.get(key_of(nodeid))) is not None]
    tree = _tree(space, nodes) if below else nodes
    yield from (one for one in tree if namespace_of(one.key) not in (0, own))


def _tree(space: AddressSpace, tops: Sequence[SpaceNode]) -> Iterator[SpaceNode]:
    """Give nodes and all that hierarchical references lead to from them, but for what is beneath the Server object."""
    kinds = space.subtypes(HIERARCHICAL_REFERENCES)
    queue = list(tops)
    found = {_SERVER, *(node.key for node in queue)}
    for node in queue:
        yield node
        for kind, target in node.forward:
            below = space.get(target) if kind in kinds and target not in found else None
            if below is not None:
                found.add(target)
                queue.append(below)
