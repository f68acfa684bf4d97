"""Frames to DataSetMessages (Part 14 v1.05 7.2.4.5): those of one layout together, whatever stands between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from core.quality import StatusArray
from server.pubsub.fields import DataSetField
from server.pubsub.frames import FieldValues, Frame, MessageType
from server.pubsub.uadp.columns import ByteArray, CountArray, FieldForm, uneven_rows
from server.pubsub.uadp.flags import DataSetMessageType, FieldEncoding
from server.pubsub.uadp.header import MessageHeader
from server.pubsub.uadp.objects import object_field
from server.pubsub.uadp.template import Template, ordered_starts

_TEMPLATES_KEPT: Final = 256
_FEW: Final = 32
_BAD: Final = np.uint32(0x80000000)
_SEVERITY: Final = np.uint32(0xC0000000)
_STATUS_SHIFT: Final = 16
_BAD_STATUS: Final = 0x80000000
_UNCERTAIN_STATUS: Final = 0x40000000

_KINDS: Final = {
    MessageType.KEY_FRAME: DataSetMessageType.KEY_FRAME,
    MessageType.DELTA_FRAME: DataSetMessageType.DELTA_FRAME,
    MessageType.EVENT: DataSetMessageType.EVENT,
    MessageType.KEEP_ALIVE: DataSetMessageType.KEEP_ALIVE,
}
_Layout = tuple[DataSetMessageType, tuple[tuple[DataType, bytes], ...]]


def field_form(content: Collection[str]) -> FieldForm:
    """Give what DataSetFieldContentMask asks for (Part 14 v1.05 6.2.4.2), by the names of its bits.

    Any of StatusCode and the timestamps makes DataValues; RawData counts without them only.
    """
    status, source, server = (name in content for name in ("StatusCode", "SourceTimestamp", "ServerTimestamp"))
    if status or source or server:
        return FieldForm(FieldEncoding.DATA_VALUE, status, source, server)
    return FieldForm(FieldEncoding.RAW_DATA if "RawData" in content else FieldEncoding.VARIANT)


class DataSetMessages:
    """Makes the DataSetMessages of one DataSetWriter."""

    def __init__(
        self,
        fields: Sequence[DataSetField],
        kinds: Sequence[int],
        content: Collection[str],
        message: Collection[str],
        version: tuple[int, int],
    ) -> None:
        """Prepare. ``content``: of the fields, ``kinds`` their built-in types; ``message``: of the header.

        ``version``: of the DataSetMetaData.
        """
        self._fields = fields
        self._built_in = kinds
        form = field_form(content)
        # The fields of an event are Variants, always (Part 14 v1.05 7.2.4.5.7).
        self._forms = dict.fromkeys(DataSetMessageType, form) | {
            DataSetMessageType.EVENT: FieldForm(FieldEncoding.VARIANT)
        }
        self._headers = {
            kind: MessageHeader(message, version, kind, chosen.encoding) for kind, chosen in self._forms.items()
        }
        self._templates: dict[tuple[_Layout, tuple[bool, ...]], Template] = {}

    def encode(self, frames: Sequence[Frame]) -> list[bytes]:
        """Give each frame's DataSetMessage."""
        if len(frames) == 1 and 0 < len(frames[0]) <= _FEW:
            return [self._small(frames[0])]
        made: list[bytes] = [b""] * len(frames)
        alike: dict[_Layout, list[int]] = {}
        for place, frame in enumerate(frames):
            layout = self._layout(frame)
            if layout is None:
                made[place] = self._alone(frame)
            else:
                alike.setdefault(layout, []).append(place)
        for layout, places in alike.items():
            self._together(layout, [frames[place] for place in places], places, made)
        return made

    def _small(self, frame: Frame) -> bytes:
        """Give a message of a few values, for which numpy would take longer to begin than to do."""
        layout = self._layout(frame)
        if layout is None:
            return self._alone(frame)
        form = self._forms[layout[0]]
        sound = [not any(part.status.tolist()) for part in frame.parts]
        if form.encoding is FieldEncoding.VARIANT and not all(sound):
            return self._alone(frame)
        coded = tuple(form.status and not good for good in sound)
        template = self._templates.get((layout, coded))
        if template is None:
            template = self._new_template(layout, coded, frame.parts)
        return template.encode_one(frame, 0 if all(sound) else overall_status(frame) >> _STATUS_SHIFT)

    def _kind(self, frame: Frame) -> DataSetMessageType:
        kind = _KINDS[frame.kind]
        # A key frame has no room for the numbers of its fields: one that leaves some out is a delta frame.
        incomplete = kind is DataSetMessageType.KEY_FRAME and len(frame) != len(self._fields)
        return DataSetMessageType.DELTA_FRAME if incomplete else kind

    def _layout(self, frame: Frame) -> _Layout | None:
        """Give what messages of one template have in common; None where a message is one of a kind."""
        parts: list[tuple[DataType, bytes]] = []
        for part in frame.parts:
            if part.datatype.is_object or part.empty is not None or not len(part):
                return None
            parts.append((part.datatype, part.index.tobytes()))
        return (self._kind(frame), tuple(parts)) if parts else None

    def _together(self, layout: _Layout, frames: list[Frame], places: list[int], made: list[bytes]) -> None:
        kind, parts = layout
        form = self._forms[kind]
        statuses: list[StatusArray | None] = []
        for number in range(len(parts)):
            columns = [frame.parts[number].status for frame in frames]
            whole = columns[0] if len(columns) == 1 else np.concatenate(columns)
            statuses.append(whole.reshape(len(frames), -1) if whole.any() else None)
        sound = all(status is None for status in statuses)
        if form.encoding is FieldEncoding.VARIANT and not sound:
            for place, frame in zip(places, frames, strict=True):
                made[place] = self._alone(frame)
            return
        coded = tuple(form.status and status is not None for status in statuses)
        template = self._templates.get((layout, coded))
        if template is None:
            template = self._new_template(layout, coded, frames[0].parts)
        overall = None if sound else _overall(statuses, len(frames))
        width, encoded = template.width, template.encode(frames, overall)
        for number, place in enumerate(places):
            made[place] = encoded[number * width : (number + 1) * width]

    def _new_template(self, layout: _Layout, coded: tuple[bool, ...], parts: Sequence[FieldValues]) -> Template:
        kind = layout[0]
        form = self._forms[kind]
        indexed = kind is DataSetMessageType.DELTA_FRAME
        counted = indexed or form.encoding is not FieldEncoding.RAW_DATA
        if len(self._templates) >= _TEMPLATES_KEPT:
            self._templates.pop(next(iter(self._templates)))
        made = Template(self._headers[kind], parts, form, indexed=indexed, counted=counted, coded=coded)
        self._templates[layout, coded] = made
        return made

    def _alone(self, frame: Frame) -> bytes:
        """Give a message whose fields are not all of a fixed length."""
        kind = self._kind(frame)
        header = self._headers[kind].compose(frame.sequence, frame.time, overall_status(frame))
        if kind is DataSetMessageType.KEEP_ALIVE:
            return header
        form = self._forms[kind]
        indexed = kind is DataSetMessageType.DELTA_FRAME
        count = b"" if form.encoding is FieldEncoding.RAW_DATA and not indexed else len(frame).to_bytes(2, "little")
        parts = [part for part in frame.parts if len(part)]
        if not parts:
            return header + count
        rows = [self._rows(part, form, indexed=indexed) for part in parts]
        if len(parts) == 1 and (indexed or bool((np.diff(parts[0].index) > 0).all())):
            return header + count + rows[0][0].tobytes()
        starts = ordered_starts(
            [part.index for part in parts], np.concatenate([size for _, size in rows]), indexed=indexed
        )
        whole = np.empty(sum(len(content) for content, _ in rows), np.uint8)
        begin = 0
        for content, sizes in rows:
            own = starts[begin : begin + len(sizes)]
            begin += len(sizes)
            whole[np.repeat(own - (np.cumsum(sizes) - sizes), sizes) + np.arange(len(content))] = content
        return header + count + whole.tobytes()

    def _rows(self, part: FieldValues, form: FieldForm, *, indexed: bool) -> tuple[ByteArray, CountArray]:
        if not part.datatype.is_object:
            return uneven_rows(part, form, indexed=indexed)
        fields, kinds = self._fields, self._built_in
        values: list[Any] = list(part.values)
        indexes: list[int] = part.index.tolist()
        empty = [False] * len(part) if part.empty is None else part.empty.tolist()
        shows_status = form.status or form.encoding is FieldEncoding.VARIANT
        statuses: list[int] = (part.status if shows_status else part.status & 0).tolist()
        sources: list[int | None] = part.source_time.tolist() if form.source_time else [None] * len(part)
        servers: list[int | None] = part.server_time.tolist() if form.server_time else [None] * len(part)
        texts: list[bytes] = []
        for place, index in enumerate(indexes):
            value = None if empty[place] else values[place]
            field, kind, status = fields[index], kinds[index], statuses[place]
            shown = object_field(value, field, kind, form.encoding, status, sources[place], servers[place])
            texts.append(index.to_bytes(2, "little") + shown if indexed else shown)
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        return np.frombuffer(b"".join(texts), np.uint8), sizes


def _overall(statuses: Sequence[StatusArray | None], count: int) -> npt.NDArray[np.uint16]:
    """Give the upper half of each message's Status; ``statuses``: [messages, n] of each column, None for all Good."""
    bad, unsound = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    for status in statuses:
        if status is not None:
            bad += ((status & _BAD) != 0).sum(1)
            unsound |= (status & _SEVERITY).any(1)
    total = sum(0 if status is None else status.shape[1] for status in statuses)
    all_bad = (bad == total) & (bad > 0) & all(status is not None for status in statuses)
    shown = np.where(all_bad, _BAD_STATUS, np.where(unsound, _UNCERTAIN_STATUS, 0))
    return (shown >> _STATUS_SHIFT).astype(np.uint16)


def overall_status(frame: Frame) -> int:
    """Give the Status of one message, which stands for all its fields: no worse than Uncertain while one is usable."""
    total = len(frame)
    bad = sum(int(((part.status & _BAD) != 0).sum()) for part in frame.parts)
    if total and bad == total:
        return _BAD_STATUS
    unsound = bad or any(bool((part.status & _SEVERITY).any()) for part in frame.parts)
    return _UNCERTAIN_STATUS if unsound else 0
