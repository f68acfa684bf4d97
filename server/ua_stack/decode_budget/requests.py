"""Whether a request may be handed to asyncua's decoder (threats 3, 4, 19, 24)."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from server.address_space.decoding import Cursor, DecodingError
from server.address_space.extents import MOST_VALUES
from server.address_space.keys import NodeKey, numeric_key
from server.ua_stack.decode_budget.built_in import BuiltIn, walk_variant
from server.ua_stack.decode_budget.structures import KnownStructures, Structure
from server.ua_stack.decode_budget.walk import Walk

MOST_BEFORE_LOG_IN = 2_000
"""Values in a request that anybody may send: a thousand times what such requests have."""
_WITHOUT_SESSION = (
    "OpenSecureChannel",
    "CloseSecureChannel",
    "CreateSession",
    "ActivateSession",
    "GetEndpoints",
    "FindServers",
    "FindServersOnNetwork",
    "RegisterServer",
    "RegisterServer2",
)
_OF_ALL = ("TypeId", "RequestHeader")
_STRUCTURES = KnownStructures()


class UnknownRequestError(DecodingError):
    """No service has such a request."""

    status = StatusCodes.BadServiceUnsupported


class _Request:
    """The parameters of one type of request, and how many values it may have."""

    def __init__(self, kind: type, most: int) -> None:
        self._kind = kind
        self._parameters: Structure | None = None
        self.most = most

    @property
    def parameters(self) -> Structure:
        """What follows the RequestHeader; described when it is asked for first."""
        if self._parameters is None:
            structure = Structure(self._kind)
            structure.describe(_parameters(self._kind))
            self._parameters = structure
        return self._parameters


def _parameters(kind: type) -> list[tuple[int, BuiltIn]]:
    described = zip((field.name for field in fields(kind)), _STRUCTURES.fields(kind), strict=True)
    return [field for name, field in described if name not in _OF_ALL]


def _requests() -> dict[NodeKey, _Request]:
    found: dict[NodeKey, _Request] = {}
    for name, kind in vars(ua).items():
        service = name.removesuffix("Request")
        encoding = getattr(ua.ObjectIds, f"{name}_Encoding_DefaultBinary", None)
        if service == name or encoding is None or not is_dataclass(kind) or not hasattr(kind, "RequestHeader"):
            continue
        most = MOST_BEFORE_LOG_IN if service in _WITHOUT_SESSION else MOST_VALUES
        found[numeric_key(0, int(encoding))] = _Request(cast("type", kind), most)
    return found


_REQUESTS = _requests()
_HEADER = _STRUCTURES.of(ua.RequestHeader)


def check_request(kind: NodeKey, data: bytes, at: int) -> None:
    """Walk a request as asyncua would decode it, its RequestHeader included; nothing is made of it.

    ``kind`` is the NodeId of its encoding, ``data`` the whole message from that NodeId on, ``at`` where its parameters
    begin. Raises :class:`DecodingError`, whose ``status`` is what the client is to be told: BadDecodingError;
    BadEncodingLimitsExceeded for more values, or levels, than anybody needs; BadServiceUnsupported for no request.
    """
    request = _REQUESTS.get(kind)
    if request is None:
        message = f"{kind!r:.100} is no request"
        raise UnknownRequestError(message)
    walk = Walk(data, 0, _STRUCTURES, request.most)
    walk.pass_node_id()
    _HEADER(walk)
    if walk.at != at:
        message = f"the parameters begin at {walk.at}, not at {at}"
        raise DecodingError(message)
    request.parameters(walk)


def take_structure(kind: type, cursor: Cursor) -> bytes:
    """Walk a structure that stands in a message, and give its bytes; its values are of the cursor's budget.

    Raises :class:`DecodingError` for what asyncua could not decode.
    """
    begin = cursor.at
    walk = Walk(cursor.data, begin, _STRUCTURES, cursor.left)
    try:
        _STRUCTURES.of(kind)(walk)
    finally:
        cursor.left, cursor.at = walk.left, walk.at
    return cursor.data[begin : walk.at]


def check_variant(variant: bytes) -> None:
    """Walk a Variant likewise, of which asyncua is to make an object. Raises :class:`DecodingError`."""
    walk_variant(Walk(variant, 0, _STRUCTURES))
