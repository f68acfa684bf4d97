"""The Write service (Part 4 v1.05 5.11.4): to points through their devices, to other variables in place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from asyncua.common.utils import ServiceError
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.attribute_writing import may_write, write_attribute
from server.address_space.attributes import AttributeRefused, Attributes, check_access, has_attribute
from server.address_space.decoding import Cursor, DecodingError, GivenValue
from server.address_space.encoding import NULL_VARIANT, encode_array, encode_uint32
from server.address_space.extents import MOST_VALUES
from server.address_space.index_range import IndexRangeRefused, parse_index_range, write_range
from server.address_space.kept_elsewhere import KeptElsewhere
from server.address_space.keys import NodeKey
from server.address_space.namespace_defaults import DEFAULTS, NAMESPACE_ARRAY
from server.address_space.node import HeldValue, SpaceNode, VariableAttributes
from server.address_space.operation_count import check_count
from server.address_space.points import WritePoint
from server.address_space.read_request import known_node
from server.address_space.rights import WRITING, writing_permission
from server.address_space.session_context import SessionContext
from server.address_space.value_types import suited
from server.address_space.view.steps import TURN

_LEAST_ITEM = 11
"""Bytes of the shortest WriteValue."""
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_OF_RIGHTS = frozenset(
    (
        AttributeIds.RolePermissions,
        AttributeIds.AccessRestrictions,
        AttributeIds.AccessLevel,
        AttributeIds.AccessLevelEx,
        AttributeIds.UserAccessLevel,
    )
)


class WriteItem(NamedTuple):
    """One attribute to be written."""

    key: NodeKey
    attribute: int
    value: GivenValue
    index_range: str | None = None


class PointWrite(NamedTuple):
    """A value for a point that has passed every check of the service; its device is still to be asked."""

    slot: int
    value: Any  # of the point's built-in type


WritePoints = Callable[[Sequence[tuple[int, Any]]], Awaitable[list[int]]]
"""Writes several points as :data:`WritePoint` does one, neighbours in a device together; gives each one's answer."""


Foresight = Callable[[int, Any], int]
"""Tells what a write of a value to a slot would be refused with before it is sent; Good for nothing."""


class _Waiting(NamedTuple):
    """A point's write that goes out with those behind it. ``place``: where its answer belongs."""

    place: int
    item: WriteItem
    old: bytes | None
    write: PointWrite


class WriteWitness(Protocol):
    """Sees what is written."""

    def before(self, item: WriteItem) -> bytes | None:
        """Give what is to be known later of the value that will be replaced: its Variant, or None."""
        ...

    def after(self, item: WriteItem, old: bytes | None, status: int) -> None:
        """See how a write was answered."""
        ...


class Writing:
    """Writes attributes as clients and the gateway itself ask for it."""

    def __init__(self, attributes: Attributes, max_nodes: int) -> None:
        """``max_nodes``: MaxNodesPerWrite (Part 5 v1.05 6.3.11)."""
        self._attributes = attributes
        self._max_nodes = max_nodes
        self._write_point: WritePoint | None = None
        self._write_points: WritePoints | None = None
        self._foresight: Foresight | None = None
        self.witness: WriteWitness | None = None
        """Who is told what clients write."""

    def bind(self, write_point: WritePoint) -> None:
        """Hand what is written to points to ``write_point``."""
        self._write_point = write_point

    def gather(self, write_points: WritePoints) -> None:
        """Hand points that stand together in a request to ``write_points``; without it they go one by one."""
        self._write_points = write_points

    def foresee(self, foresight: Foresight) -> None:
        """Ask ``foresight`` of points in :meth:`refusal`, too."""
        self._foresight = foresight

    def refusal(self, item: WriteItem, context: SessionContext) -> int:
        """Give what a write of a variable's Value would be refused with; Good where it would be tried.

        Nothing is changed: this is for whoever writes several values or none. What a device answers is not known yet.
        """
        try:
            node = known_node(self._attributes.space, item.key, context)
            if item.attribute != AttributeIds.Value or node.node_class is not NodeClass.VARIABLE or not node.variable:
                return StatusCodes.BadAttributeIdInvalid
            check_access(self._attributes.space, node, context, WRITING)
            variant = self._new_value(node, node.variable, item, checked=True)
        except (AttributeRefused, IndexRangeRefused) as refused:
            return refused.status
        except DecodingError:
            return StatusCodes.BadTypeMismatch
        slot = self._attributes.slot_of(node)
        if slot is not None:
            return self._point_refusal(slot, variant)
        asked = callable(node.value) and not isinstance(node.value, KeptElsewhere)
        return StatusCodes.BadNotWritable if asked else StatusCodes.Good

    def _point_refusal(self, slot: int, variant: bytes) -> int:
        points = self._attributes.points
        try:
            value = points.decode(slot, variant) if points is not None and variant[0] else None
        except TypeError:
            value = None
        if value is None:
            return StatusCodes.BadTypeMismatch
        return StatusCodes.Good if self._foresight is None else self._foresight(slot, value)

    async def answer(self, body: bytes, context: SessionContext) -> bytes:
        """Answer a request's body behind its header with the response's: Results and DiagnosticInfos.

        Raises :class:`ServiceError` where the whole service is refused.
        """
        results = await self.write(self._decode(body), context)
        return encode_array([encode_uint32(status) for status in results]) + _NO_DIAGNOSTICS

    async def write(self, items: Sequence[WriteItem], context: SessionContext) -> list[int]:
        """Write the items and give their StatusCodes; points that follow each other are written together.

        Raises :class:`ServiceError` for no items at all, or too many.
        """
        check_count(len(items), self._max_nodes)
        results = [int(StatusCodes.Good)] * len(items)
        over = time.perf_counter() + TURN
        witness = None if context.is_gateway else self.witness
        waiting: list[_Waiting] = []
        for place, item in enumerate(items):
            if item.index_range:  # what is changed in part may be what stands before it in this request
                await self._flush(waiting, results, witness)
            old = None if witness is None else witness.before(item)
            outcome = await self._begin(item, context)
            if isinstance(outcome, PointWrite):
                waiting.append(_Waiting(place, item, old, outcome))
            else:
                results[place] = outcome
                if witness is not None:
                    witness.after(item, old, outcome)
            if time.perf_counter() >= over:  # what is in memory never waits by itself
                await asyncio.sleep(0)
                over = time.perf_counter() + TURN
        await self._flush(waiting, results, witness)
        return results

    async def _flush(self, waiting: list[_Waiting], results: list[int], witness: WriteWitness | None) -> None:
        """Write the points that wait, in their order."""
        if not waiting:
            return
        try:
            statuses = await self._write_all([one.write for one in waiting])
        except BaseException:  # the client is gone; what was sent to a device may be done all the same
            statuses = [int(StatusCodes.BadRequestInterrupted)] * len(waiting)
            self._told(waiting, statuses, witness)
            raise
        for one, status in zip(waiting, statuses, strict=True):
            results[one.place] = status
        self._told(waiting, statuses, witness)
        waiting.clear()

    def _told(self, waiting: Sequence[_Waiting], statuses: Sequence[int], witness: WriteWitness | None) -> None:
        if witness is not None:
            for one, status in zip(waiting, statuses, strict=True):
                witness.after(one.item, one.old, status)

    async def _write_all(self, writes: Sequence[PointWrite]) -> list[int]:
        if self._write_points is not None and len(writes) > 1:
            return await self._write_points(writes)
        if self._write_point is None:
            return [int(StatusCodes.BadNotWritable)] * len(writes)
        return [await self._write_point(slot, value) for slot, value in writes]

    async def write_one(self, item: WriteItem, context: SessionContext) -> int:
        """Write one item and give its StatusCode."""
        outcome = await self._begin(item, context)
        return (await self._write_all([outcome]))[0] if isinstance(outcome, PointWrite) else outcome

    async def _begin(self, item: WriteItem, context: SessionContext) -> int | PointWrite:
        """Write one item and give its StatusCode, or the point that is still to be written."""
        try:
            node = known_node(self._attributes.space, item.key, context)
            if item.attribute != AttributeIds.Value:
                self._write_attribute(node, item, context)
            elif node.node_class is NodeClass.VARIABLE and node.variable is not None:
                return await self._write_value(node, node.variable, item, context)
            elif node.node_class is NodeClass.VARIABLE_TYPE and node.variable is not None:
                self._write_type_value(node, node.variable, item, context)
            else:
                return StatusCodes.BadAttributeIdInvalid
        except (AttributeRefused, IndexRangeRefused) as refused:
            return refused.status
        except DecodingError:  # a value whose inside is not what its type says
            return StatusCodes.BadTypeMismatch
        return StatusCodes.Good

    def _decode(self, body: bytes) -> list[WriteItem]:
        cursor = Cursor(body, most=MOST_VALUES)
        try:
            count = cursor.count(_LEAST_ITEM)
            check_count(count, self._max_nodes)
            return [_item(cursor) for _ in range(count)]
        except DecodingError as error:
            raise ServiceError(error.status) from None

    def _write_attribute(self, node: SpaceNode, item: WriteItem, context: SessionContext) -> None:
        if not context.is_gateway:
            self._check_mask(node, item, context)
        if item.index_range:  # such attributes are small, and written whole
            raise AttributeRefused(StatusCodes.BadWriteNotSupported)
        variant = item.value.variant
        if not variant or not variant[0]:
            raise AttributeRefused(StatusCodes.BadTypeMismatch)
        write_attribute(node, item.attribute, variant)
        space = self._attributes.space
        space.changed(node)
        if item.attribute in _OF_RIGHTS:
            space.rights.changed()

    def _check_mask(self, node: SpaceNode, item: WriteItem, context: SessionContext) -> None:
        """Let clients write only what WriteMask and their permissions say, without a StatusCode or times."""
        if not has_attribute(node, item.attribute):
            raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)
        refused = self._attributes.space.rights.refusal(node, context, writing_permission(item.attribute))
        if refused == StatusCodes.BadNodeIdUnknown:
            raise AttributeRefused(refused)
        if not may_write(node, item.attribute):
            raise AttributeRefused(StatusCodes.BadNotWritable)
        if refused:
            raise AttributeRefused(refused)
        if item.value.status:
            raise AttributeRefused(StatusCodes.BadWriteNotSupported)

    async def _write_value(
        self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext
    ) -> int | PointWrite:
        check_access(self._attributes.space, node, context, WRITING)
        slot = self._attributes.slot_of(node)
        structured = self._attributes.structured(node)
        if slot is None and structured is None:
            return await self._keep(node, variable, item, context)
        points = self._attributes.points
        if points is None or self._write_point is None:
            return StatusCodes.BadNotWritable
        # Part 4 v1.05 5.11.4.1: quality is the device's to give. Times are passed over: clients send their own.
        variant = self._new_value(node, variable, item, checked=True)
        if structured is not None:
            return await structured.write(points, variant, self._write_point)
        if slot is None:
            return StatusCodes.BadNotWritable
        try:
            value = points.decode(slot, variant) if variant[0] else None
        except TypeError:
            return StatusCodes.BadTypeMismatch
        return StatusCodes.BadTypeMismatch if value is None else PointWrite(slot, value)

    async def _keep(
        self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext
    ) -> int:
        """Write a variable that is no point: at its node, or where its value is kept."""
        if isinstance(node.value, KeptElsewhere):
            return await node.value.write(self._new_value(node, variable, item, checked=True), context)
        self._hold(node, variable, item, context)
        return StatusCodes.Good

    def _hold(self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext) -> None:
        """Write a variable whose value is kept at its node; the gateway gives StatusCodes too, and any type."""
        if callable(node.value) and not context.is_gateway:
            raise AttributeRefused(StatusCodes.BadNotWritable)
        variant = self._new_value(node, variable, item, checked=not context.is_gateway)
        moment = self._attributes.clock()
        given = item.value
        source_time = moment if given.source_time is None else given.source_time
        node.value = HeldValue(variant, given.status or 0, source_time, moment)
        if node.browse_name.name in DEFAULTS or node.key == NAMESPACE_ARRAY:  # what others may do depends on it
            self._attributes.space.changed(node)
            self._attributes.space.rights.changed()

    def _write_type_value(
        self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext
    ) -> None:
        if not context.is_gateway:
            self._check_mask(node, item, context)
        node.value = self._new_value(node, variable, item, checked=not context.is_gateway)

    def _new_value(self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, *, checked: bool) -> bytes:
        """Give the whole value that the variable is to have."""
        given = item.value
        if checked and given.status:
            raise AttributeRefused(StatusCodes.BadWriteNotSupported)
        variant = given.variant
        if variant is None:
            if checked:
                alone = given.source_time is not None or given.server_time is not None
                raise AttributeRefused(StatusCodes.BadWriteNotSupported if alone else StatusCodes.BadTypeMismatch)
            return NULL_VARIANT
        if item.index_range:
            bounds = parse_index_range(item.index_range)
            held = self._attributes.value(node).variant
            if held is None or not held[0]:
                raise AttributeRefused(StatusCodes.BadIndexRangeNoData)
            variant = write_range(held, bounds, variant)
        return suited(self._attributes.space, variable, variant) if checked else variant


def _item(cursor: Cursor) -> WriteItem:
    key, attribute, index_range = cursor.node_id(), cursor.uint32(), cursor.string()
    return WriteItem(key, attribute, cursor.data_value(), index_range)
