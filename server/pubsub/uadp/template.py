"""DataSetMessages that differ in their values alone: one layout, many messages in one array of bytes."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from server.pubsub.frames import FieldValues, Frame, IndexArray
from server.pubsub.uadp.columns import ByteArray, CountArray, FieldForm, Rows
from server.pubsub.uadp.flags import SEQUENCE_MASK
from server.pubsub.uadp.header import MessageHeader

_UINT16: Final = Struct("<H")
_UINT32: Final = Struct("<I")
_INT64: Final = Struct("<q")


class _Place:
    """Where the rows of one column stand in a message: one after the other, or between those of other columns."""

    def __init__(self, rows: Rows, starts: CountArray) -> None:
        self.rows = rows
        self.starts = starts
        self.together = bool((np.diff(starts) == rows.width).all())
        self._scattered: dict[int, CountArray] = {}
        self._value = Struct("<" + rows.dtype.char.replace("l", "q").replace("L", "Q"))

    def pack(self, message: bytearray, part: FieldValues) -> None:
        """Write what stands in each row of one message, a value at a time: sooner done than numpy begins, for a few."""
        rows, starts = self.rows, self.starts.tolist()
        for at, layout, column in (
            (rows.value_at, self._value, part.values),
            (rows.status_at, _UINT32, part.status),
            (rows.source_at, _INT64, part.source_time),
            (rows.server_at, _INT64, part.server_time),
        ):
            if at >= 0:
                for start, value in zip(starts, column.tolist(), strict=True):
                    layout.pack_into(message, start + at, value)

    def put(self, messages: ByteArray, at: int, content: npt.NDArray[Any]) -> None:
        """Write what stands ``at`` a place of each row; ``content``: [messages, rows]."""
        count, width = messages.shape
        if self.together:
            start = int(self.starts[0]) + at
            view: npt.NDArray[Any] = np.ndarray(
                content.shape, content.dtype, messages.data, start, (width, self.rows.width)
            )
            view[...] = content
            return
        size = content.dtype.itemsize
        columns = self._scattered.get(at)
        if columns is None:
            columns = self._scattered[at] = (self.starts[:, None] + np.arange(at, at + size)).reshape(-1)
        messages[:, columns] = np.ascontiguousarray(content).view(np.uint8).reshape(count, -1)


class Template:
    """A DataSetMessage of columns of numbers, laid out once. ``width``: its bytes."""

    def __init__(
        self,
        header: MessageHeader,
        parts: Sequence[FieldValues],
        form: FieldForm,
        *,
        indexed: bool,
        counted: bool,
        coded: Sequence[bool],
    ) -> None:
        """Lay it out. ``indexed``: a delta frame; ``counted``: with a FieldCount; ``coded``: parts with StatusCodes."""
        self._header = header
        rows = [
            Rows(part.datatype, form, indexed=indexed, status=status) for part, status in zip(parts, coded, strict=True)
        ]
        base = bytearray(header.base)
        if counted:
            base += sum(map(len, parts)).to_bytes(2, "little")
        widths = np.concatenate(
            [np.full(len(part), row.width, np.int64) for part, row in zip(parts, rows, strict=True)]
        )
        starts = ordered_starts([part.index for part in parts], widths, indexed=indexed) + len(base)
        base += bytes(int(widths.sum()))
        self.width = len(base)
        self._base = np.frombuffer(bytes(base), np.uint8).copy()
        self._places: list[_Place] = []
        ends = np.cumsum([len(part) for part in parts]).tolist()
        for part, row, end in zip(parts, rows, ends, strict=True):
            place = _Place(row, starts[end - len(part) : end])
            self._places.append(place)
            whole = self._base.reshape(1, -1)
            for at, byte in enumerate(row.base):
                if byte:
                    place.put(whole, at, np.full((1, len(part)), byte, np.uint8))
            if indexed:
                place.put(whole, row.index_at, part.index.astype("<u2").reshape(1, -1))
        self._whole = self._base.tobytes()

    def encode_one(self, frame: Frame, overall: int) -> bytes:
        """Give one message of a few values. ``overall``: the upper half of its StatusCode."""
        message = bytearray(self._whole)
        header = self._header
        if header.sequence_at >= 0:
            _UINT16.pack_into(message, header.sequence_at, frame.sequence & SEQUENCE_MASK)
        if header.time_at >= 0:
            _INT64.pack_into(message, header.time_at, frame.time)
        if header.status_at >= 0:
            _UINT16.pack_into(message, header.status_at, overall)
        for place, part in zip(self._places, frame.parts, strict=True):
            place.pack(message, part)
        return bytes(message)

    def encode(self, frames: Sequence[Frame], overall: npt.NDArray[np.uint16] | None) -> bytes:
        """Give the messages, each of :attr:`width` bytes, one after the other.

        ``overall``: the upper half of each one's StatusCode, None where all are Good.
        """
        messages = np.empty((len(frames), self.width), np.uint8)
        messages[:] = self._base
        header = self._header
        if header.sequence_at >= 0:
            numbers = np.array([frame.sequence & SEQUENCE_MASK for frame in frames], "<u2")
            _put(messages, header.sequence_at, numbers)
        if header.time_at >= 0:
            _put(messages, header.time_at, np.array([frame.time for frame in frames], "<i8"))
        if header.status_at >= 0 and overall is not None:
            _put(messages, header.status_at, overall.astype("<u2", copy=False))
        for number, place in enumerate(self._places):
            for at, content in place.rows.columns([frame.parts[number] for frame in frames]):
                place.put(messages, at, content)
        return messages.tobytes()


def _put(messages: ByteArray, at: int, content: npt.NDArray[Any]) -> None:
    count, width = messages.shape
    view: npt.NDArray[Any] = np.ndarray((count,), content.dtype, messages.data, at, (width,))
    view[...] = content


def ordered_starts(indexes: Sequence[IndexArray], widths: CountArray, *, indexed: bool) -> CountArray:
    """Give where each field begins, by its place in the columns taken together.

    Fields stand in the order of the DataSet. Those of a delta frame have their numbers with them and stay where they
    are (Part 14 v1.05 7.2.4.5.6).
    """
    if indexed:
        return np.cumsum(widths) - widths
    order = np.argsort(np.concatenate(indexes), kind="stable")
    in_order = widths[order]
    starts = np.empty_like(widths)
    starts[order] = np.cumsum(in_order) - in_order
    return starts
