"""Finds records of a model by what people write: NodeIds, browse paths, and names of types."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import PlantspaceError
from core.settings import nearest
from nodesets.instances import Instances
from nodesets.names import NodeName, NodeNameError
from nodesets.nodes import Node, TypeNode

_ROOT = NodeName.standard(84)
_MOST_SHOWN = 8


class UnknownNodeError(PlantspaceError):
    """A name leads nowhere, or to several nodes; ``problem`` and ``mend`` say which and what to write."""

    def __init__(self, problem: str, mend: str) -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} ({mend})")


class NodeFinder:
    """Looks names up among a model's records and the instances made beside them."""

    def __init__(self, instances: Instances) -> None:
        """Look nowhere yet."""
        self._instances = instances
        self._types: dict[str, list[NodeName]] = {}

    def find(self, text: str) -> NodeName:
        """Find a node by NodeId text or by browse path from the root. Raises :class:`UnknownNodeError`."""
        if text.startswith("/"):
            return self._by_path(text)
        return self._by_id(text)

    def find_type(self, text: str) -> NodeName:
        """Find a type by NodeId text, by browse path, or as ``Name`` or ``prefix:Name``.

        Raises :class:`UnknownNodeError`.
        """
        if text.startswith("/"):
            return self._by_path(text)
        prefix, sign, _ = text.partition("=")
        if sign and prefix in ("nsu", "ns", "i", "s", "g", "b"):
            return self._by_id(text)
        if not self._types:
            for name, node in self._instances.hierarchy.nodes.items():
                if isinstance(node, TypeNode):
                    for called in _names(node):
                        self._types.setdefault(called, []).append(name)
        found = self._types.get(text, [])
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(str(name) for name in found[:_MOST_SHOWN])
            problem = f"{len(found)} types are called {text!r}"
            raise UnknownNodeError(problem, f"write one of {choices}")
        near = nearest(text, self._types)
        mend = f"did you mean {near}?" if near else "write its NodeId, or prefix:Name"
        problem = f"the model has no type {text!r}"
        raise UnknownNodeError(problem, mend)

    def _by_id(self, text: str) -> NodeName:
        try:
            name = NodeName.parse(text)
        except NodeNameError as error:
            raise UnknownNodeError(error.problem, error.mend) from None
        if self._instances.node(name) is None:
            problem = f"the model has no node {text}"
            raise UnknownNodeError(problem, "look it up in the NodeSet, or write its browse path /Objects/…")
        return name

    def _by_path(self, text: str) -> NodeName:
        here, so_far = _ROOT, ""
        for segment in text.strip("/").split("/"):
            children = list({child.name: child for child in self._children(here)}.values())
            found = [child for child in children if segment in _names(child)]
            if len(found) > 1:
                own = [child for child in found if child.browse_name.namespace == here.namespace]
                found = own if len(own) == 1 else found
            if len(found) != 1:
                raise self._lost(so_far, segment, found, children)
            here, so_far = found[0].name, f"{so_far}/{segment}"
        return here

    def _children(self, name: NodeName) -> Iterable[Node]:
        """Give what is beneath a node, subtypes included."""
        yield from self._instances.children(name)
        hierarchy = self._instances.hierarchy
        if isinstance(hierarchy.nodes.get(name), TypeNode):
            yield from (hierarchy.nodes[below] for below in hierarchy.direct_subtypes(name))

    @staticmethod
    def _lost(so_far: str, segment: str, found: list[Node], children: list[Node]) -> UnknownNodeError:
        where = so_far or "the root"
        if found:
            problem = f"{where} has {len(found)} children named {segment}"
            return UnknownNodeError(problem, "name the node by its NodeId: nsu=…;s=…")
        names = [child.browse_name.name or "" for child in children]
        near = nearest(segment, names)
        mend = f"did you mean {near}?" if near else f"it has {', '.join(names[:_MOST_SHOWN]) or 'no children'}"
        return UnknownNodeError(f"{where} has no child {segment!r}", mend)


def _names(node: Node) -> set[str]:
    """Give what a node may be called in a path: its name, also behind the last part of its namespace's URI."""
    name = node.browse_name.name or ""
    prefix = node.browse_name.namespace.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return {name, f"{prefix}:{name}", f"{prefix.casefold()}:{name}"}
