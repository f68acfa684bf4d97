"""Browse and BrowseNext from the bytes of a request to those of its response, without objects in between.

A body is what follows the RequestHeader, and what follows the ResponseHeader (Part 6 v1.05 5.2.9; Part 4 v1.05 5.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes

from server.address_space.decoding import Cursor as Reader
from server.address_space.decoding import DecodingError
from server.address_space.encoding import encode_bytes
from server.address_space.operation_count import check_count
from server.address_space.space import AddressSpace
from server.address_space.view.browsing import Answer, Browsing
from server.address_space.view.limits import ViewLimits
from server.address_space.view.records import ReferenceRecords
from server.address_space.view.request import BrowseRequest, ViewWanted, Wanted
from server.address_space.view.session import ViewSession
from server.address_space.view.steps import Steps, in_turns

_INT32 = Struct("<i")
_STATUS = Struct("<I")
_NO_DIAGNOSTICS = b"\xff\xff\xff\xff"
_LEAST_WANTED = 17
"""Bytes of the shortest BrowseDescription."""
_LEAST_POINT = 4


class ViewWire:
    """Answers encoded requests. Methods raise :class:`ServiceError`: BadDecodingError for bytes that are no request."""

    def __init__(self, space: AddressSpace, browsing: Browsing, limits: ViewLimits) -> None:
        """Answer from ``browsing``."""
        self._browsing = browsing
        self._limits = limits
        self._records = ReferenceRecords(space)

    async def browse(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a BrowseRequest with those of a BrowseResponse."""
        return await in_turns(self._browse(session, body))

    async def browse_next(self, session: ViewSession, body: bytes) -> bytes:
        """Answer the parameters of a BrowseNextRequest with those of a BrowseNextResponse."""
        return await in_turns(self._browse_next(session, body))

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
