"""An EventFilter as a client sends it (Part 4 v1.05 7.22.3), read off its bytes. Nothing here trusts a length."""

from __future__ import annotations

from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds

from core.errors import PlantspaceError
from server.address_space.decoding import Cursor
from server.address_space.extents import DecodingError
from server.address_space.keys import NodeKey, numeric_key

MAX_SELECT_CLAUSES = 500
"""What ServerCapabilities tell as MaxSelectClauseParameters."""
MAX_ELEMENTS = 32
"""Elements of a where-clause, which ServerCapabilities tell as MaxWhereClauseParameters."""
MAX_OPERANDS = 1024
"""Operands of all elements of a where-clause together."""
MAX_BYTES = 256 * 1024
"""Bytes of a filter: browse paths and literals are what a message has room for, and are kept as objects."""
_ELEMENT = numeric_key(0, ObjectIds.ElementOperand_Encoding_DefaultBinary)
_LITERAL = numeric_key(0, ObjectIds.LiteralOperand_Encoding_DefaultBinary)
_SIMPLE_ATTRIBUTE = numeric_key(0, ObjectIds.SimpleAttributeOperand_Encoding_DefaultBinary)
_BYTES = 1
"""The ExtensionObject's body is a ByteString (Part 6 v1.05 5.2.2.15)."""
_LEAST_CLAUSE, _LEAST_NAME, _LEAST_ELEMENT, _LEAST_OPERAND = 14, 6, 8, 3
"""Bytes that one of them has at least."""


class EventFilterUnreadableError(PlantspaceError):
    """The bytes are no EventFilter, or one with more clauses than anybody may send."""


class ElementReference(NamedTuple):
    """ElementOperand: the value of another element."""

    element: int


class Literal(NamedTuple):
    """LiteralOperand: an encoded Variant."""

    variant: bytes


class SimpleAttribute(NamedTuple):
    """SimpleAttributeOperand, which a select clause is, too. A name of the path that is null is None."""

    type: NodeKey
    path: tuple[tuple[int, str | None], ...]
    attribute: int
    index_range: str | None


class OtherOperand(NamedTuple):
    """An operand that EventFilters have not got: an AttributeOperand, or nothing that anybody knows."""

    kind: NodeKey


Operand = ElementReference | Literal | SimpleAttribute | OtherOperand


class AskedElement(NamedTuple):
    """ContentFilterElement; ``operator`` may be none of FilterOperator."""

    operator: int
    operands: tuple[Operand, ...]


class AskedFilter(NamedTuple):
    """EventFilter."""

    select: tuple[SimpleAttribute, ...]
    where: tuple[AskedElement, ...]


def read_event_filter(body: bytes) -> AskedFilter:
    """Read an EventFilter's binary encoding. Raises :class:`EventFilterUnreadableError`."""
    if len(body) > MAX_BYTES:
        message = f"the EventFilter has {len(body)} bytes where {MAX_BYTES} are allowed"
        raise EventFilterUnreadableError(message)
    cursor = Cursor(body)
    try:
        select = tuple(_clause(cursor) for _ in range(_within(cursor.count(_LEAST_CLAUSE), MAX_SELECT_CLAUSES)))
        return AskedFilter(select, _elements(cursor))
    except DecodingError as error:
        message = f"the EventFilter cannot be decoded: {error}"
        raise EventFilterUnreadableError(message) from None


def _elements(cursor: Cursor) -> tuple[AskedElement, ...]:
    elements: list[AskedElement] = []
    operands = 0
    for _ in range(_within(cursor.count(_LEAST_ELEMENT), MAX_ELEMENTS)):
        number = cursor.int32()
        count = cursor.count(_LEAST_OPERAND)
        operands = _within(operands + count, MAX_OPERANDS)
        elements.append(AskedElement(number, tuple(_operand(cursor) for _ in range(count))))
    return tuple(elements)


def _within(count: int, most: int) -> int:
    if count > most:
        message = f"the EventFilter has {count} parts where {most} are allowed"
        raise EventFilterUnreadableError(message)
    return count


def _operand(cursor: Cursor) -> Operand:
    kind = cursor.node_id()
    form = cursor.byte()
    body = Cursor((cursor.bytes() if form else None) or b"")
    if form == _BYTES:
        if kind == _ELEMENT:
            return ElementReference(body.uint32())
        if kind == _LITERAL:
            return Literal(body.variant())
        if kind == _SIMPLE_ATTRIBUTE:
            return _clause(body)
    return OtherOperand(kind)


def _clause(cursor: Cursor) -> SimpleAttribute:
    kind = cursor.node_id()
    path = tuple(cursor.qualified_name() for _ in range(cursor.count(_LEAST_NAME)))
    return SimpleAttribute(kind, path, cursor.uint32(), cursor.string())
