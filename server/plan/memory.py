"""Memory points: variables of the model's instances that no binding fills (the contract's section 4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from core.datatypes import DataType
from core.point import Point
from core.time import from_datetime
from nodesets.names import NodeName
from server.plan.points import PointList
from server.ua_stack.browse import Directory
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import WRITE
from server.ua_stack.values import from_variant


@dataclass(frozen=True, slots=True)
class MemoryVariable:
    """A variable that is to be a memory point; the fields as those of :class:`MemoryPoint`."""

    nodeid: ua.NodeId
    point: Point
    initial: Any
    retained: bool

    def at(self, slot: int) -> MemoryPoint:
        """Give its memory point."""
        return MemoryPoint(slot, self.point.node, self.point.datatype, self.initial, self.retained)


@dataclass(frozen=True, slots=True)
class MemoryPoint:
    """A memory point and what it begins with. ``initial`` is None where the NodeSet gives no value."""

    slot: int
    node: str
    datatype: DataType
    initial: Any
    retained: bool
    """Whether clients or analytics may change it, so that it is kept over a restart."""


def plan_memory(
    directory: Directory,
    nodeids: NodeIds,
    points: PointList,
    own_namespaces: set[int],
    instances: Collection[NodeName],
) -> list[MemoryPoint]:
    """Give a slot to every instance variable without a binding, also of a field; constant properties stay plain nodes.

    ``own_namespaces`` are left out: their nodes are Plantspace's own and have a source each, but for the ``instances``
    that the configuration makes.
    """
    memory: list[MemoryPoint] = []

    def wanted(nodeid: ua.NodeId) -> bool:
        return nodeid not in points.slots and nodeid not in points.fields

    for variable in memory_variables(directory, nodeids, wanted, own_namespaces, instances):
        slot = points.add(variable.nodeid, variable.point, 0.0)
        memory.append(variable.at(slot))
    return memory


def memory_variables(
    directory: Directory,
    nodeids: NodeIds,
    wanted: Callable[[ua.NodeId], bool],
    own_namespaces: Collection[int],
    instances: Collection[NodeName],
) -> Iterator[MemoryVariable]:
    """Give the variables that are to be memory points, of those that are ``wanted``; the rest as :func:`plan_memory`.

    Nothing of the directory changes meanwhile but its own memory.
    """
    made = {nodeids.from_name(name) for name in instances}
    for instance in directory.instances.values():
        nodeid = instance.nodeid
        own = nodeid.NamespaceIndex in own_namespaces and nodeid not in made
        if own or not wanted(nodeid) or not directory.is_variable(nodeid):
            continue
        writable = bool(directory.access_level(nodeid) & WRITE)
        if instance.is_property and not writable:
            continue
        datatype = directory.built_in_type(nodeid)
        point = Point(nodeids.to_text(nodeid), datatype)
        yield MemoryVariable(nodeid, point, _initial(directory, nodeid, datatype), writable)


def _initial(directory: Directory, nodeid: ua.NodeId, datatype: DataType) -> Any:  # noqa: ANN401 - any value of a built-in type
    return point_value(datatype, directory.initial_value(nodeid))


def point_value(datatype: DataType, variant: ua.Variant | None) -> Any:  # noqa: ANN401 - as above
    """Give the value of a point of ``datatype`` that a NodeSet's value means; None where it gives none."""
    if variant is None or variant.Value is None:
        return None
    try:
        return from_variant(datatype, variant)
    except TypeError:
        # A NodeSet may write an enumeration's value as another integer type than its Int32.
        value: Any = variant.Value
        if datatype.is_number and isinstance(value, (int, float)):
            return int(value) if datatype.is_integer else float(value)
        if datatype is DataType.DATETIME:
            return from_datetime(value)
        return None
