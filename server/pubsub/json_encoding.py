"""JSON NetworkMessages and DataSetMessages (Part 14 v1.05 7.2.5), put together from texts that are made once."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray
from server.pubsub.fields import DataSetField
from server.pubsub.json_values import column_texts, datetime_text, datetime_texts, object_text, status_text, text

IndexArray = npt.NDArray[np.int32]

_BAD: Final = np.uint32(0x80000000)
_UNCERTAIN: Final = np.uint32(0x40000000)


class MessageType(enum.Enum):
    """What a DataSetMessage holds (Part 14 v1.05 7.2.5.4, MessageType)."""

    KEY_FRAME = "ua-keyframe"
    DELTA_FRAME = "ua-deltaframe"
    KEEP_ALIVE = "ua-keepalive"


class PubSubState(enum.IntEnum):
    """State of a publisher (Part 14 v1.05 6.2.1)."""

    DISABLED = 0
    PAUSED = 1
    OPERATIONAL = 2
    ERROR = 3
    PRE_OPERATIONAL = 4


@dataclass(frozen=True, slots=True, eq=False)
class FieldValues:
    """Values of fields of one column type, each field at most once.

    ``index``: int32[n], places in the DataSet; ``values``: [n]; ``status``: uint32[n]; the times: int64[n]
    ticks; ``empty``: bool[n] or None, true where there is no value to show.
    """

    datatype: DataType
    index: IndexArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray
    empty: MaskArray | None = None

    def __len__(self) -> int:
        """Count the values."""
        return len(self.index)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A DataSetMessage before it is encoded. ``time``: when it was made, ticks."""

    kind: MessageType
    sequence: int
    time: int
    parts: tuple[FieldValues, ...]

    def __len__(self) -> int:
        """Count the values."""
        return sum(map(len, self.parts))


class FieldEncoder:
    """Encodes the fields of one DataSet; the texts that do not change are made once.

    ``content`` are bits of DataSetFieldContentMask by name. Without StatusCode and a timestamp, fields are Variants;
    with any, they are DataValues, those that have no value to show without ``Value`` (Part 6 v1.05 5.4.2.18); RawData
    leaves out the UaType that the DataSetMetaData tells.
    """

    def __init__(self, fields: Sequence[DataSetField], content: Collection[str]) -> None:
        """Prepare the texts of ``fields``."""
        self._shows_status = "StatusCode" in content
        self._shows_source = "SourceTimestamp" in content
        self._shows_server = "ServerTimestamp" in content
        self._is_value = self._shows_status or self._shows_source or self._shows_server
        raw = "RawData" in content
        self._names = [f",{text(field.name)}:" for field in fields]
        types = [
            "" if raw or field.wire_type is DataType.VARIANT else f'"UaType":{int(field.wire_type)},'
            for field in fields
        ]
        self._wrapped = self._is_value or not raw
        self._keys = [
            f'{name}{{{kind}"Value":' if self._wrapped else name for name, kind in zip(self._names, types, strict=True)
        ]
        self._wire_types = [field.wire_type for field in fields]

    def payload(self, parts: Sequence[FieldValues]) -> str:
        """Give the Payload object; fields stand in the order of the DataSet."""
        texts: list[str] = []
        places: list[IndexArray] = []
        for part in parts:
            texts += self._field_texts(part)
            places.append(part.index)
        if len(parts) > 1:
            order = np.argsort(np.concatenate(places), kind="stable").tolist()
            texts = [texts[place] for place in order]
        return f"{{{''.join(texts)[1:]}}}"

    def _field_texts(self, part: FieldValues) -> list[str]:
        index = part.index.tolist()
        values = self._value_texts(part, index)
        ends = self._ends(part)
        keys = self._keys
        if isinstance(ends, str):
            texts = [f"{keys[field]}{value}{ends}" for field, value in zip(index, values, strict=True)]
        else:
            texts = [f"{keys[field]}{value}{end}" for field, value, end in zip(index, values, ends, strict=True)]
        if not self._is_value:
            self._replace_unusable(part, index, values, texts)
        elif part.empty is not None:
            for place in np.flatnonzero(part.empty).tolist():
                rest = ends if isinstance(ends, str) else ends[place]
                texts[place] = f"{self._names[index[place]]}{{{rest.removeprefix(',')}"
        return texts

    def _value_texts(self, part: FieldValues, index: list[int]) -> list[str]:
        if part.datatype.is_object:
            types = self._wire_types
            return [object_text(value, types[field]) for value, field in zip(part.values, index, strict=True)]
        return column_texts(part.datatype, part.values)

    def _ends(self, part: FieldValues) -> str | list[str]:
        """Give what follows the values: one text for all, or one each."""
        close = "}" if self._wrapped else ""
        if not self._is_value:
            return close
        times: list[str | list[str]] = []
        if self._shows_source:
            times.append(_time_texts("SourceTimestamp", part.source_time))
        if self._shows_server:
            times.append(_time_texts("ServerTimestamp", part.server_time))
        status: str | list[str] = ""
        if self._shows_status and part.status.any():
            status = ["" if code == 0 else f',"Status":{status_text(code)}' for code in part.status.tolist()]
        columns = [status, *times]
        if all(isinstance(column, str) for column in columns):
            return "".join(map(str, columns)) + close
        spread = [[column] * len(part) if isinstance(column, str) else column for column in columns]
        return ["".join(row) + close for row in zip(*spread, strict=True)]

    def _replace_unusable(self, part: FieldValues, index: list[int], values: list[str], texts: list[str]) -> None:
        """Put StatusCodes in place of Bad Variants, DataValues in that of Uncertain ones (Part 14 v1.05 6.2.4.2)."""
        for place in np.flatnonzero(part.status & (_BAD | _UNCERTAIN)).tolist():
            code = int(part.status[place])
            name = self._names[index[place]]
            if code & int(_BAD):
                texts[place] = f"{name}{status_text(code)}"
            else:
                texts[place] = f'{name}{{"Value":{values[place]},"Status":{status_text(code)}}}'


def _time_texts(name: str, times: TimeArray) -> str | list[str]:
    if not len(times):
        return ""
    first = int(times[0])
    if bool((times == first).all()):
        return f',"{name}":"{datetime_text(first)}"'
    known = np.unique(times).tolist()
    texts = {moment: f',"{name}":"{shown}"' for moment, shown in zip(known, datetime_texts(known), strict=True)}
    return [texts[moment] for moment in times.tolist()]


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """Who a DataSetWriter is in its messages. ``version``: major and minor of the DataSetMetaData."""

    publisher: str
    group: str
    writer: str
    writer_id: int
    version: tuple[int, int]


class MessageEncoder:
    """Makes the DataSetMessages and NetworkMessages of one DataSetWriter."""

    def __init__(self, identity: WriterIdentity, fields: FieldEncoder) -> None:
        """Prepare the headers."""
        major, minor = identity.version
        self._fields = fields
        self._head = (
            f'{{"DataSetWriterId":{identity.writer_id},"DataSetWriterName":{text(identity.writer)},"SequenceNumber":'
        )
        self._version = f',"MetaDataVersion":{{"MajorVersion":{major},"MinorVersion":{minor}}},"Timestamp":"'
        self._network = (
            f'","MessageType":"ua-data","PublisherId":{text(identity.publisher)},'
            f'"WriterGroupName":{text(identity.group)},"Messages":['
        )

    def message(self, frame: Frame) -> str:
        """Give one DataSetMessage."""
        head = f"{self._head}{frame.sequence}{self._version}{datetime_text(frame.time)}"
        if frame.kind is MessageType.KEEP_ALIVE:
            return f'{head}","MessageType":"ua-keepalive"}}'
        payload = self._fields.payload(frame.parts)
        return f'{head}"{_overall(frame)},"MessageType":"{frame.kind.value}","Payload":{payload}}}'

    def network_messages(self, frames: Sequence[Frame], largest: int) -> list[tuple[bytes, int]]:
        """Give NetworkMessages of up to ``largest`` bytes, and each one's values; a DataSetMessage is never cut."""
        made: list[tuple[bytes, int]] = []
        waiting: list[bytes] = []
        size = values = 0
        for frame in frames:
            encoded = self.message(frame).encode("utf-8", "replace")
            if waiting and size + len(encoded) + 1 + len(self._network) + 64 > largest:
                made.append((self._close(waiting), values))
                waiting, size, values = [], 0, 0
            waiting.append(encoded)
            size += len(encoded) + 1
            values += len(frame)
        if waiting:
            made.append((self._close(waiting), values))
        return made

    def _close(self, messages: list[bytes]) -> bytes:
        head = f'{{"MessageId":"{uuid4()}{self._network}'.encode("utf-8", "replace")
        return b"".join((head, b",".join(messages), b"]}"))


def _overall(frame: Frame) -> str:
    """Give the Status of a DataSetMessage, which stands for all its fields; Good is left out."""
    worst, good = 0, False
    for part in frame.parts:
        severity = part.status & (_BAD | _UNCERTAIN)
        worst = max(worst, int(severity.max(initial=0)))
        good = good or bool((severity == 0).any())
    if worst == 0:
        return ""
    # Some fields are usable: the message as a whole is no worse than Uncertain.
    return f',"Status":{status_text(int(_UNCERTAIN) if good else worst)}'


def status_message(publisher: str, state: PubSubState) -> bytes:
    """Give the publisher's status (Part 14 v1.05 7.2.5.5.5): the broker tells when it goes, so it is not cyclic."""
    return (
        f'{{"MessageId":"{uuid4()}","MessageType":"ua-status","PublisherId":{text(publisher)},'
        f'"IsCyclic":false,"Status":{int(state)}}}'
    ).encode()
