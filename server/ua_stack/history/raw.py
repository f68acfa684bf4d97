"""ReadRaw and ReadModified (Part 11 v1.05 6.5.3), a page after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from asyncua import ua

from core.datatypes import DataType
from historian.contract import Cursor, HistoryReader, InvalidTimeDomain, RawPage
from historian.editing import HistoryEditor, ModifiedPage
from server.address_space.encoding import encode_string
from server.address_space.index_range import Bounds
from server.subscriptions.encoding import Timestamps, encode_objects
from server.ua_stack.history.annotations import annotation_variant
from server.ua_stack.history.limits import ANSWER_VALUES, LEAST_SIZE, OBJECT_VALUES
from server.ua_stack.history.pages import HISTORY_DATA, HISTORY_MODIFIED_DATA, HistoryRefused, Page
from server.ua_stack.history.values import encode_page

QUICK = 200
"""Numbers that are encoded on the event loop; more of them, and objects, are encoded in a thread."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a variable's values are shown. ``base``: its DataType's built-in type, 0 for any; ``bounds``: IndexRange.

    ``annotations``: they are kept ByteStrings, and shown as Annotations.
    """

    base: int
    bounds: tuple[Bounds, ...] | None = None
    objects: bool = False
    annotations: bool = False

    @property
    def most(self) -> int:
        """Values in a page."""
        return OBJECT_VALUES if self.objects or self.bounds is not None else ANSWER_VALUES

    async def encode(self, page: RawPage, timestamps: Timestamps) -> bytes:
        """Write an array of DataValues; in a thread what takes its time."""
        if len(page) <= QUICK and not page.datatype.is_object and self.bounds is None:
            return self._encoded(page, timestamps)
        return await asyncio.to_thread(self._encoded, page, timestamps)

    def _encoded(self, page: RawPage, timestamps: Timestamps) -> bytes:
        count = len(page).to_bytes(4, "little")
        if self.annotations:
            columns = (None, page.values, page.status, page.source_time, page.server_time)
            return count + encode_objects(DataType.BYTESTRING, *columns, timestamps, _annotation)
        return count + encode_page(page, timestamps, self.base, self.bounds)


def _annotation(_: DataType, body: bytes) -> bytes:
    return annotation_variant(body)


def check_domain(start: int | None, end: int | None, count: int) -> None:
    """Part 11 v1.05 6.5.3.2: two of the three at least. A store is always asked for a page, so it cannot tell."""
    if (start is None) + (end is None) + (count == 0) > 1:
        raise HistoryRefused(ua.StatusCodes.BadInvalidTimestampArgument)


@dataclass(frozen=True, slots=True)
class RawRead:
    """Raw values from ``cursor`` on; ``left``: values still wanted, 0 = all."""

    store: HistoryReader
    point: str
    start: int | None
    end: int | None
    left: int
    bounds: bool
    shown: Shown
    cursor: Cursor | None = None

    kind = HISTORY_DATA

    @property
    def most(self) -> int:
        """Values in a page."""
        return self.shown.most

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Read up to ``share`` values."""
        limit = min(self.left, share) if self.left else share
        try:
            page = await self.store.read_raw(
                self.point, self.start, self.end, limit, bounds=self.bounds, cursor=self.cursor
            )
        except InvalidTimeDomain as error:
            raise HistoryRefused(ua.StatusCodes.BadInvalidTimestampArgument) from error
        return _page(self, page, await self.shown.encode(page, timestamps))


@dataclass(frozen=True, slots=True)
class ModifiedRead:
    """Values that were changed, from ``cursor`` on."""

    store: HistoryEditor
    point: str
    start: int | None
    end: int | None
    left: int
    shown: Shown
    cursor: Cursor | None = None

    kind = HISTORY_MODIFIED_DATA

    @property
    def most(self) -> int:
        """Values in a page: each comes with a ModificationInfo, which is made one by one."""
        return OBJECT_VALUES * 10

    @property
    def size(self) -> int:
        """Bytes."""
        return LEAST_SIZE

    async def page(self, share: int, timestamps: Timestamps) -> Page:
        """Read up to ``share`` values."""
        limit = min(self.left, share) if self.left else share
        try:
            modified = await self.store.read_modified(self.point, self.start, self.end, limit, cursor=self.cursor)
        except InvalidTimeDomain as error:
            raise HistoryRefused(ua.StatusCodes.BadInvalidTimestampArgument) from error
        page = modified.page
        values = await self.shown.encode(page, timestamps)
        return _page(self, page, values + await asyncio.to_thread(_infos, modified))


def _page(read: RawRead | ModifiedRead, found: RawPage, body: bytes) -> Page:
    following = None
    if found.cursor is not None:
        # Part 11 v1.05 6.5.3.2: with NumValuesPerNode reached and more to give, the continuation point says so too.
        left = read.left - len(found) if read.left else 0
        following = replace(read, left=left or read.left, cursor=found.cursor)
    status = ua.StatusCodes.GoodNoData if not len(found) and following is None else 0
    return Page(read.kind, body, len(found), following, status)


def _infos(modified: ModifiedPage) -> bytes:
    """Write an array of ModificationInfo (Part 11 v1.05 6.6.3)."""
    users = {user: encode_string(user) for user in set(modified.users)}
    rows = zip(modified.modified.tolist(), modified.kinds.tolist(), modified.users, strict=True)
    written = [
        moment.to_bytes(8, "little", signed=True) + kind.to_bytes(4, "little") + users[user]
        for moment, kind, user in rows
    ]
    return len(written).to_bytes(4, "little") + b"".join(written)
