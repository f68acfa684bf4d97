"""The View services from the bytes of a request to those of its response, without objects in between.

A body is what follows the RequestHeader, and what follows the ResponseHeader (Part 6 v1.05 5.2.9; Part 4 v1.05 5.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

from server.address_space.decoding import Cursor as Reader
from server.address_space.decoding import DecodingError
from server.address_space.encoding import encode_array, encode_bytes, encode_node_id, encode_uint32
from server.address_space.keys import NodeKey
from server.address_space.node import BrowseName
from server.address_space.operation_count import check_count
from server.address_space.space import AddressSpace
from server.address_space.view.browsing import Answer, Browsing
from server.address_space.view.limits import ViewLimits
from server.address_space.view.paths import FOLLOWED_TO_THE_END, Allowance, Element, Paths, Targets
from server.address_space.view.records import ReferenceRecords
from server.address_space.view.registering import register, unregister
from server.address_space.view.request import BrowseRequest, ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import Steps, in_turns

_INT32 = Struct("<i")
_STATUS = Struct("<I")
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_LEAST_WANTED = 17
"""Bytes of the shortest BrowseDescription."""
_LEAST_POINT = 4
_LEAST_NODE = 2
_LEAST_PATH = 6
_LEAST_ELEMENT = 10
_FOLLOWED = encode_uint32(FOLLOWED_TO_THE_END)


class ViewWire:
    """Answers encoded requests. Methods raise :class:`ServiceError`: BadDecodingError for bytes that are no request."""

    def __init__(self, space: AddressSpace, browsing: Browsing, paths: Paths, limits: ViewLimits) -> None:
        """Answer from ``browsing`` and ``paths``."""
        self._browsing = browsing
        self._paths = paths
        self._limits = limits
        self._records = ReferenceRecords(space)
        self._rights = space.rights

    async def browse(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a BrowseRequest with those of a BrowseResponse."""
        return await in_turns(self._browse(session, body))

    async def browse_next(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a BrowseNextRequest with those of a BrowseNextResponse."""
        return await in_turns(self._browse_next(session, body))

    async def translate(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a TranslateBrowsePathsToNodeIdsRequest with those of its response."""
        return await in_turns(self._translate(session, body))

    def register(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a RegisterNodesRequest with those of its response."""
        nodes = decode_nodes(body, self._limits.nodes_per_register)
        register(session, nodes, self._limits.nodes_per_register)
        return encode_array([encode_node_id(node) for node in nodes])

    def unregister(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of an UnregisterNodesRequest; its response has none."""
        nodes = decode_nodes(body, self._limits.nodes_per_register)
        unregister(session, nodes, self._limits.nodes_per_register)
        return b""

    def _translate(self, session: ViewSession, body: bytes) -> Steps[bytes]:
        limits, sight = self._limits, self._rights.sight(session.context)
        paths = yield from decode_paths(body, limits.paths_per_translate, limits.path_elements)
        allowance = Allowance(limits, targets=limits.references_per_response)
        parts = [_INT32.pack(len(paths))]
        for start, elements in paths:
            parts.append(_encode_targets((yield from self._paths.follow(start, elements, allowance, sight))))
            yield
        parts.append(_NO_DIAGNOSTICS)
        return b"".join(parts)

    def _browse(self, session: ViewSession, body: bytes) -> Steps[bytes]:
        request = yield from decode_browse(body, self._limits.nodes_per_browse)
        return encode_results((yield from self._browsing.browse(session, request, self._records.describe)))

    def _browse_next(self, session: ViewSession, body: bytes) -> Steps[bytes]:
        release, points = decode_browse_next(body, self._limits.nodes_per_browse)
        answers = yield from self._browsing.browse_next(session, points, self._records.describe, release=release)
        return encode_results(answers)


def decode_browse(body: bytes, most: int) -> Steps[BrowseRequest]:
    """Read the parameters of a BrowseRequest with up to ``most`` nodes. Raises :class:`ServiceError`."""
    reader = Reader(body)
    try:
        view = ViewWanted(reader.node_id(), reader.int64(), reader.uint32())
        references = reader.uint32()
        count = reader.count(_LEAST_WANTED)
        check_count(count, most)
        nodes: list[Wanted] = []
        for _ in range(count):
            nodes.append(_wanted(reader))
            yield
    except DecodingError as error:
        raise ServiceError(StatusCodes.BadDecodingError) from error
    return BrowseRequest(nodes, view, references)


def decode_browse_next(body: bytes, most: int) -> tuple[bool, list[bytes | None]]:
    """Read the parameters of a BrowseNextRequest: whether to release, and the continuation points. Raises likewise."""
    reader = Reader(body)
    try:
        release = bool(reader.byte())
        count = reader.count(_LEAST_POINT)
        check_count(count, most)
        points = [reader.bytes() for _ in range(count)]
    except DecodingError as error:
        raise ServiceError(StatusCodes.BadDecodingError) from error
    return release, points


def decode_paths(body: bytes, most: int, longest: int) -> Steps[list[tuple[NodeKey, list[Element]]]]:
    """Read up to ``most`` BrowsePaths. Raises :class:`ServiceError`.

    Of a path with more than ``longest`` elements one more than those is kept, which tells that it is too long.
    """
    reader = Reader(body)
    try:
        count = reader.count(_LEAST_PATH)
        check_count(count, most)
        paths: list[tuple[NodeKey, list[Element]]] = []
        for _ in range(count):
            start = reader.node_id()
            elements: list[Element] = []
            for position in range(reader.count(_LEAST_ELEMENT)):
                element = _element(reader)
                if position <= longest:
                    elements.append(element)
                yield
            paths.append((start, elements))
            yield
    except DecodingError as error:
        raise ServiceError(StatusCodes.BadDecodingError) from error
    return paths


def decode_nodes(body: bytes, most: int) -> list[NodeKey]:
    """Read an array of up to ``most`` NodeIds, which are not looked at before they are counted. Raises likewise."""
    reader = Reader(body)
    try:
        count = reader.count(_LEAST_NODE)
        check_count(count, most)
        return [reader.node_id() for _ in range(count)]
    except DecodingError as error:
        raise ServiceError(StatusCodes.BadDecodingError) from error


def _element(reader: Reader) -> Element:
    kind, inverse, subtypes = reader.node_id(), bool(reader.byte()), bool(reader.byte())
    namespace, name = reader.qualified_name()
    return Element(BrowseName(namespace, name) if name else None, kind, inverse, subtypes)


def _encode_targets(found: Targets) -> bytes:
    """Write a BrowsePathResult (5.9.4.2)."""
    targets = [encode_node_id(key) + _FOLLOWED for key in found.targets]
    return _STATUS.pack(found.status) + encode_array(targets)


def _wanted(reader: Reader) -> Wanted:
    return Wanted(
        node=reader.node_id(),
        direction=reader.int32(),
        reference_type=reader.node_id(),
        subtypes=bool(reader.byte()),
        classes=reader.uint32(),
        fields=reader.uint32(),
    )


def encode_results(answers: Sequence[Answer[bytes]]) -> bytes:
    """Write an array of BrowseResults and the empty DiagnosticInfos that follow it."""
    parts = [_INT32.pack(len(answers))]
    for answer in answers:
        parts.append(_STATUS.pack(answer.status) + encode_bytes(answer.point) + _INT32.pack(answer.count))
        parts += answer.references
    parts.append(_NO_DIAGNOSTICS)
    return b"".join(parts)
