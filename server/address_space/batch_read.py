"""Read as clients ask for it again and again: the same body is decoded once, its values are the image's of each moment.

A prepared :class:`_Plan` sorts a request's points by the columns that they are in. What it remembers is where things
are, never what they are: values, StatusCodes and times are read from the image, and other attributes from their nodes,
each time. It is good for as long as the address space and the points are those that it was made for, and for sessions
of the same roles and security mode: which of the points those may read is part of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

import numpy as np
from asyncua.common.utils import ServiceError
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from core.datatypes import DataType
from core.image import Column
from server.address_space.attributes import AttributeRefused, Attributes, check_access
from server.address_space.encoding import encode_uint32
from server.address_space.keys import NodeKey
from server.address_space.point_records import Rows, object_records, packed, record, records
from server.address_space.points import Points
from server.address_space.read_request import Reading, ReadItem, ReadRequest, node_of
from server.address_space.rights import READING
from server.address_space.session_context import SessionContext
from server.address_space.view.steps import Steps, at_once
from server.subscriptions.encoding import Timestamps

MAX_PLANS = 256
MAX_PLANS_SIZE = 8 * 1024 * 1024
"""Bytes of the bodies that are remembered, all together; a plan of points is not much larger than its body."""
MAX_ANSWER = 16 * 1024 * 1024
"""Bytes of values in one answer: ten thousand times a type dictionary would be gigabytes, asked for in some kilobytes.

The client is told Bad_ResponseTooLarge (Part 4 v1.05 7.38.2), and asks for less at a time.
"""
_FEW = 16
"""Up to as many items are answered sooner one by one than through arrays."""
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"

Pick = Callable[[Sequence[bytes]], Sequence[bytes]]
Place = tuple[Points, Column, int]
Asked = tuple[bytes, frozenset[NodeKey] | None, int]
"""A request's body, and the roles and the security mode of whose it is."""
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
        self._plans: OrderedDict[Asked, _Plan] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """Count the requests that are remembered."""
        return len(self._plans)

    def answer(self, body: bytes, context: SessionContext) -> bytes:
        """Do :meth:`steps` without letting others have their turn."""
        return at_once(self.steps(body, context))

    def steps(self, body: bytes, context: SessionContext) -> Steps[bytes]:
        """Answer a request's body behind its header with the response's: Results and DiagnosticInfos.

        Raises :class:`ServiceError` where the whole service is refused.
        """
        asked = (body, context.roles, context.mode)
        plan = self._plans.get(asked)
        if plan is None or plan.version != self._attributes.space.version or plan.points is not self._attributes.points:
            plan = self._prepare(asked, context)
        else:
            self._plans.move_to_end(asked)
        return encode_uint32(plan.count) + (yield from self._results(plan, context)) + _NO_DIAGNOSTICS

    def _results(self, plan: _Plan, context: SessionContext) -> Steps[bytes]:
        timestamps = plan.timestamps
        reading, made = Reading(self._attributes, timestamps, context), _Results()
        for one in plan.few:
            made.add(reading.item(one) if isinstance(one, ReadItem) else record(*one, timestamps))
            yield
        if len(plan.groups) == 1 and plan.ordered is None and not plan.others:
            _, column, rows = plan.groups[0]
            whole = None if column.datatype.is_object else packed(column, rows, timestamps)
            if whole is not None:
                return whole
        for points, column, rows in plan.groups:
            if not column.datatype.is_object:  # some 30 bytes each
                made.parts += records(column, rows, timestamps)
                continue
            for one in object_records(points, column, rows, timestamps):
                made.add(one)
                yield
        for item in plan.others:
            made.add(reading.item(item))
            yield
        return b"".join(made.parts if plan.ordered is None else plan.ordered(made.parts))

    def _prepare(self, asked: Asked, context: SessionContext) -> _Plan:
        self._forget(asked)
        body = asked[0]
        plan = self._plan(ReadRequest.decode(body, self._max_nodes), context)
        self._plans[asked] = plan
        self._size += len(body)
        while len(self._plans) > MAX_PLANS or self._size > MAX_PLANS_SIZE:
            self._forget(next(iter(self._plans)))
        return plan

    def _forget(self, asked: Asked) -> None:
        if self._plans.pop(asked, None) is not None:
            self._size -= len(asked[0])

    def _plan(self, request: ReadRequest, context: SessionContext) -> _Plan:
        # The gateway reads what its AccessLevel lets nobody read: such items are left to Reading, which knows it.
        client = context._replace(is_gateway=False)
        items = [self._placed(item, client) for item in request.items]
        few, groups, others, ordered = tuple(items), (), (), None
        if len(items) > _FEW:
            few = ()
            groups, others, ordered = _sorted(items)
        version, points = self._attributes.space.version, self._attributes.points
        return _Plan(version, points, request.timestamps, len(items), few, groups, others, ordered)

    def _placed(self, item: ReadItem, context: SessionContext) -> Place | ReadItem:
        """Give the place of a point's plain value that may be read; anything else as it is."""
        points = self._attributes.points
        if points is None or item.attribute != AttributeIds.Value or item.index_range or any(item.encoding):
            return item
        try:
            node = node_of(self._attributes.space, item.key)
            check_access(self._attributes.space, node, context, READING)
        except AttributeRefused:
            return item
        slot = self._attributes.slot_of(node)
        if slot is None:
            return item
        column, row = points.place(slot)
        # A value of any type may be large, and named by a request ten thousand times: Reading reads it once.
        return item if column.datatype is DataType.VARIANT else (points, column, row)


class _Results:
    """DataValues one by one, up to what one answer may hold."""

    __slots__ = ("parts", "size")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        """Add one. Raises :class:`ServiceError` where there are too many bytes; one by itself may be of any size."""
        self.size += len(part)
        if self.size > MAX_ANSWER and self.parts:
            raise ServiceError(StatusCodes.BadResponseTooLarge)
        self.parts.append(part)


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
