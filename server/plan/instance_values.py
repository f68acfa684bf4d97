"""Values that the configuration gives members of an instance: the constants of a machine, such as its SerialNumber."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from nodesets.built_in_types import Variant
from nodesets.datatypes.registry import TypeRegistry
from nodesets.instances import Instances
from nodesets.names import NodeName
from nodesets.nodes import InstanceNode, Node, VariableNode
from server.plan.written_values import WrittenValueError, written_value


class InstanceValues:
    """Reads values for members, and keeps them until all instances are made."""

    def __init__(self, instances: Instances, nodes: Mapping[NodeName, Node]) -> None:
        """Find members among ``instances``, DataTypes among ``nodes``."""
        self._instances = instances
        self._nodes = nodes
        self._made: TypeRegistry | None = None
        self._values: dict[NodeName, Variant] = {}

    def give(self, instance: NodeName, path: str, given: object, *, cell: bool) -> None:
        """Give a member of an instance that is there a value; ``cell``: it stands in a table.

        Raises :class:`WrittenValueError`.
        """
        node = self._member(instance, path)
        if not isinstance(node, VariableNode):
            problem = f"{path} is a {type(node).__name__.removesuffix('Node')}, which has no value"
            raise WrittenValueError(problem, "name one of its variables")
        try:
            value = written_value(given, node.data_type, node.value_rank, self._types, cell=cell)
        except WrittenValueError as error:
            raise WrittenValueError(problem=f"{path}: {error.problem}", mend=error.mend) from None
        self._values[node.name] = value

    def put_into(self, records: Iterable[InstanceNode]) -> list[Node]:
        """Give the records with their values."""
        values = self._values
        return [
            replace(one, value=values[one.name]) if isinstance(one, VariableNode) and one.name in values else one
            for one in records
        ]

    @property
    def _types(self) -> TypeRegistry:
        if self._made is None:
            self._made = TypeRegistry.of(self._nodes.values())
        return self._made

    def _member(self, instance: NodeName, path: str) -> Node:
        here = instance
        for segment in path.strip("/").split("/"):
            found = [child for child in self._instances.children(here) if _is_called(child, segment)]
            if len(found) > 1:  # the one that has the plain name has the plain identifier, too
                found.sort(key=lambda child: len(str(child.name.identifier)))
            if not found:
                raise WrittenValueError(problem=f"there is no member {path!r}", mend="correct the path")
            here = found[0].name
        node = self._instances.node(here)
        if node is None or here == instance:
            raise WrittenValueError(problem=f"there is no member {path!r}", mend="correct the path")
        return node


def _is_called(node: Node, segment: str) -> bool:
    name = node.browse_name.name or ""
    prefix = node.browse_name.namespace.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return segment == name or segment.casefold() == f"{prefix}:{name}".casefold()
