"""Finds nodes by what people write: NodeId texts and browse paths; walks the instances beneath Objects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from asyncua import ua

from core.datatypes import DataType
from core.errors import PlantspaceError
from core.settings import nearest
from nodesets.names import NodeNameError
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import NodeKey, key_of, namespace_of, nodeid_of, numeric_key
from server.address_space.node import HeldValue, SpaceNode, VariableAttributes
from server.address_space.space import HIERARCHICAL_REFERENCES, AddressSpace
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError

_OBJECTS = numeric_key(0, ua.ObjectIds.ObjectsFolder)
_SERVER = numeric_key(0, ua.ObjectIds.Server)
_HAS_PROPERTY = numeric_key(0, ua.ObjectIds.HasProperty)
_SCALAR = -1
_ENUMERATION = 29
_LAST_BUILT_IN = 25
_MOST_COMPARED = 200
"""Names that a wrong one is compared with: each takes microseconds, and whole tables may be wrong."""
_ALIKE = 3
"""Characters that a name and what was meant by it begin with, where a node has many children."""


class NodeNotFoundError(PlantspaceError):
    """A node name leads nowhere, or to several nodes; ``problem`` and ``mend`` say which and what to write."""

    def __init__(self, problem: str, mend: str) -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} ({mend})")


@dataclass(frozen=True, slots=True)
class Instance:
    """A node beneath Objects. ``path``: its browse path; ``is_property``: reached by HasProperty."""

    nodeid: ua.NodeId
    path: str
    parent: ua.NodeId
    is_property: bool


@dataclass(slots=True)
class _Children:
    """A node's children by their names. ``references``: how many the node had when they were looked through."""

    references: int
    by_name: dict[str, list[SpaceNode]]
    _sorted: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """Give the names in the order of the alphabet."""
        if self._sorted is None:
            self._sorted = sorted(self.by_name, key=str.casefold)
        return self._sorted

    def like(self, name: str) -> list[str]:
        """Give names that one could have meant: all of a few, of many those that begin alike."""
        if len(self.names) <= _MOST_COMPARED:
            return self.names
        begin = bisect_left(self.names, name.casefold()[:_ALIKE], key=lambda known: known.casefold()[:_ALIKE])
        near = self.names[begin : begin + _MOST_COMPARED]
        return [known for known in near if known.casefold()[:_ALIKE] == name.casefold()[:_ALIKE]]


class Directory:
    """The instances of an address space (everything beneath Objects but the Server object), by path and by NodeId."""

    def __init__(self, space: AddressSpace, nodeids: NodeIds) -> None:
        """Look nowhere yet; the instances are walked when they are first asked for."""
        self._space = space
        self._nodeids = nodeids
        self._hierarchical = space.subtypes(HIERARCHICAL_REFERENCES)
        self._instances: dict[ua.NodeId, Instance] = {}
        self._known_children: dict[NodeKey, _Children] = {}

    @property
    def space(self) -> AddressSpace:
        """The nodes that are looked through."""
        return self._space

    @property
    def nodeids(self) -> NodeIds:
        """What turns NodeIds into texts."""
        return self._nodeids

    @property
    def instances(self) -> dict[ua.NodeId, Instance]:
        """All instances as they were walked last."""
        if not self._instances:
            self._walk()
        return self._instances

    def forget(self) -> object:
        """Look anew when next asked: nodes have been added, or the model is another.

        Gives what was known: to free it takes long enough that a running gateway does so in a thread.
        """
        known = (self._instances, self._known_children)
        self._instances = {}
        self._known_children = {}
        self._hierarchical = self._space.subtypes(HIERARCHICAL_REFERENCES)
        return known

    def find(self, text: str) -> ua.NodeId:
        """Find a node by NodeId text or browse path. Raises :class:`NodeNotFoundError`."""
        if text.startswith("/"):
            return self._by_path(text)
        try:
            nodeid = self._nodeids.from_text(text)
        except NodeNameError as error:
            raise NodeNotFoundError(error.problem, error.mend) from None
        except UnknownNamespaceError as error:
            raise NodeNotFoundError(str(error), "add its NodeSet under model: nodesets") from None
        if key_of(nodeid) not in self._space:
            problem = f"the model has no node {text}"
            raise NodeNotFoundError(problem, "look it up in the NodeSet, or write its browse path /Objects/…")
        return nodeid

    def known(self, text: str) -> ua.NodeId | None:
        """Find a node as :meth:`find` does, or give None."""
        if not text.startswith("/"):
            try:
                nodeid = self._nodeids.from_text(text)
            except (NodeNameError, UnknownNamespaceError):
                return None
            return nodeid if key_of(nodeid) in self._space else None
        segments = text.removeprefix("/").split("/")
        here = {_OBJECTS} if segments[0] == "Objects" else set[NodeKey]()
        for segment in segments[1:]:
            here = self._named(here.pop(), segment) if len(here) == 1 else set[NodeKey]()
        return nodeid_of(here.pop()) if len(here) == 1 else None

    def match(self, pattern: str) -> list[ua.NodeId]:
        """Give the variables that a node name, or a pattern with * and ? over browse paths, means.

        ``*`` goes over levels too. Raises :class:`NodeNotFoundError` when there is none.
        """
        if not pattern.startswith("/") or not any(sign in pattern for sign in "*?["):
            return [self.find(pattern)]
        found = [
            instance.nodeid
            for instance in self.instances.values()
            if not instance.is_property and self.is_variable(instance.nodeid) and fnmatchcase(instance.path, pattern)
        ]
        if not found:
            problem = f"no variable matches {pattern}"
            raise NodeNotFoundError(problem, "patterns are browse paths with *, such as /Objects/Line1/*")
        return found

    def is_variable(self, nodeid: ua.NodeId) -> bool:
        """Tell whether a node is a Variable."""
        return self._node(nodeid).node_class is NodeClass.VARIABLE

    def is_method(self, nodeid: ua.NodeId) -> bool:
        """Tell whether a node is a Method."""
        return self._node(nodeid).node_class is NodeClass.METHOD

    def built_in_type(self, nodeid: ua.NodeId) -> DataType:
        """Give the type of column that holds a variable's value: arrays, structures and abstract types are VARIANT."""
        variable = self._node(nodeid).variable
        if variable is None or variable.value_rank != _SCALAR:
            return DataType.VARIANT
        return self._built_in(variable.data_type)

    def data_type(self, nodeid: ua.NodeId) -> tuple[str, DataType, int]:
        """Give a variable's DataType as NodeId text, the built-in type of its elements, and its ValueRank."""
        variable = self._node(nodeid).variable or _ANY
        text = self._nodeids.to_text(nodeid_of(variable.data_type))
        return text, self._built_in(variable.data_type), variable.value_rank

    def access_level(self, nodeid: ua.NodeId) -> int:
        """Give a variable's AccessLevel."""
        return (self._node(nodeid).variable or _ANY).access_level

    def is_historizing(self, nodeid: ua.NodeId) -> bool:
        """Tell whether the model says that a variable's history is kept."""
        return (self._node(nodeid).variable or _ANY).historizing

    def minimum_sampling(self, nodeid: ua.NodeId) -> float:
        """Give a variable's MinimumSamplingInterval in milliseconds."""
        return (self._node(nodeid).variable or _ANY).minimum_sampling_interval

    def initial_value(self, nodeid: ua.NodeId) -> ua.Variant | None:
        """Give the value that the NodeSet gave a variable."""
        return _constant(self._node(nodeid))

    def encoded_value(self, nodeid: ua.NodeId) -> bytes | None:
        """Give the value that the NodeSet gave a variable, as an encoded Variant."""
        held = self._node(nodeid).value
        return held if isinstance(held, bytes) else None

    def name_of(self, nodeid: ua.NodeId) -> str:
        """Give a node's BrowseName without its namespace."""
        return self._node(nodeid).browse_name.name

    def describe(self, nodeid: ua.NodeId) -> str:
        """Give a node's description."""
        texts = self._node(nodeid).description
        return (texts[0].text or "") if texts else ""

    def property_value(self, nodeid: ua.NodeId, name: str) -> object:
        """Give the value of a property by its BrowseName, or None."""
        for reference, target in self._node(nodeid).forward:
            held = self._space.get(target) if reference == _HAS_PROPERTY else None
            if held is not None and held.browse_name.name == name:
                variant = _constant(held)
                return None if variant is None else variant.Value
        return None

    def parent_of(self, nodeid: ua.NodeId) -> ua.NodeId:
        """Give the node that an instance hangs on; Objects for one that is not beneath it."""
        instance = self.instances.get(nodeid)
        return instance.parent if instance is not None else nodeid_of(_OBJECTS)

    def path_of(self, nodeid: ua.NodeId) -> str:
        """Give an instance's browse path; for other nodes the NodeId's text."""
        instance = self.instances.get(nodeid)
        return instance.path if instance is not None else self._nodeids.to_text(nodeid)

    def _node(self, nodeid: ua.NodeId) -> SpaceNode:
        return self._space[key_of(nodeid)]

    def _built_in(self, data_type: NodeKey) -> DataType:
        for key in (data_type, *self._space.supertypes(data_type)):
            if isinstance(key, int) and key <= _LAST_STANDARD:
                if key == _ENUMERATION:
                    return DataType.INT32
                if key <= _LAST_BUILT_IN:
                    return _COLUMNS.get(key, DataType.VARIANT)
        return DataType.VARIANT

    def _children(self, node: SpaceNode) -> Iterator[tuple[NodeKey, SpaceNode]]:
        """Give a node's children, each with the type of the reference to it."""
        hierarchical, nodes = self._hierarchical, self._space.nodes
        for reference, target in node.forward:
            if reference in hierarchical:
                yield reference, nodes[target]

    def _children_of(self, key: NodeKey) -> _Children:
        """Give a node's children; they are looked through again once it has more references."""
        node = self._space[key]
        known = self._known_children.get(key)
        if known is None or known.references != len(node.forward):
            known = _Children(len(node.forward), {})
            for _, child in self._children(node):
                known.by_name.setdefault(child.browse_name.name, []).append(child)
            self._known_children[key] = known
        return known

    def _walk(self) -> None:
        instances = self._instances
        seen = {_SERVER, _OBJECTS}
        queue: list[tuple[NodeKey, ua.NodeId, str]] = [(_OBJECTS, nodeid_of(_OBJECTS), "/Objects")]
        for key, nodeid, path in queue:
            for reference, child in self._children(self._space[key]):
                if child.key in seen:
                    continue
                seen.add(child.key)
                below = f"{path}/{child.browse_name.name}"
                target = nodeid_of(child.key)
                instances[target] = Instance(target, below, nodeid, reference == _HAS_PROPERTY)
                queue.append((child.key, target, below))

    def _by_path(self, text: str) -> ua.NodeId:
        segments = text.removeprefix("/").split("/")
        if segments[0] != "Objects":
            problem = f"the path {text} does not begin with /Objects"
            raise NodeNotFoundError(problem, "write /Objects/…, as the tree of a client shows it")
        here = _OBJECTS
        so_far = "/Objects"
        for segment in segments[1:]:
            here = self._step(here, so_far, segment)
            so_far = f"{so_far}/{segment}"
        return nodeid_of(here)

    def _step(self, parent: NodeKey, so_far: str, segment: str) -> NodeKey:
        """Go one level down: ``Name`` alone, or ``prefix:Name`` with the last part of the namespace's URI before it."""
        found = self._named(parent, segment)
        if len(found) == 1:
            return found.pop()
        if found:
            problem = f"{so_far} has {len(found)} children named {segment}"
            raise NodeNotFoundError(problem, "name the node by its NodeId: nsu=…;s=…")
        children = self._children_of(parent)
        near = nearest(segment, children.like(segment))
        mend = f"did you mean {near}?" if near else f"it has {', '.join(children.names[:8]) or 'no children'}"
        problem = f"{so_far} has no child {segment!r}"
        raise NodeNotFoundError(problem, mend)

    def _named(self, parent: NodeKey, segment: str) -> set[NodeKey]:
        """Give the children that a segment of a path names."""
        children = self._children_of(parent)
        found = {one.key for one in children.by_name.get(segment, ())}
        prefix, colon, name = segment.partition(":")
        if not found and colon:
            found = {
                one.key
                for one in children.by_name.get(name, ())
                if self._prefix(one.browse_name.namespace) == prefix.casefold()
            }
        if len(found) > 1:
            own = {key for key in found if namespace_of(key) == namespace_of(parent)}
            found = own if len(own) == 1 else found
        return found

    def _prefix(self, index: int) -> str:
        return self._nodeids.uri_of(index).rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].casefold()


_COLUMNS = {int(member): member for member in DataType}
_LAST_STANDARD = 0xFFFF_FFFF
_ANY = VariableAttributes(numeric_key(0, ua.ObjectIds.BaseDataType))


def _constant(node: SpaceNode) -> ua.Variant | None:
    """Give the value that a node holds itself."""
    held = node.value.variant if isinstance(node.value, HeldValue) else node.value
    return decode_variant(held) if isinstance(held, bytes) else None
