"""What the gateway is set up for: nodes that bindings, histories, operators and datasets need as they are."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from asyncua import ua

from core.errors import Finding, Place
from nodesets.datatypes.problems import DataTypeError
from nodesets.names import NodeName
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, key_of, nodeid_of
from server.address_space.node import ACCESS_HISTORY_WRITE
from server.model_change.comparing import Alteration, SpaceDifference
from server.model_change.preparing import HISTORY_READ
from server.plan import Plan
from server.ua_stack.nodes import READ, WRITE

_MEND = "keep the node as it is, or change the configuration too and restart the gateway"


class Use(NamedTuple):
    """Who needs a node, and where a person said so."""

    place: Place
    what: str


def uses_of(plan: Plan) -> Mapping[NodeKey, list[Use]]:
    """Give the nodes in use, each with its users."""
    config, points = Place.of(plan.config), plan.points
    by_slot: dict[int, list[Use]] = defaultdict(list)
    for slot, place in points.places.items():
        by_slot[slot].append(Use(place, "is bound here"))
    for slot in points.recorded:
        by_slot[slot].append(Use(points.places.get(slot, config), "has its history kept"))
    for operator in plan.operators:
        for slot in operator.inputs.values():
            by_slot[slot].append(Use(config, f"is an input of the operator {operator.name}"))
    for slot, name in _published(plan):
        by_slot[slot].append(Use(config, f"is in the dataset {name}"))
    uses: dict[NodeKey, list[Use]] = defaultdict(list)
    for nodeid, slot in _nodes_with_slots(plan):
        if slot in by_slot:
            uses[key_of(nodeid)] += by_slot[slot]
    for name, variables in _structures(plan).items():
        uses[key_of(plan.nodeids.from_name(name))] += variables
    return uses


def _published(plan: Plan) -> Iterator[tuple[int, str]]:
    """Give the slots that datasets name, each with the dataset.

    What a pattern or a type has brought goes with the model, as it would with a restart.
    """
    for connection in plan.pubsub.connections.values() if plan.pubsub is not None else ():
        for name, slots in connection.named.items():
            yield from ((slot, name) for slot in slots)


def _nodes_with_slots(plan: Plan) -> Iterator[tuple[ua.NodeId, int]]:
    """Give points, methods that are bound, and structured variables with each field that is."""
    yield from plan.points.slots.items()
    for device in plan.devices:
        for nodeid, point in device.methods.items():
            yield nodeid, point.slot
    for nodeid, fields in plan.points.fields.items():
        for slot in fields.values():
            yield nodeid, slot


def _structures(plan: Plan) -> dict[NodeName, list[Use]]:
    """Give the DataTypes that variables with bound fields are made of, down to the last one."""
    types, space, found = plan.model.types, plan.stack.internal.space, defaultdict[NodeName, list[Use]](list)
    for nodeid, fields in plan.points.fields.items():
        node = space.get(key_of(nodeid))
        if node is None or node.variable is None:
            continue
        place = plan.points.places.get(next(iter(fields.values())), Place.of(plan.config))
        reached = [plan.nodeids.name_of(nodeid_of(node.variable.data_type))]
        for name in reached:
            found[name].append(Use(place, "is the DataType of what is bound here, or of a part of it"))
            with contextlib.suppress(DataTypeError):  # enumerations and simple types have no fields
                below = (field.data_type for field in types.structure(name).fields)
                reached += [one for one in dict.fromkeys(below) if one not in reached]
    return found


def settled_access(plan: Plan) -> dict[NodeKey, int]:
    """Give the bits of AccessLevel by node that bindings and histories have settled, whatever the files say."""
    points = plan.points
    bits: dict[NodeKey, int] = {}
    for nodeid, slot in _nodes_with_slots(plan):
        settled = HISTORY_READ | ACCESS_HISTORY_WRITE if slot in points.recorded else 0
        if slot in points.places:
            settled |= READ if slot in points.following else READ | WRITE
        if settled:
            bits[key_of(nodeid)] = bits.get(key_of(nodeid), 0) | settled
    return bits


def broken_uses(
    uses: Mapping[NodeKey, list[Use]], difference: SpaceDifference, paths: Mapping[NodeKey, str]
) -> Iterator[Finding]:
    """Give a finding for each use of a node that goes, or becomes another thing. ``paths``: names of nodes that do."""
    for key in difference.removed.keys() & uses.keys():
        for place, what in uses[key]:
            yield Finding(place, f"{paths[key]} {what}, and the new model does not have it", _MEND)
    for key, alteration in difference.altered.items():
        is_other = alteration.is_retyped or _is_redefined(alteration)
        for place, what in uses.get(key, ()) if is_other else ():
            problem = f"{paths[key]} {what}, and in the new model {_other(alteration)}"
            yield Finding(place, problem, _MEND)


def _is_redefined(alteration: Alteration) -> bool:
    """Tell whether a DataType's values are made otherwise."""
    return alteration.after.node_class is NodeClass.DATA_TYPE and "definition" in alteration.attributes


def _other(alteration: Alteration) -> str:
    was, now = alteration.before, alteration.after
    if _is_redefined(alteration):
        return "its DataTypeDefinition is another"
    if was.node_class is not now.node_class or was.variable is None or now.variable is None:
        name = NodeClass(now.node_class).name.replace("_", "").capitalize()
        return f"it is of the NodeClass {name}"
    if was.variable.value_rank != now.variable.value_rank:
        return f"its ValueRank is {now.variable.value_rank}, not {was.variable.value_rank}"
    return "its DataType is another"
