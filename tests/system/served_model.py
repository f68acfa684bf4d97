"""Everything that a server says of its nodes, fetched over a socket with requests and answers taken apart here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_to_binary

from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.names import NodeName
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.encoding import encode_node_id
from server.address_space.keys import NodeKey, identifier_of, key_of, namespace_of
from server.ua_stack.nodeids import NodeIds

_T = TypeVar("_T")
BATCH = 5_000
NODES = 500
_BOTH_WAYS = 2
_FIELDS = 0x03
"""ReferenceTypeId and IsForward."""
_HEADER = 4 + 8 + 4
"""A response's type, its time and its handle."""


class Told(NamedTuple):
    """One reference as Browse tells it."""

    node: NodeName
    type: NodeName
    target: NodeName
    forward: bool


class ServedModel:
    """A client's view of a whole server."""

    def __init__(self, client: Client, namespaces: Sequence[str]) -> None:
        self._protocol: Any = client.uaclient.protocol
        self._nodeids = NodeIds(namespaces)
        self.namespaces = ListedNamespaces(namespaces)

    def key(self, name: NodeName) -> NodeKey:
        return key_of(self._nodeids.from_name(name))

    def name(self, key: NodeKey) -> NodeName:
        kinds = {int: "i", str: "s", bytes: "b"}
        identifier = identifier_of(key)
        return NodeName(self.namespaces.uri_of(namespace_of(key)), kinds.get(type(identifier), "g"), identifier)  # type: ignore[arg-type]

    async def read(self, asked: Iterable[tuple[NodeName, int]]) -> AsyncIterator[tuple[NodeName, int, GivenValue]]:
        """Read attributes, some thousand a request."""
        for some in _batched(asked, BATCH):
            items = b"".join(
                encode_node_id(self.key(name))
                + attribute.to_bytes(4, "little")
                + b"\xff" * 4
                + b"\x00\x00"
                + b"\xff" * 4
                for name, attribute in some
            )
            body = b"\x00" * 8 + b"\x03\x00\x00\x00" + len(some).to_bytes(4, "little") + items
            cursor = await self._ask(ua.ObjectIds.ReadRequest_Encoding_DefaultBinary, body)
            assert cursor.int32() == len(some)
            for name, attribute in some:
                yield name, attribute, cursor.data_value()

    async def references(self, names: Iterable[NodeName]) -> AsyncIterator[Told]:
        """Browse nodes both ways, to the end."""
        for some in _batched(names, NODES):
            wanted = b"".join(
                encode_node_id(self.key(name))
                + _BOTH_WAYS.to_bytes(4, "little") + b"\x00\x00\x01" + b"\x00" * 4 + _FIELDS.to_bytes(4, "little")
                for name in some
            )  # fmt: skip
            body = b"\x00\x00" + b"\x00" * 12 + b"\x00" * 4 + len(some).to_bytes(4, "little") + wanted
            cursor = await self._ask(ua.ObjectIds.BrowseRequest_Encoding_DefaultBinary, body)
            waiting = list(some)
            while waiting:
                assert cursor.int32() == len(waiting)
                more: list[tuple[NodeName, bytes]] = []
                again: list[NodeName] = []
                for name in waiting:
                    status, point = cursor.uint32(), cursor.bytes()
                    for told in self._told(name, cursor):
                        yield told
                    if point:
                        more.append((name, point))
                    elif status:
                        assert status == ua.StatusCodes.BadNoContinuationPoints, f"{name}: 0x{status:08X}"
                        again.append(name)
                if again:  # more nodes were long than a session has continuation points
                    async for told in self.references(again):
                        yield told
                if not more:
                    break
                points = b"".join(len(point).to_bytes(4, "little") + point for _, point in more)
                body = b"\x00" + len(more).to_bytes(4, "little") + points
                cursor = await self._ask(ua.ObjectIds.BrowseNextRequest_Encoding_DefaultBinary, body)
                waiting = [name for name, _ in more]

    def _told(self, name: NodeName, cursor: Cursor) -> Iterator[Told]:
        for _ in range(max(cursor.int32(), 0)):
            kind, forward, target = cursor.node_id(), bool(cursor.byte()), cursor.node_id()
            cursor.qualified_name()
            cursor.localized_text()
            cursor.uint32()
            cursor.node_id()
            yield Told(name, self.name(kind), self.name(target), forward)

    async def _ask(self, kind: int, body: bytes) -> Cursor:
        """Send parameters that are encoded already, and give the answer from its parameters on."""
        protocol, header = self._protocol, ua.RequestHeader()
        protocol._setup_request_header(header, 60)
        protocol._request_id += 1
        message = encode_node_id(kind) + struct_to_binary(header) + body
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        protocol._callbackmap[protocol._request_id] = answer
        protocol.transport.write(protocol._connection.message_to_binary(message, request_id=protocol._request_id))
        cursor = Cursor(bytes(await asyncio.wait_for(answer, 60)), _HEADER)
        status = cursor.uint32()
        assert status == 0, f"0x{status:08X}"
        cursor.take(1 + 4 + 3)  # no diagnostics, no strings, no additional header
        return cursor


def _batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
