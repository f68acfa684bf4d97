"""Read as clients ask for it again and again: the same body is decoded once, its values are the image's of each moment.

A prepared :class:`_Plan` sorts a request's points by the columns that they are in. What it remembers is where things
are, never what they are: values, StatusCodes and times are read from the image, and other attributes from their nodes,
each time. It is good for as long as the address space and the points are those that it was made for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

import numpy as np
from asyncua.ua.attribute_ids import AttributeIds

from core.datatypes import DataType
from core.image import Column
from server.address_space.attributes import AttributeRefused, Attributes, check_access
from server.address_space.encoding import encode_array, encode_uint32
from server.address_space.node import ACCESS_READ
from server.address_space.point_records import Rows, packed, record, records
from server.address_space.points import Points
from server.address_space.read_request import ReadItem, ReadRequest, node_of, read_item
from server.address_space.session_context import SessionContext
from server.subscriptions.encoding import Timestamps

MAX_PLANS = 256
MAX_PLANS_SIZE = 8 * 1024 * 1024
"""Bytes of the bodies that are remembered, all together; a plan of points is not much larger than its body."""
_FEW = 16
"""Up to as many items are answered sooner one by one than through arrays."""
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_ANYONE = SessionContext()

Pick = Callable[[Sequence[bytes]], Sequence[bytes]]
Place = tuple[Points, Column, int]
Group = tuple[Points, Column, Rows]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A request, prepared. Of the items that are points only their places are kept."""

    version: int
    points: Points | None
    timestamps: Timestamps
    count: int
    few: tuple[Place | ReadItem, ...]
    """The items in their order, where they are few; then there are no groups and no ``others``."""
    groups: tuple[Group, ...]
    """The points by their columns."""
    others: tuple[ReadItem, ...]
    """What is no plain value of a point."""
    ordered: Pick | None
    """Brings the records of all groups and then of ``others`` into the request's order; None where they are in it."""


class BatchRead:
    """The Read service over encoded requests (Part 4 v1.05 5.11.2)."""

    def __init__(self, attributes: Attributes, max_nodes: int) -> None:
        """``max_nodes``: MaxNodesPerRead (Part 5 v1.05 6.3.11)."""
        self._attributes = attributes
        self._max_nodes = max_nodes
        self._plans: OrderedDict[bytes, _Plan] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Count the requests that are remembered."""
        return len(self._plans)

    def answer(self, body: bytes, context: SessionContext) -> bytes:
        """Answer a request's body behind its header with the response's: Results and DiagnosticInfos.

        Raises :class:`ServiceError` where the whole service is refused.
        """
        if not (context.is_gateway or context.access & ACCESS_READ):
            return self._refused(body, context)
        plan = self._plans.get(body)
        if plan is None or plan.version != self._attributes.space.version or plan.points is not self._attributes.points:
            plan = self._prepare(body)
        else:
            self._plans.move_to_end(body)
        return encode_uint32(plan.count) + self._results(plan, context) + _NO_DIAGNOSTICS

    def _refused(self, body: bytes, context: SessionContext) -> bytes:
        """Answer who may read no values at all: rarely asked, and nothing that needs to be remembered."""
        request = ReadRequest.decode(body, self._max_nodes)
        results = [read_item(self._attributes, item, request.timestamps, context) for item in request.items]
        return encode_array(results) + _NO_DIAGNOSTICS

    def _results(self, plan: _Plan, context: SessionContext) -> bytes:
        attributes, timestamps = self._attributes, plan.timestamps
        if plan.few:
            return b"".join(
                [
                    read_item(attributes, one, timestamps, context)
                    if isinstance(one, ReadItem)
                    else record(*one, timestamps)
                    for one in plan.few
                ]
            )
        if len(plan.groups) == 1 and plan.ordered is None and not plan.others:
            _, column, rows = plan.groups[0]
            whole = None if column.datatype.is_object else packed(column, rows, timestamps)
            if whole is not None:
                return whole
        made = list(chain.from_iterable(records(*group, timestamps) for group in plan.groups))
        made.extend([read_item(attributes, item, timestamps, context) for item in plan.others])
        return b"".join(made if plan.ordered is None else plan.ordered(made))

    def _prepare(self, body: bytes) -> _Plan:
        self._forget(body)
        plan = self._plan(ReadRequest.decode(body, self._max_nodes))
        self._plans[body] = plan
        self._size += len(body)
        while len(self._plans) > MAX_PLANS or self._size > MAX_PLANS_SIZE:
            self._forget(next(iter(self._plans)))
        return plan

    def _forget(self, body: bytes) -> None:
        if self._plans.pop(body, None) is not None:
            self._size -= len(body)

    def _plan(self, request: ReadRequest) -> _Plan:
        items = [self._placed(item) for item in request.items]
        few, groups, others, ordered = tuple(items), (), (), None
        if len(items) > _FEW:
            few = ()
            groups, others, ordered = _sorted(items)
        version, points = self._attributes.space.version, self._attributes.points
        return _Plan(version, points, request.timestamps, len(items), few, groups, others, ordered)

    def _placed(self, item: ReadItem) -> Place | ReadItem:
        """Give the place of a point's plain value that may be read; anything else as it is."""
        points = self._attributes.points
        if points is None or item.attribute != AttributeIds.Value or item.index_range or any(item.encoding):
            return item
        try:
            node = node_of(self._attributes.space, item.key)
            check_access(node, _ANYONE, ACCESS_READ, 0)
        except AttributeRefused:
            return item
        slot = self._attributes.slot_of(node)
        return item if slot is None else (points, *points.place(slot))


def _sorted(items: Sequence[Place | ReadItem]) -> tuple[tuple[Group, ...], tuple[ReadItem, ...], Pick | None]:
    """Sort items by the columns that they are in, and give what brings their records into the items' order again."""
    members: dict[DataType, list[Place]] = {}
    positions: dict[DataType, list[int]] = {}
    others: list[ReadItem] = []
    rest: list[int] = []
    for position, one in enumerate(items):
        if isinstance(one, ReadItem):
            others.append(one)
            rest.append(position)
        else:
            members.setdefault(one[1].datatype, []).append(one)
            positions.setdefault(one[1].datatype, []).append(position)
    sequence = [*chain.from_iterable(positions.values()), *rest]
    in_order = sequence == list(range(len(items)))
    groups = tuple(_group(places) for places in members.values())
    return groups, tuple(others), None if in_order else itemgetter(*np.argsort(sequence).tolist())


def _group(places: Sequence[Place]) -> Group:
    """Give the column that all places are in, and their rows."""
    points, column, _ = places[0]
    rows = np.array([row for _, _, row in places], np.int32)
    if bool((np.diff(rows) == 1).all()):
        return points, column, slice(int(rows[0]), int(rows[-1]) + 1)
    return points, column, rows
