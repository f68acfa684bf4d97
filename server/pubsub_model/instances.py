"""Makes objects of the standard's types in the gateway's own namespace, with the members that are wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import AccessAttributes, BrowseName, CallMethod, ReadValue, RolePermission, SpaceNode
from server.address_space.space import HAS_TYPE_DEFINITION, AddressSpace
from server.ua_stack.diagnostics.sparing_reader import told_now
from server.users.well_known import ANONYMOUS, CONFIGURE_ADMIN, WELL_KNOWN, Permission

HAS_COMPONENT: Final = numeric_key(0, ObjectIds.HasComponent)
HAS_PROPERTY: Final = numeric_key(0, ObjectIds.HasProperty)
ORGANIZES: Final = numeric_key(0, ObjectIds.Organizes)
_MEMBERS: Final = frozenset((HAS_COMPONENT, HAS_PROPERTY))
_HAS_RULE: Final = numeric_key(0, ObjectIds.HasModellingRule)
_MANDATORY: Final = numeric_key(0, ObjectIds.ModellingRule_Mandatory)
_OPTIONAL: Final = numeric_key(0, ObjectIds.ModellingRule_Optional)
_OBJECT: Final = numeric_key(0, ObjectIds.PublishSubscribe)
_VARIABLE: Final = numeric_key(0, ObjectIds.PublishSubscribe_PubSubConfiguration_Size)
_METHOD: Final = numeric_key(0, ObjectIds.PublishSubscribe_AddConnection)
_ARGUMENTS: Final = ("InputArguments", "OutputArguments")


_READING: Final = frozenset(("Open", "Close", "Read", "GetPosition", "SetPosition", "GetSecurityKeys"))
"""Methods that everybody may call: those by which a file is read, and one that looks at the caller's roles itself."""
_ALL: Final = ~(Permission.WRITE_ATTRIBUTE | Permission.WRITE_ROLE_PERMISSIONS)
_ADMINISTRATOR: Final = RolePermission(WELL_KNOWN[CONFIGURE_ADMIN], int(_ALL))
_ADMINISTERED: Final = AccessAttributes(role_permissions=(_ADMINISTRATOR,))
_SEEN: Final = AccessAttributes(
    role_permissions=(
        RolePermission(WELL_KNOWN[ANONYMOUS], int(Permission.BROWSE | Permission.READ | Permission.CALL)),
        _ADMINISTRATOR,
    )
)
"""Rights where the standard's file, being an older one, gives none: those of the present one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an object is to have. Paths lead from it by BrowseNames, such as ``Status/State``.

    ``values``: what gives a variable's encoded Variant; an optional variable with one is made. ``methods``: what
    answers a method; others are not made. ``types``: the subtypes of members, which are made.
    """

    values: Mapping[str, Callable[[], bytes]] = field(default_factory=dict[str, Callable[[], bytes]])
    methods: Mapping[str, CallMethod] = field(default_factory=dict[str, CallMethod])
    types: Mapping[str, NodeKey] = field(default_factory=dict[str, NodeKey])

    @property
    def wanted(self) -> frozenset[str]:
        """The paths of all members named, and of what is on the way to them."""
        named = (*self.values, *self.methods, *self.types)
        return frozenset("/".join(path.split("/")[:depth]) for path in named for depth in range(1, path.count("/") + 2))


class InstanceMaker:
    """Adds objects to an address space, and takes them out again.

    They have the rights that the standard's own file gives to PublishSubscribe and its members: everybody sees
    them, ConfigureAdmin calls their methods.
    """

    def __init__(self, space: AddressSpace, namespace: int) -> None:
        """``namespace``: the index of the one that the nodes are put in."""
        self._space = space
        self._namespace = namespace
        self._rights = {
            NodeClass.OBJECT: _access(space, _OBJECT) or _SEEN,
            NodeClass.VARIABLE: _access(space, _VARIABLE) or _SEEN,
            NodeClass.METHOD: _access(space, _METHOD) or _ADMINISTERED,
        }

    def key(self, path: str) -> NodeKey:
        """Give the key of the object with a path, or of one of its members."""
        # '/' cannot stand in a tag's name, so no tag can take this NodeId.
        return (self._namespace, path)

    def make(
        self, parent: NodeKey, reference: NodeKey, kind: NodeKey, path: str, name: str, parts: Parts
    ) -> list[NodeKey]:
        """Make an object of the type ``kind``; give the keys of its nodes, its own first.

        Raises :class:`ValueError` if there is a node with its key.
        """
        nodes: list[SpaceNode] = []
        links: list[tuple[NodeKey, NodeKey, NodeKey]] = [(parent, reference, self.key(path))]
        own = SpaceNode(
            self.key(path),
            NodeClass.OBJECT,
            BrowseName(self._namespace, name),
            (LocalizedText(None, name),),
            access=self._rights[NodeClass.OBJECT],
        )
        nodes.append(own)
        links.append((own.key, HAS_TYPE_DEFINITION, kind))
        for member in self._members(path, "", (), kind, parts):
            nodes.append(member.node)
            links.append((member.above, member.reference, member.node.key))
            if member.kind is not None:
                links.append((member.node.key, HAS_TYPE_DEFINITION, member.kind))
        self._enter(nodes, links)
        return [node.key for node in nodes]

    def complete(self, owner: NodeKey, path: str, parts: Parts) -> list[NodeKey]:
        """Add to an object that the standard's file has what it lacks of ``parts``, and answer what is there."""
        kind = self._space.type_of(self._space[owner])
        nodes: list[SpaceNode] = []
        links: list[tuple[NodeKey, NodeKey, NodeKey]] = []
        for member in self._members(path, "", () if kind is None else (owner,), kind, parts):
            below = member.path
            there = self._found(owner, below)
            if there is None:
                above = self._found(owner, below.rpartition("/")[0]) or member.above
                nodes.append(member.node)
                links.append((above, member.reference, member.node.key))
                if member.kind is not None:
                    links.append((member.node.key, HAS_TYPE_DEFINITION, member.kind))
            else:
                self._answer(there, below, parts)
        self._enter(nodes, links)
        return [node.key for node in nodes]

    def answer(self, owner: NodeKey, parts: Parts) -> None:
        """Answer what an object has of ``parts``; what it has not is left out."""
        for path in (*parts.values, *parts.methods):
            key = self._found(owner, path)
            if key is not None:
                self._answer(key, path, parts)

    def methods_beneath(self, owner: NodeKey) -> Iterator[SpaceNode]:
        """Give the methods of an object and of its members."""
        for key, _ in self._declared((owner,)):
            node = self._space[key]
            if node.node_class is NodeClass.METHOD:
                yield node
            elif node.node_class is NodeClass.OBJECT:
                yield from self.methods_beneath(key)

    def remove(self, keys: Collection[NodeKey]) -> None:
        """Take nodes out."""
        self._space.remove_all(keys)

    def _enter(self, nodes: list[SpaceNode], links: list[tuple[NodeKey, NodeKey, NodeKey]]) -> None:
        if taken := next((node.key for node in nodes if node.key in self._space), None):
            message = f"the node {taken!r} exists already"
            raise ValueError(message)
        for node in nodes:
            self._space.add(node)
        for source, kind, target in links:
            self._space.refer(source, kind, target)

    def _found(self, owner: NodeKey, path: str) -> NodeKey | None:
        here: NodeKey | None = owner
        for name in path.split("/") if path else ():
            here = next((one for one, _ in self._declared((here,)) if self._space[one].browse_name.name == name), None)
            if here is None:
                return None
        return here

    def _answer(self, key: NodeKey, path: str, parts: Parts) -> None:
        node = self._space[key]
        if path in parts.values:
            node.value = _reader(parts.values[path])
        elif path in parts.methods:
            node.definition = parts.methods[path]
            if node.access is None or node.access.role_permissions is None:
                node.access = _SEEN if path in _READING else _ADMINISTERED
                self._space.changed(node)

    def _members(
        self, path: str, below: str, declared: tuple[NodeKey, ...], kind: NodeKey | None, parts: Parts
    ) -> Iterator[_Member]:
        """Give the members that an object is to have, from its declaration and its type, each name once."""
        wanted, seen = parts.wanted, set[str]()
        types = () if kind is None else (kind, *self._space.supertypes(kind))
        for source, reference in self._declared((*declared, *types)):
            template = self._space[source]
            name = template.browse_name.name
            inner = f"{below}/{name}" if below else name
            rule = next((target for link, target in template.forward if link == _HAS_RULE), _MANDATORY)
            is_asked = inner in wanted
            if name in seen or rule not in (_MANDATORY, _OPTIONAL) or not (rule == _MANDATORY or is_asked):
                continue
            if template.node_class is NodeClass.METHOD and inner not in parts.methods:
                continue
            seen.add(name)
            member_kind = parts.types.get(inner) or self._space.type_of(template)
            node = self._copied(template, f"{path}/{inner}", inner, parts)
            above = self.key(f"{path}/{below}" if below else path)
            yield _Member(node, above, reference, member_kind, inner)
            if template.node_class is NodeClass.METHOD:
                yield from self._arguments_of(template, node, path, inner)
            else:
                yield from self._members(path, inner, (source,), member_kind, parts)

    def _arguments_of(self, template: SpaceNode, method: SpaceNode, path: str, below: str) -> Iterator[_Member]:
        for source, reference in self._declared((template.key,)):
            held = self._space[source]
            if held.browse_name.name in _ARGUMENTS:
                inner = f"{below}/{held.browse_name.name}"
                node = self._copied(held, f"{path}/{inner}", inner, Parts())
                node.access = self._rights[NodeClass.METHOD]
                yield _Member(node, method.key, reference, self._space.type_of(held), inner)

    def _declared(self, owners: tuple[NodeKey, ...]) -> Iterator[tuple[NodeKey, NodeKey]]:
        for owner in owners:
            for kind, target in self._space[owner].forward:
                if kind in _MEMBERS:
                    yield target, kind

    def _copied(self, template: SpaceNode, path: str, inner: str, parts: Parts) -> SpaceNode:
        node = SpaceNode(
            self.key(path),
            template.node_class,
            template.browse_name,
            template.display_name,
            variable=template.variable,
            value=template.value,
            flags=template.flags,
            access=self._rights[template.node_class],
        )
        if inner in parts.values:
            node.value = _reader(parts.values[inner])
        elif inner in parts.methods:
            node.definition = parts.methods[inner]
        return node


@dataclass(frozen=True, slots=True)
class _Member:
    """A node that is to be made: what it hangs on, by what, and its type."""

    node: SpaceNode
    above: NodeKey
    reference: NodeKey
    kind: NodeKey | None
    path: str


def _access(space: AddressSpace, key: NodeKey) -> AccessAttributes | None:
    node = space.get(key)
    return node.access if node is not None and node.access is not None and node.access.role_permissions else None


def _reader(value: Callable[[], bytes]) -> ReadValue:
    return lambda: told_now(value())
