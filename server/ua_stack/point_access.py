"""Read and Write of points: values come straight from the process image, writes go where the value comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace, AttributeService

from core.datatypes import DataType
from core.image import ProcessImage
from server.ua_stack.values import from_variant, status_code, to_datavalue

WritePoint = Callable[[int, Any], Awaitable[int]]
"""Writes an engineering value to a slot and gives the StatusCode that the device, or the image, answered with."""


class PointAccess(AttributeService):
    """asyncua's attribute service with the points' Value attribute taken over.

    Seam: ``InternalServer.attribute_service``.
    """

    def __init__(self, aspace: AddressSpace) -> None:
        """Begin without points; :meth:`bind` brings them."""
        super().__init__(aspace)
        self._image: ProcessImage | None = None
        self._slots: Mapping[ua.NodeId, int] = {}
        self._write_point: WritePoint | None = None

    def bind(self, image: ProcessImage, slots: Mapping[ua.NodeId, int], write_point: WritePoint) -> None:
        """Answer from ``image`` for the nodes of ``slots`` from now on; a bound Method has no Value to be read."""
        self._image = image
        self._slots = {nodeid: slot for nodeid, slot in slots.items() if not self._is_method(nodeid)}
        self._write_point = write_point

    def slot_of(self, nodeid: ua.NodeId) -> int | None:
        """Give a node's slot, or None for one that is no point."""
        return self._slots.get(nodeid)

    def datatype_of(self, nodeid: ua.NodeId) -> DataType | None:
        """Give a point's data type, or None for a node that is no point."""
        slot = self._slots.get(nodeid)
        return None if slot is None or self._image is None else self._image.points[slot].datatype

    def read_one(self, nodeid: ua.NodeId, attribute: ua.AttributeIds) -> ua.DataValue:
        """Read one attribute of one node."""
        if attribute == ua.AttributeIds.Value and self._image is not None:
            slot = self._slots.get(nodeid)
            if slot is not None:
                return to_datavalue(self._image.read(slot))
        return self._aspace.read_attribute_value(nodeid, attribute)

    def read(self, params: ua.ReadParameters) -> list[ua.DataValue]:
        """Answer a Read; TimestampsToReturn as Part 4 v1.05 7.40 has it."""
        wanted = params.TimestampsToReturn
        results: list[ua.DataValue] = []
        for item in params.NodesToRead:
            is_value = item.AttributeId == ua.AttributeIds.Value
            if is_value and item.IndexRange:  # parts of values come later; the whole is not what was asked for
                results.append(_RANGE_REFUSED)
                continue
            value = self.read_one(item.NodeId, item.AttributeId)
            source = value.SourceTimestamp if is_value and wanted in _WITH_SOURCE else None
            server = value.ServerTimestamp if wanted in _WITH_SERVER else None
            results.append(ua.DataValue(value.Value, value.StatusCode, source, server))
        return results

    async def write(
        self,
        params: ua.WriteParameters,
        user: User = User(role=UserRole.Admin),  # noqa: B008 - asyncua's own signature; the default is never changed
    ) -> list[ua.StatusCode]:
        """Answer a Write; every node its own StatusCode (Part 4 v1.05 5.11.4)."""
        return [await self._write_one(item, user) for item in params.NodesToWrite]

    async def _write_one(self, item: ua.WriteValue, user: User) -> ua.StatusCode:
        slot = self._slots.get(item.NodeId) if item.AttributeId == ua.AttributeIds.Value else None
        if item.NodeId not in self._aspace:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNodeIdUnknown))
        if slot is None or self._image is None or self._write_point is None:
            by_client = user.role is UserRole.User
            if by_client and item.AttributeId == ua.AttributeIds.Value and not self._is_writable(item.NodeId):
                return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotWritable))
            single = ua.WriteParameters()
            single.NodesToWrite = [item]
            return (await super().write(single, user))[0]
        if user.role is UserRole.Anonymous:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadUserAccessDenied))
        if user.role is not UserRole.Admin and not self._is_writable(item.NodeId):
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadNotWritable))
        return await self._write_value(item, self._image.points[slot].datatype, slot, self._write_point)

    async def _write_value(
        self, item: ua.WriteValue, datatype: DataType, slot: int, write_point: WritePoint
    ) -> ua.StatusCode:
        if item.IndexRange:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWriteNotSupported))
        given = item.Value
        if given.StatusCode is not None and given.StatusCode.value != 0:
            # Part 4 v1.05 5.11.4.1: quality is the device's to give. Times are passed over: clients send their own.
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWriteNotSupported))
        variant = given.Value
        if variant is None or variant.Value is None:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTypeMismatch))
        if not self._suits(item.NodeId, variant):
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTypeMismatch))
        try:
            value = from_variant(datatype, variant)
        except TypeError:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTypeMismatch))
        return status_code(await write_point(slot, value))

    def _suits(self, nodeid: ua.NodeId, variant: ua.Variant) -> bool:
        """Tell whether a value has the variable's ValueRank and, where that is a built-in one, its DataType."""
        rank = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.ValueRank).Value
        if rank is not None and rank.Value != ua.ValueRank.Any:
            scalar_only, array_only = rank.Value == ua.ValueRank.Scalar, rank.Value >= 0
            if (scalar_only and variant.is_array) or (array_only and not variant.is_array):
                return False
        kind = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.DataType).Value
        if kind is None or kind.Value.NamespaceIndex != 0 or not 1 <= kind.Value.Identifier <= _LAST_CONCRETE:
            return True
        return variant.VariantType.value == kind.Value.Identifier

    def _is_method(self, nodeid: ua.NodeId) -> bool:
        node_class = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.NodeClass).Value
        return node_class is not None and node_class.Value == ua.NodeClass.Method

    def _is_writable(self, nodeid: ua.NodeId) -> bool:
        level = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.AccessLevel)
        return level.Value is not None and bool(level.Value.Value & (1 << ua.AccessLevel.CurrentWrite))


_LAST_CONCRETE = 21
"""LocalizedText: the last built-in type that is a DataType by itself (Part 6 v1.05 5.1.2)."""
_RANGE_REFUSED = ua.DataValue(None, ua.StatusCode(ua.UInt32(ua.StatusCodes.BadIndexRangeInvalid)))
_WITH_SOURCE = (ua.TimestampsToReturn.Source, ua.TimestampsToReturn.Both)
_WITH_SERVER = (ua.TimestampsToReturn.Server, ua.TimestampsToReturn.Both)
