"""Read and Write with asyncua's objects, for the gateway's own code (seam: ``InternalServer.attribute_service``).

Clients' requests do not come this way: they stay encoded (:mod:`server.ua_stack.processor`).
"""

from __future__ import annotations

from collections.abc import Mapping

from asyncua import ua

from core.datatypes import DataType
from core.image import ProcessImage
from nodesets.nodes import NodeClass
from server.address_space.asyncua_services import UaAttributeService
from server.address_space.attributes import Attributes
from server.address_space.keys import NodeKey, key_of
from server.address_space.points import Points, WritePoint
from server.address_space.structured import StructuredVariable
from server.address_space.writing import Writing


class PointAccess(UaAttributeService):
    """The attribute service, and which node is which point."""

    def __init__(self, attributes: Attributes, writing: Writing) -> None:
        """Begin without points; :meth:`bind` brings them."""
        super().__init__(attributes, writing)
        self._nodes = attributes
        self._writing_of_points = writing

    def bind(
        self,
        image: ProcessImage,
        slots: Mapping[ua.NodeId, int],
        write_point: WritePoint,
        structured: Mapping[ua.NodeId, StructuredVariable] | None = None,
    ) -> None:
        """Answer from ``image`` for the nodes of ``slots`` from now on; a bound Method has no Value to be read.

        ``structured``: variables that are composed of points.
        """
        space = self._nodes.space
        by_key: dict[NodeKey, int] = {}
        for nodeid, slot in slots.items():
            key = key_of(nodeid)
            if space[key].node_class is NodeClass.VARIABLE:
                by_key[key] = slot
        composed = {key_of(nodeid): variable for nodeid, variable in (structured or {}).items()}
        self._nodes.bind(Points(image, by_key, composed))
        self._writing_of_points.bind(write_point)

    def slot_of(self, nodeid: ua.NodeId) -> int | None:
        """Give a node's slot, or None for one that is no point."""
        points = self._nodes.points
        return None if points is None else points.slots.get(key_of(nodeid))

    def datatype_of(self, nodeid: ua.NodeId) -> DataType | None:
        """Give a point's data type, or None for a node that is no point."""
        points, slot = self._nodes.points, self.slot_of(nodeid)
        return None if slot is None or points is None else points.image.points[slot].datatype
