"""The Write service (Part 4 v1.05 5.11.4): to points through their devices, to other variables in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from asyncua.common.utils import ServiceError
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.attribute_writing import may_write, write_attribute
from server.address_space.attributes import AttributeRefused, Attributes, check_access, has_attribute
from server.address_space.decoding import Cursor, DecodingError, GivenValue
from server.address_space.encoding import NULL_VARIANT, encode_array, encode_uint32
from server.address_space.index_range import IndexRangeRefused, parse_index_range, write_range
from server.address_space.keys import NodeKey
from server.address_space.node import ACCESS_WRITE, HeldValue, SpaceNode, VariableAttributes
from server.address_space.operation_count import check_count
from server.address_space.points import WritePoint
from server.address_space.read_request import node_of
from server.address_space.session_context import SessionContext
from server.address_space.value_types import suited

_LEAST_ITEM = 11
"""Bytes of the shortest WriteValue."""
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"


class WriteItem(NamedTuple):
    """One attribute to be written."""

    key: NodeKey
    attribute: int
    value: GivenValue
    index_range: str | None = None


class Writing:
    """Writes attributes as clients and the gateway itself ask for it."""

    def __init__(self, attributes: Attributes, max_nodes: int) -> None:
        """``max_nodes``: MaxNodesPerWrite (Part 5 v1.05 6.3.11)."""
        self._attributes = attributes
        self._max_nodes = max_nodes
        self._write_point: WritePoint | None = None

    def bind(self, write_point: WritePoint) -> None:
        """Hand what is written to points to ``write_point``."""
        self._write_point = write_point

    async def answer(self, body: bytes, context: SessionContext) -> bytes:
        """Answer a request's body behind its header with the response's: Results and DiagnosticInfos.

        Raises :class:`ServiceError` where the whole service is refused.
        """
        results = await self.write(self._decode(body), context)
        return encode_array([encode_uint32(status) for status in results]) + _NO_DIAGNOSTICS

    async def write(self, items: Sequence[WriteItem], context: SessionContext) -> list[int]:
        """Write one item after the other and give their StatusCodes.

        Raises :class:`ServiceError` for no items at all, or too many.
        """
        check_count(len(items), self._max_nodes)
        return [await self.write_one(item, context) for item in items]

    async def write_one(self, item: WriteItem, context: SessionContext) -> int:
        """Write one item and give its StatusCode."""
        try:
            node = node_of(self._attributes.space, item.key)
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
        cursor = Cursor(body)
        try:
            count = cursor.count(_LEAST_ITEM)
            check_count(count, self._max_nodes)
            return [_item(cursor) for _ in range(count)]
        except DecodingError:
            raise ServiceError(StatusCodes.BadDecodingError) from None

    def _write_attribute(self, node: SpaceNode, item: WriteItem, context: SessionContext) -> None:
        if not context.is_gateway:
            self._check_mask(node, item, context)
        if item.index_range:  # such attributes are small, and written whole
            raise AttributeRefused(StatusCodes.BadWriteNotSupported)
        variant = item.value.variant
        if not variant or not variant[0]:
            raise AttributeRefused(StatusCodes.BadTypeMismatch)
        write_attribute(node, item.attribute, variant)
        self._attributes.space.changed(node)

    def _check_mask(self, node: SpaceNode, item: WriteItem, context: SessionContext) -> None:
        """Let clients write only what WriteMask says, without a StatusCode or times."""
        if not has_attribute(node, item.attribute):
            raise AttributeRefused(StatusCodes.BadAttributeIdInvalid)
        if not may_write(node, item.attribute):
            raise AttributeRefused(StatusCodes.BadNotWritable)
        if not context.access & ACCESS_WRITE:
            raise AttributeRefused(StatusCodes.BadUserAccessDenied)
        if item.value.status:
            raise AttributeRefused(StatusCodes.BadWriteNotSupported)

    async def _write_value(
        self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext
    ) -> int:
        check_access(node, context, ACCESS_WRITE, StatusCodes.BadNotWritable)
        slot = self._attributes.slot_of(node)
        structured = self._attributes.structured(node)
        if slot is None and structured is None:
            self._hold(node, variable, item, context)
            return StatusCodes.Good
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
        return StatusCodes.BadTypeMismatch if value is None else await self._write_point(slot, value)

    def _hold(self, node: SpaceNode, variable: VariableAttributes, item: WriteItem, context: SessionContext) -> None:
        """Write a variable whose value is kept at its node; the gateway gives StatusCodes too, and any type."""
        if callable(node.value) and not context.is_gateway:
            raise AttributeRefused(StatusCodes.BadNotWritable)
        variant = self._new_value(node, variable, item, checked=not context.is_gateway)
        moment = self._attributes.clock()
        given = item.value
        source_time = moment if given.source_time is None else given.source_time
        node.value = HeldValue(variant, given.status or 0, source_time, moment)

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
                raise AttributeRefused(StatusCodes.BadTypeMismatch)
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
