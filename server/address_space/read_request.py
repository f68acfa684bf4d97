"""A Read request's body behind the RequestHeader (Part 4 v1.05 5.11.2.2), and the answer to one of its items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from asyncua.common.utils import ServiceError
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from nodesets.built_in_types import BuiltInType
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused, Attributes
from server.address_space.decoding import Cursor, DecodingError, GivenValue
from server.address_space.encoding import HAS_SERVER, HAS_SOURCE, TYPE, encode_data_value
from server.address_space.index_range import IndexRangeRefused, RangeReader, parse_index_range
from server.address_space.keys import MAX_IDENTIFIER, NodeKey, identifier_of, is_null
from server.address_space.node import SpaceNode
from server.address_space.operation_count import check_count
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.subscriptions.encoding import Timestamps

# TimestampsToReturn (Part 4 v1.05 7.40): Source, Server, Both, Neither.
_TIMESTAMPS = (Timestamps.SOURCE, Timestamps.SERVER, Timestamps.BOTH, Timestamps.NEITHER)
_LARGE = 1024
_LEAST_ITEM = 16
"""Bytes of the shortest ReadValueId."""
_DEFAULT_BINARY = (0, "Default Binary")
_KNOWN_ENCODINGS = frozenset({"Default XML", "Default JSON"})


class ReadItem(NamedTuple):
    """One attribute to be read. ``encoding``: index and name, both empty for the default."""

    key: NodeKey
    attribute: int = AttributeIds.Value
    index_range: str | None = None
    encoding: tuple[int, str | None] = (0, None)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What is to be read, and which times come with it."""

    items: tuple[ReadItem, ...]
    timestamps: Timestamps

    @classmethod
    def decode(cls, body: bytes, most: int) -> ReadRequest:
        """Read a body. Raises :class:`ServiceError` with the service's result where there is nothing to answer.

        ``most``: MaxNodesPerRead (Part 5 v1.05 6.3.11).
        """
        cursor = Cursor(body)
        try:
            max_age, timestamps = cursor.double(), cursor.int32()
            count = cursor.count(_LEAST_ITEM)
            check_read(max_age, timestamps, count, most)
            items = tuple(
                ReadItem(cursor.node_id(), cursor.uint32(), cursor.string(), cursor.qualified_name())
                for _ in range(count)
            )
        except DecodingError:
            raise ServiceError(StatusCodes.BadDecodingError) from None
        return cls(items, _TIMESTAMPS[timestamps])


def check_read(max_age: float, timestamps: int, count: int, most: int) -> None:
    """Raise :class:`ServiceError` for a request that is refused as a whole (Part 4 v1.05 5.11.2.3)."""
    check_count(count, most)
    if max_age < 0.0 or math.isnan(max_age):
        raise ServiceError(StatusCodes.BadMaxAgeInvalid)
    if not 0 <= timestamps < len(_TIMESTAMPS):
        raise ServiceError(StatusCodes.BadTimestampsToReturnInvalid)


def timestamps_of(timestamps: int) -> Timestamps:
    """Give the times of a TimestampsToReturn that :func:`check_read` has passed."""
    return _TIMESTAMPS[timestamps]


def node_of(space: AddressSpace, key: NodeKey) -> SpaceNode:
    """Find a node. Raises :class:`AttributeRefused`: BadNodeIdUnknown, or BadNodeIdInvalid for what is no NodeId."""
    node = space.nodes.get(key)
    if node is not None:
        return node
    if is_null(key):
        raise AttributeRefused(StatusCodes.BadNodeIdInvalid)
    identifier = identifier_of(key)
    if isinstance(identifier, (str, bytes)) and len(identifier) > MAX_IDENTIFIER:
        raise AttributeRefused(StatusCodes.BadNodeIdInvalid)
    raise AttributeRefused(StatusCodes.BadNodeIdUnknown)


def known_node(space: AddressSpace, key: NodeKey, context: SessionContext) -> SpaceNode:
    """Find a node as :func:`node_of` does; one that is hidden from a session is as unknown as one that is not there.

    So whatever else is wrong with a request does not tell that there is such a node.
    """
    node = node_of(space, key)
    if space.rights.hides(node, context):
        raise AttributeRefused(StatusCodes.BadNodeIdUnknown)
    return node


class Reading:
    """The items of one request; what is large is read and taken apart once, however often the request names it."""

    def __init__(self, attributes: Attributes, timestamps: Timestamps, context: SessionContext) -> None:
        """Answer ``context`` from ``attributes``."""
        self._attributes = attributes
        self._timestamps = timestamps
        self._context = context
        self._large: dict[tuple[NodeKey, int], GivenValue] = {}
        self._ranges = RangeReader()

    def item(self, item: ReadItem) -> bytes:
        """Give the encoded DataValue of one item; whatever is wrong with it is its StatusCode."""
        try:
            node = known_node(self._attributes.space, item.key, self._context)
            bounds = None if not item.index_range else parse_index_range(item.index_range)
            encoded, status, source_time, server_time = self._read(node, item)
            check_encoding(node, item, encoded)
            if bounds is not None and encoded is not None:
                encoded = self._ranges.read(encoded, bounds)
        except (AttributeRefused, IndexRangeRefused) as refused:
            return encode_data_value(None, refused.status, None, None)
        except DecodingError:  # the value is not what its own type says
            return encode_data_value(None, StatusCodes.BadDecodingError, None, None)
        return encode_data_value(
            encoded,
            status or 0,
            source_time if self._timestamps & HAS_SOURCE else None,
            server_time if self._timestamps & HAS_SERVER else None,
        )

    def _read(self, node: SpaceNode, item: ReadItem) -> GivenValue:
        known = self._large.get((item.key, item.attribute)) if self._large else None
        if known is None:
            known = self._attributes.read(node, item.attribute, self._context)
            if known.variant is not None and len(known.variant) > _LARGE:
                self._large[item.key, item.attribute] = known
        return known


def read_item(attributes: Attributes, item: ReadItem, timestamps: Timestamps, context: SessionContext) -> bytes:
    """Give the encoded DataValue of a single item, as :meth:`Reading.item` does."""
    return Reading(attributes, timestamps, context).item(item)


def check_encoding(node: SpaceNode, item: ReadItem, encoded: bytes | None) -> None:
    """Refuse a DataEncoding that is not ours, or not for this value (Part 4 v1.05 5.11.2.2, dataEncoding)."""
    namespace, name = item.encoding
    if not name and not namespace:
        return
    is_structure = encoded is not None and encoded[0] & TYPE == BuiltInType.ExtensionObject
    is_value = item.attribute == AttributeIds.Value and node.node_class in (NodeClass.VARIABLE, NodeClass.VARIABLE_TYPE)
    if not is_value or not is_structure:
        raise AttributeRefused(StatusCodes.BadDataEncodingInvalid)
    if item.encoding == _DEFAULT_BINARY:
        return
    known = not namespace and name in _KNOWN_ENCODINGS
    raise AttributeRefused(StatusCodes.BadDataEncodingUnsupported if known else StatusCodes.BadDataEncodingInvalid)
