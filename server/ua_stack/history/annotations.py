"""Annotations: notes that people leave at moments of a variable's history (Part 11 v1.05 5.1.2, 6.5.6, 6.9.3).

They are the history of the variable's Property ``Annotations``, and have a point of their own in the store: a
ByteString each, an encoded Annotation. One is the same as another at its moment if user and AnnotationTime are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, cast

import numpy as np
from asyncua import ua

from core.batch import TimeArray
from core.datatypes import DataType
from historian.contract import Cursor as StoreCursor
from historian.contract import HistoryReader
from historian.editing import HistoryEditor, Modification, PointSamples, UpdateKind
from historian.raw_read import PAGE_BYTES
from nodesets.built_in_types import BuiltInType
from server.address_space.decoding import Cursor, DecodingError, GivenValue
from server.address_space.encoding import encode_data_value, encode_extension_object, encode_string
from server.address_space.keys import numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.rights import READING_HISTORY, Use
from server.address_space.session_context import SessionContext
from server.address_space.space import AddressSpace
from server.subscriptions.encoding import Timestamps
from server.ua_stack.history.limits import LEAST_SIZE, OBJECT_VALUES
from server.ua_stack.history.pages import HISTORY_DATA, Page, UpdateResult

ANNOTATIONS: Final = BrowseName(0, "Annotations")
HAS_PROPERTY: Final = numeric_key(0, ua.ObjectIds.HasProperty)
REMOVE: Final = 4
"""PerformUpdateType beside those of :class:`~historian.editing.UpdateKind` (Part 11 v1.05 6.9.1.3)."""
MOST_AT_A_MOMENT: Final = 100
"""Annotations of a variable with one source time: they are read and written as one."""
ANNOTATION_BYTES: Final = 64 * 1024
"""Of one Annotation, its text, user and time."""
_BAD: Final = 0x80000000
_ENCODING: Final = numeric_key(0, ua.ObjectIds.Annotation_Encoding_DefaultBinary)
_codes = ua.StatusCodes


class Annotation(NamedTuple):
    """An Annotation (Part 11 v1.05 5.1.2); ``moment``: AnnotationTime in ticks."""

    message: str | None
    user: str
    moment: int

    def to_bytes(self) -> bytes:
        """Write the structure's body."""
        return encode_string(self.message) + encode_string(self.user) + self.moment.to_bytes(8, "little", signed=True)

    @classmethod
    def from_bytes(cls, body: bytes) -> Annotation:
        """Read a body. Raises :class:`DecodingError`."""
        cursor = Cursor(body)
        return cls(cursor.string(), cursor.string() or "", cursor.int64())


def annotated(space: AddressSpace, node: SpaceNode) -> SpaceNode | None:
    """Give the variable whose Annotations Property a node is, None for any other node."""
    if node.browse_name != ANNOTATIONS:
        return None
    return next((space.get(source) for kind, source in node.inverse if kind == HAS_PROPERTY), None)


def annotations_of(space: AddressSpace, node: SpaceNode) -> SpaceNode | None:
    """Give a variable's Annotations Property, None where it has none."""
    found = (space.get(to) for kind, to in node.forward if kind == HAS_PROPERTY)
    return next((one for one in found if one is not None and one.browse_name == ANNOTATIONS), None)


def used_refusal(space: AddressSpace, node: SpaceNode, context: SessionContext, use: Use) -> int:
    """Give the StatusCode that refuses a use of a node's history, 0 where it is allowed.

    A variable and its Annotations Property have one history: whoever uses the Property's needs the rights of both.
    """
    variable = annotated(space, node)
    refused = space.rights.value_refusal(node, context, use)
    return refused or (0 if variable is None else space.rights.value_refusal(variable, context, use))


def read_refusal(space: AddressSpace, node: SpaceNode, context: SessionContext, *, notes: bool) -> int:
    """Give the StatusCode of a node whose history a session may not read, 0 where it may.

    ``notes``: a variable's annotations are told too, for which the Property's own rights are needed.
    """
    refused = used_refusal(space, node, context, READING_HISTORY)
    held = annotations_of(space, node) if notes and not refused else None
    if held is None:
        return refused
    refused = space.rights.value_refusal(held, context, READING_HISTORY)
    # the variable itself is no secret
    return _codes.BadUserAccessDenied if refused == _codes.BadNodeIdUnknown else refused


def annotation_variant(body: bytes) -> bytes:
    """Make a Variant of a kept Annotation."""
    return bytes((BuiltInType.ExtensionObject,)) + encode_extension_object(_ENCODING, body)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationRead:
    """The annotations at certain moments (ReadAnnotationDataDetails), in the order asked for.

    ``times``: int64[n] ticks, those that are left, each once; ``cursor``: where it goes on within the first of them.
    """

    store: HistoryReader
    point: str
    times: TimeArray
    cursor: StoreCursor | None = None

    kind = HISTORY_DATA

    @property
    def most(self) -> int:
        """Annotations, and moments without any, in a page."""
        return OBJECT_VALUES

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE + self.times.nbytes

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Read up to ``share`` annotations, or PAGE_BYTES of them; a moment without any is GoodNoData."""
        source, server = bool(timestamps & Timestamps.SOURCE), bool(timestamps & Timestamps.SERVER)
        parts: list[bytes] = []
        done, size, cursor = 0, 0, self.cursor
        while done < len(self.times) and len(parts) < share and size < PAGE_BYTES:
            moment = int(self.times[done])
            page = await self.store.read_raw(self.point, moment, moment, share - len(parts), cursor=cursor)
            if not len(page) and cursor is None:
                parts.append(encode_data_value(None, _codes.GoodNoData, moment if source else None, None))
            for body, kept in zip(page.values, page.server_time.tolist(), strict=True):
                told = annotation_variant(cast("bytes", body))
                parts.append(encode_data_value(told, 0, moment if source else None, kept if server else None))
                size += len(parts[-1])
            cursor = page.cursor if len(page) else None
            done += cursor is None
        following = replace(self, times=self.times[done:].copy(), cursor=cursor) if done < len(self.times) else None
        return Page(self.kind, len(parts).to_bytes(4, "little") + b"".join(parts), len(parts), following)


class Annotating:
    """Changes annotations. Those of one moment are read and written as one, so only one is at it at a time."""

    def __init__(self) -> None:
        """Begin."""
        self._lock = asyncio.Lock()

    async def update(
        self,
        store: HistoryReader,
        editor: HistoryEditor,
        point: str,
        perform: int,
        values: Sequence[GivenValue],
        by: Modification,
    ) -> UpdateResult:
        """Insert, replace, update or remove annotations; a StatusCode each. Those of a moment are written at once."""
        results = [int(_codes.Good)] * len(values)
        wanted: dict[int, list[tuple[int, Annotation]]] = {}
        for place, value in enumerate(values):
            given = _given(value, by)
            if isinstance(given, int):
                results[place] = given
            else:
                wanted.setdefault(value.source_time or 0, []).append((place, given))
        for moment, asked in wanted.items():
            async with self._lock:  # for one moment at a time: others have their turn
                page = await store.read_raw(point, moment, moment, 0)
                held = [Annotation.from_bytes(cast("bytes", one)) for one in page.values]
                changed = False
                for place, given in asked:
                    results[place] = _changed(held, perform, given)
                    changed = changed or not results[place] & _BAD
                if held and changed:
                    await editor.update(point, _samples(held, moment, by.time), UpdateKind.UPDATE, by)
                elif changed:
                    await editor.delete_at(point, np.array([moment], np.int64), by)
        return UpdateResult(0, results)


def _changed(held: list[Annotation], perform: int, given: Annotation) -> int:
    """Do one thing with a moment's annotations; give the StatusCode, a Bad one where they stay as they are."""
    known = next((at for at, one in enumerate(held) if (one.user, one.moment) == (given.user, given.moment)), None)
    if perform == UpdateKind.INSERT and known is not None:
        return _codes.BadEntryExists
    if perform in (UpdateKind.REPLACE, REMOVE) and known is None:
        return _codes.BadNoEntryExists
    if perform == REMOVE:
        del held[known or 0]
        return _codes.Good
    if known is not None:
        held[known] = given
        return _codes.GoodEntryReplaced
    if len(held) >= MOST_AT_A_MOMENT:
        return _codes.BadTooManyOperations
    held.append(given)
    return _codes.GoodEntryInserted


def _given(value: GivenValue, by: Modification) -> Annotation | int:
    """Read what a client gives; its user and time are filled in where it leaves them out. Else the StatusCode."""
    variant = value.variant
    if variant is None or variant[0] != BuiltInType.ExtensionObject:
        return _codes.BadTypeMismatch
    cursor = Cursor(variant, 1)
    try:
        if cursor.node_id() != _ENCODING or cursor.byte() != 1:
            return _codes.BadTypeMismatch
        body = cursor.bytes() or b""
        given = Annotation.from_bytes(body)
    except DecodingError:
        return _codes.BadTypeMismatch
    if value.source_time is None or value.source_time <= 0:
        return _codes.BadInvalidTimestamp
    if len(body) > ANNOTATION_BYTES:
        return _codes.BadOutOfRange
    return Annotation(given.message, given.user or by.user, given.moment if given.moment > 0 else by.time)


def _samples(held: Sequence[Annotation], moment: int, present: int) -> PointSamples:
    column = np.empty(len(held), object)
    column[:] = [one.to_bytes() for one in held]
    times = np.full(len(held), moment, np.int64)
    return PointSamples(
        DataType.BYTESTRING, column, np.zeros(len(held), np.uint32), times, np.full(len(held), present, np.int64)
    )
