"""The memory points that a changed model brings, and the points whose history begins with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from asyncua import ua

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.quality import Status
from core.time import now
from nodesets.names import NodeName
from server.address_space.keys import key_of, nodeid_of
from server.model_change.comparing import SpaceDifference
from server.model_change.preparing import HISTORY_READ
from server.plan import Plan
from server.plan.memory import MemoryPoint, MemoryVariable, memory_variables
from server.plan.plan import PLANTSPACE_NAMESPACE
from server.ua_stack.browse import Directory, NodeNotFoundError
from server.ua_stack.nodeids import NodeIds


class NewModel(NamedTuple):
    """The new model's nodes, as names find them. ``instances``: the nodes that the configuration makes."""

    directory: Directory
    nodeids: NodeIds
    instances: Collection[NodeName]


@dataclass(slots=True, eq=False)
class NewPoints:
    """What is to come into the process image. ``moment``: the first times that the points show (ticks).

    ``left``: how many variables there is no room for.
    ``begins``: points whose history is to be kept from now on, by their slots; those of ``points`` among them.
    """

    moment: int
    variables: Sequence[MemoryVariable] = ()
    memory: Sequence[MemoryPoint] = ()
    batches: Sequence[Batch] = ()
    begins: dict[int, str] = field(default_factory=dict[int, str])
    marked: Sequence[ua.NodeId] = ()
    """Nodes that were served before, and are to say that they have history."""
    left: int = 0
    _names_before: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def slots(self) -> Mapping[ua.NodeId, int]:
        """Give the slots that the variables will have."""
        return {one.nodeid: point.slot for one, point in zip(self.variables, self.memory, strict=True)}

    def enter(self, image: ProcessImage) -> None:
        """Let the points in, on the event loop, with the values that the files give them."""
        names = (one.point.node for one in self.variables)
        self._names_before = {name: image.slot_of[name] for name in names if name in image.slot_of}
        image.admit([one.point for one in self.variables], self.moment)
        for batch in self.batches:
            image.apply(batch)

    def leave(self, image: ProcessImage) -> None:
        """Give the names that the points took back to those that had them; their slots wait for them to come again."""
        image.slot_of.update(self._names_before)

    def offer_again(self, image: ProcessImage, bound: Container[int]) -> None:
        """Hand on what the points of ``begins`` hold, but for those that devices fill (``bound``)."""
        for slot in self.begins:
            held = image.read(slot)
            if held.value is None or slot in bound:
                continue
            values = np.empty(1, held.datatype.dtype)
            values[0] = held.value
            image.apply(Batch(np.array([slot], np.int32), values, held.status, held.source_time, held.server_time))

    def settle(self, plan: Plan, image: ProcessImage, ended: Collection[int]) -> None:
        """Let the plan know them, on the event loop, and that the points at the slots ``ended`` are none any more."""
        points = plan.points
        # The image's own: it keeps those too that came with a change that was undone.
        points.points += image.points[len(points.points) :]
        points.scans += [0.0] * (len(points.points) - len(points.scans))
        coming = {one.slot for one in self.memory}
        plan.memory[:] = [one for one in plan.memory if one.slot not in ended and one.slot not in coming]
        plan.memory += self.memory
        points.recorded |= self.begins.keys()
        for nodeid in self.marked:
            plan.stack.builder.set_historizing(nodeid)
        plan.stack.internal.history.historize(self.begins.values())


def points_to_come(
    plan: Plan,
    image: ProcessImage,
    difference: SpaceDifference,
    model: NewModel,
    staying: Mapping[ua.NodeId, int],
    *,
    records: bool,
) -> NewPoints:
    """Find what a start with the new model would make points of, and what it would record. Blocks: for a thread.

    ``staying``: points that there are. ``records``: whether there is anyone who records.
    """
    changed = [key for key, node in difference.added.items() if node.variable is not None]
    changed += [key for key, one in difference.altered.items() if one.after.variable is not None]
    if not changed:
        return NewPoints(now())
    candidates: set[ua.NodeId] = {nodeid_of(key) for key in changed}
    nodeids = model.nodeids

    def wanted(nodeid: ua.NodeId) -> bool:
        return nodeid in candidates and nodeid not in staying and nodeid not in plan.points.fields

    own = {nodeids.index_of(uri) for uri in (f"urn:plantspace:{plan.settings.name}", PLANTSPACE_NAMESPACE)}
    found = list(memory_variables(model.directory, nodeids, wanted, own, model.instances))
    slots = image.room_for([one.point for one in found])
    variables = found[: len(slots)]
    memory = [one.at(slot) for one, slot in zip(variables, slots, strict=True)]
    moment = now()
    new = NewPoints(moment, variables, memory, _batches(memory, moment), left=len(found) - len(slots))
    if records:
        _begin_history(plan, new, difference, model.directory, staying, candidates)
    return new


def _batches(memory: Sequence[MemoryPoint], moment: int) -> Sequence[Batch]:
    """Give the first values, a batch for each data type."""
    groups: dict[DataType, list[MemoryPoint]] = defaultdict(list)
    for point in memory:
        if point.initial is not None:
            groups[point.datatype].append(point)
    batches: list[Batch] = []
    for datatype, members in groups.items():
        values = np.empty(len(members), datatype.dtype)
        for row, point in enumerate(members):  # one by one: a list of arrays would become an array of more dimensions
            values[row] = point.initial
        slots = np.array([point.slot for point in members], np.int32)
        batches.append(Batch(slots, values, Status.GOOD, moment, moment))
    return batches


def _begin_history(
    plan: Plan,
    new: NewPoints,
    difference: SpaceDifference,
    directory: Directory,
    staying: Mapping[ua.NodeId, int],
    candidates: set[ua.NodeId],
) -> None:
    """Find the points whose history begins: the model says so now, or a pattern of the configuration means them."""
    historized = {nodeid for nodeid in candidates if directory.is_historizing(nodeid)}
    for pattern in plan.historian.nodes:
        try:
            historized |= candidates & set(directory.match(pattern))
        except NodeNotFoundError:
            continue  # it means nodes of the gateway itself, which no change of the model brings
    slots = {**staying, **new.slots}
    places = {nodeid: slots[nodeid] for nodeid in historized if nodeid in slots}
    places = {nodeid: slot for nodeid, slot in places.items() if slot not in plan.points.recorded}
    nodeids = plan.nodeids
    coming = new.slots
    names = {one.nodeid: one.point.node for one in new.variables}
    new.begins = {slot: names.get(nodeid) or nodeids.to_text(nodeid) for nodeid, slot in places.items()}
    marked: list[ua.NodeId] = []
    for nodeid in places:
        node = difference.added.get(key_of(nodeid)) if nodeid in coming else None
        if node is None:
            marked.append(nodeid)
        elif node.variable is not None:  # not served yet; what the file says of it is kept beside it
            level = node.variable.access_level | HISTORY_READ
            node.variable = node.variable._replace(access_level=level, user_access_level=level, historizing=True)
    new.marked = marked
