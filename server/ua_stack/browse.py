"""Finds nodes by what people write: NodeId texts and browse paths; walks the instances beneath Objects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from asyncua import ua
from asyncua.server.address_space import AddressSpace, NodeData

from core.datatypes import DataType
from core.errors import PlantspaceError
from core.settings import nearest
from nodesets.names import NodeNameError
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.nodes import HAS_PROPERTY, HAS_SUBTYPE, attribute

_OBJECTS = ua.NodeId(ua.Int32(ua.ObjectIds.ObjectsFolder))
_SERVER = ua.NodeId(ua.Int32(ua.ObjectIds.Server))
_HIERARCHICAL = ua.NodeId(ua.Int32(ua.ObjectIds.HierarchicalReferences))
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
    by_name: dict[str, list[ua.ReferenceDescription]]
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

    def __init__(self, aspace: AddressSpace, nodeids: NodeIds) -> None:
        """Look nowhere yet; the instances are walked when they are first asked for."""
        self._aspace = aspace
        self._nodeids = nodeids
        self._hierarchical = {_HIERARCHICAL, *self._subtypes(_HIERARCHICAL)}
        self._instances: dict[ua.NodeId, Instance] = {}
        self._known_children: dict[ua.NodeId, _Children] = {}

    @property
    def instances(self) -> dict[ua.NodeId, Instance]:
        """All instances as they were walked last."""
        if not self._instances:
            self._walk()
        return self._instances

    def forget(self) -> None:
        """Walk anew when next asked: nodes have been added."""
        self._instances = {}

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
        if nodeid not in self._aspace:
            problem = f"the model has no node {text}"
            raise NodeNotFoundError(problem, "look it up in the NodeSet, or write its browse path /Objects/…")
        return nodeid

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
        return attribute(self._aspace[nodeid], ua.AttributeIds.NodeClass) == ua.NodeClass.Variable

    def is_method(self, nodeid: ua.NodeId) -> bool:
        """Tell whether a node is a Method."""
        return attribute(self._aspace[nodeid], ua.AttributeIds.NodeClass) == ua.NodeClass.Method

    def built_in_type(self, nodeid: ua.NodeId) -> DataType:
        """Give the type of column that holds a variable's value: arrays, structures and abstract types are VARIANT."""
        node = self._aspace[nodeid]
        rank = attribute(node, ua.AttributeIds.ValueRank)
        if rank is not None and rank != ua.ValueRank.Scalar:
            return DataType.VARIANT
        return self._built_in(attribute(node, ua.AttributeIds.DataType))

    def data_type(self, nodeid: ua.NodeId) -> tuple[str, DataType, int]:
        """Give a variable's DataType as NodeId text, the built-in type of its elements, and its ValueRank."""
        node = self._aspace[nodeid]
        kind = attribute(node, ua.AttributeIds.DataType)
        rank = attribute(node, ua.AttributeIds.ValueRank)
        text = "i=24" if kind is None else self._nodeids.to_text(kind)
        return text, self._built_in(kind), -1 if rank is None else int(rank)

    def access_level(self, nodeid: ua.NodeId) -> int:
        """Give a variable's AccessLevel."""
        level = attribute(self._aspace[nodeid], ua.AttributeIds.AccessLevel)
        return 1 if level is None else int(level)

    def is_historizing(self, nodeid: ua.NodeId) -> bool:
        """Tell whether the model says that a variable's history is kept."""
        return bool(attribute(self._aspace[nodeid], ua.AttributeIds.Historizing))

    def minimum_sampling(self, nodeid: ua.NodeId) -> float:
        """Give a variable's MinimumSamplingInterval in milliseconds."""
        return float(attribute(self._aspace[nodeid], ua.AttributeIds.MinimumSamplingInterval) or 0.0)

    def initial_value(self, nodeid: ua.NodeId) -> ua.Variant | None:
        """Give the value that the NodeSet gave a variable."""
        held = self._aspace[nodeid].attributes.get(ua.AttributeIds.Value)
        return held.value.Value if held is not None and held.value is not None else None

    def name_of(self, nodeid: ua.NodeId) -> str:
        """Give a node's BrowseName without its namespace."""
        name = attribute(self._aspace[nodeid], ua.AttributeIds.BrowseName)
        return "" if name is None else str(name.Name)

    def describe(self, nodeid: ua.NodeId) -> str:
        """Give a node's description."""
        text = attribute(self._aspace[nodeid], ua.AttributeIds.Description)
        return "" if text is None or text.Text is None else str(text.Text)

    def property_value(self, nodeid: ua.NodeId, name: str) -> object:
        """Give the value of a property by its BrowseName, or None."""
        for reference in self._aspace[nodeid].references:
            if not reference.IsForward or reference.ReferenceTypeId != HAS_PROPERTY or reference.BrowseName is None:
                continue
            if reference.BrowseName.Name == name:
                variant = self.initial_value(reference.NodeId)
                return None if variant is None else variant.Value
        return None

    def parent_of(self, nodeid: ua.NodeId) -> ua.NodeId:
        """Give the node that an instance hangs on; Objects for one that is not beneath it."""
        instance = self.instances.get(nodeid)
        return instance.parent if instance is not None else _OBJECTS

    def path_of(self, nodeid: ua.NodeId) -> str:
        """Give an instance's browse path; for other nodes the NodeId's text."""
        instance = self.instances.get(nodeid)
        return instance.path if instance is not None else self._nodeids.to_text(nodeid)

    def _built_in(self, data_type: ua.NodeId | None) -> DataType:
        seen: set[ua.NodeId] = set()
        while data_type is not None and data_type not in seen:
            seen.add(data_type)
            if data_type.NamespaceIndex == 0 and isinstance(data_type.Identifier, int):
                if data_type.Identifier == _ENUMERATION:
                    return DataType.INT32
                if data_type.Identifier <= _LAST_BUILT_IN:
                    return _COLUMNS.get(data_type.Identifier, DataType.VARIANT)
            data_type = self._supertype(data_type)
        return DataType.VARIANT

    def _supertype(self, nodeid: ua.NodeId) -> ua.NodeId | None:
        node = self._aspace.get(nodeid)
        for reference in node.references if node is not None else ():
            if not reference.IsForward and reference.ReferenceTypeId == HAS_SUBTYPE:
                return reference.NodeId
        return None

    def _subtypes(self, nodeid: ua.NodeId) -> Iterator[ua.NodeId]:
        node = self._aspace.get(nodeid)
        for reference in node.references if node is not None else ():
            if reference.IsForward and reference.ReferenceTypeId == HAS_SUBTYPE:
                yield reference.NodeId
                yield from self._subtypes(reference.NodeId)

    def _children(self, node: NodeData) -> Iterator[ua.ReferenceDescription]:
        for reference in node.references:
            if reference.IsForward and reference.ReferenceTypeId in self._hierarchical:
                yield reference

    def _children_of(self, nodeid: ua.NodeId) -> _Children:
        """Give a node's children; they are looked through again once it has more references."""
        node = self._aspace[nodeid]
        known = self._known_children.get(nodeid)
        if known is None or known.references != len(node.references):
            known = _Children(len(node.references), {})
            for reference in self._children(node):
                if reference.BrowseName is not None:
                    known.by_name.setdefault(str(reference.BrowseName.Name), []).append(reference)
            self._known_children[nodeid] = known
        return known

    def _walk(self) -> None:
        instances = self._instances
        queue = [(_OBJECTS, "/Objects")]
        for nodeid, path in queue:
            for reference in self._children(self._aspace[nodeid]):
                target = reference.NodeId
                known = target in instances or target in (_SERVER, _OBJECTS) or target not in self._aspace
                if known or reference.BrowseName is None:
                    continue
                below = f"{path}/{reference.BrowseName.Name}"
                is_property = reference.ReferenceTypeId == HAS_PROPERTY
                instances[target] = Instance(target, below, nodeid, is_property)
                queue.append((target, below))

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
        return here

    def _step(self, parent: ua.NodeId, so_far: str, segment: str) -> ua.NodeId:
        """Go one level down: ``Name`` alone, or ``prefix:Name`` with the last part of the namespace's URI before it."""
        children = self._children_of(parent)
        found = {one.NodeId for one in children.by_name.get(segment, ())}
        prefix, colon, name = segment.partition(":")
        if not found and colon:
            found = {
                one.NodeId
                for one in children.by_name.get(name, ())
                if self._prefix(int(one.BrowseName.NamespaceIndex)) == prefix.casefold()
            }
        if len(found) > 1:
            own = {nodeid for nodeid in found if nodeid.NamespaceIndex == parent.NamespaceIndex}
            found = own if len(own) == 1 else found
        if len(found) == 1:
            return found.pop()
        if found:
            problem = f"{so_far} has {len(found)} children named {segment}"
            raise NodeNotFoundError(problem, "name the node by its NodeId: nsu=…;s=…")
        near = nearest(segment, children.like(segment))
        mend = f"did you mean {near}?" if near else f"it has {', '.join(children.names[:8]) or 'no children'}"
        problem = f"{so_far} has no child {segment!r}"
        raise NodeNotFoundError(problem, mend)

    def _prefix(self, index: int) -> str:
        return self._nodeids.uri_of(index).rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].casefold()


_COLUMNS = {int(member): member for member in DataType}
