"""Read and Write of points: values come straight from the process image, writes go where the value comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.address_space import AddressSpace, AttributeService

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
            value = self.read_one(item.NodeId, item.AttributeId)
            is_value = item.AttributeId == ua.AttributeIds.Value
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
        if item.IndexRange:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadWriteNotSupported))
        variant = item.Value.Value
        if variant is None or variant.Value is None:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTypeMismatch))
        try:
            value = from_variant(self._image.points[slot].datatype, variant)
        except TypeError:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTypeMismatch))
        return status_code(await self._write_point(slot, value))

    def _is_method(self, nodeid: ua.NodeId) -> bool:
        node_class = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.NodeClass).Value
        return node_class is not None and node_class.Value == ua.NodeClass.Method

    def _is_writable(self, nodeid: ua.NodeId) -> bool:
        level = self._aspace.read_attribute_value(nodeid, ua.AttributeIds.AccessLevel)
        return level.Value is not None and bool(level.Value.Value & (1 << ua.AccessLevel.CurrentWrite))


_WITH_SOURCE = (ua.TimestampsToReturn.Source, ua.TimestampsToReturn.Both)
_WITH_SERVER = (ua.TimestampsToReturn.Server, ua.TimestampsToReturn.Both)
