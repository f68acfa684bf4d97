"""The nodes beneath ServerConfiguration: found by their names, completed by their types, removed where not offered."""

# asyncua's annotations call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.address_space.node import AccessAttributes, CallMethod, SpaceNode, VariableAttributes
from server.address_space.space import AddressSpace
from server.ua_stack.diagnostics.sparing_reader import told_now
from server.ua_stack.nodes import NodeBuilder

CONFIGURATION = numeric_key(0, ObjectIds.ServerConfiguration)
_NOT_OFFERED = ("ConfigurationFile", "ResetToServerDefaults")
_GROUPS = ("DefaultApplicationGroup", "DefaultHttpsGroup", "DefaultUserTokenGroup")
_PARTS = frozenset(numeric_key(0, kind) for kind in (ObjectIds.HasComponent, ObjectIds.HasProperty))
_SIGNED_AND_ENCRYPTED = 0x1 | 0x2
"""Bits of AccessRestrictions (Part 3 v1.05 8.56)."""


class ConfigurationNodes:
    """Works on the nodes; ``namespace``: index of the one that nodes of our own are put in."""

    def __init__(self, space: AddressSpace, namespace: int) -> None:
        """Change nodes of ``space``, which has the standard namespace."""
        self._space = space
        self._builder = NodeBuilder(space)
        self._namespace = namespace

    def remove_what_is_not_offered(self, groups: Collection[str]) -> None:
        """Remove optional parts that stand for what is not done here; ``groups``: those there are."""
        for name in _NOT_OFFERED:
            self._remove(self.find(CONFIGURATION, name))
        folder = self.find(CONFIGURATION, "CertificateGroups")
        if folder is not None:
            for name in _GROUPS:
                if name not in groups:
                    self._remove(self.find(folder, name))

    def _remove(self, key: NodeKey | None) -> None:
        if key is not None:
            self._space.remove_all(set(self._with_parts(key)))

    def find(self, owner: NodeKey, name: str) -> NodeKey | None:
        """Give the part of an object that has a name, or None."""
        nodes, node = self._space, self._space.get(owner)
        parts = (target for kind, target in (node.forward if node is not None else ()) if kind in _PARTS)
        return next((one for one in parts if nodes[one].browse_name == (0, name)), None)

    def read(self, owner: NodeKey, name: str, value: Callable[[], bytes]) -> None:
        """Answer a property by ``value``, an encoded Variant.

        One that is missing is made as the object's type has it; what an older standard has not at all is left out.
        """
        found = self._there(owner, name)
        if found is not None:
            self._space[found].value = lambda: told_now(value())

    def call(self, owner: NodeKey, name: str, bind: Callable[[NodeKey], CallMethod]) -> None:
        """Answer a method, a missing one made as above, by what ``bind`` gives; it wants an encrypted channel."""
        found = self._there(owner, name)
        if found is None:
            return
        node = self._space[found]
        node.definition = bind(node.key)
        access = node.access or AccessAttributes()
        restrictions = (access.access_restrictions or 0) | _SIGNED_AND_ENCRYPTED
        node.access = access._replace(access_restrictions=restrictions)
        self._space.changed(node)

    def _there(self, owner: NodeKey, name: str) -> NodeKey | None:
        """Find a part, or make it as the object's type declares it."""
        found, node = self.find(owner, name), self._space.get(owner)
        if found is not None or node is None:
            return found
        kind = self._space.type_of(node)
        declared = None if kind is None else self.find(kind, name)
        return None if declared is None else self._copy(self._space[declared], owner, f"{self._path(owner)}.{name}")

    def _copy(self, declared: SpaceNode, owner: NodeKey, identifier: str) -> NodeKey:
        """Make an instance of what a type declares, with its arguments, and with the rights of its neighbours."""
        nodeid = ua.NodeId(identifier, self._namespace)
        parent, name = nodeid_of(owner), declared.browse_name.name
        if declared.node_class is NodeClass.METHOD:
            self._builder.add_method(parent, nodeid, name, _not_bound, name_namespace=0)
        else:
            held = declared.variable or VariableAttributes(numeric_key(0, ObjectIds.BaseDataType))
            self._builder.add_property(parent, nodeid, name, nodeid_of(held.data_type), value_rank=held.value_rank)
        made = (self._namespace, identifier)
        node = self._space[made]
        node.value = declared.value
        node.access = self._rights(owner, declared.node_class)
        if declared.node_class is NodeClass.METHOD:
            for each in ("InputArguments", "OutputArguments"):
                arguments = self.find(declared.key, each)
                if arguments is not None:
                    copied = self._copy(self._space[arguments], made, f"{identifier}.{each}")
                    self._space[copied].access = node.access
        return made

    def _rights(self, owner: NodeKey, node_class: NodeClass) -> AccessAttributes | None:
        """Give what the published file says of a part beside, or of a method of ServerConfiguration itself."""
        for above in (owner, CONFIGURATION):
            for kind, target in self._space[above].forward:
                node = self._space[target]
                if kind in _PARTS and node.node_class is node_class and node.access is not None:
                    return node.access
        return None

    def _path(self, owner: NodeKey) -> str:
        """Name a node by its way from ServerConfiguration."""
        if owner == CONFIGURATION:
            return "ServerConfiguration"
        node = self._space[owner]
        above = next(source for kind, source in node.inverse if kind in _PARTS)
        return f"{self._path(above)}.{node.browse_name.name}"

    def _with_parts(self, key: NodeKey) -> Iterable[NodeKey]:
        yield key
        for kind, target in self._space[key].forward:
            if kind in _PARTS:
                yield from self._with_parts(target)


async def _not_bound(*_: object) -> ua.StatusCode:
    return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotExecutable))
