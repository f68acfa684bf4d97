"""Events as the bytes of outbox records and of rows (docs/reference/history-file.md, "Event")."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from struct import Struct, error
from typing import Final

from historian.encoding import DamagedData
from historian.events.contract import StoredEvent

_VERSION: Final = 1
_HEADER: Final = Struct("<B3xII")
"""Version, events, bytes once inflated."""
_EVENT: Final = Struct("<qHH")
"""Time, severity, fields."""
_LENGTH: Final = Struct("<I")
_LEVEL: Final = 3


def write(events: Sequence[StoredEvent]) -> bytes:
    """Write a record's payload."""
    parts: list[bytes] = []
    for event in events:
        parts.append(_EVENT.pack(event.time, event.severity, len(event.fields)))
        parts += (_with_length(event.event_id), _text(event.kind), _text(event.source))
        for path, encoded in event.fields.items():
            parts += (_text(path), _with_length(encoded))
    body = b"".join(parts)
    return _HEADER.pack(_VERSION, len(events), len(body)) + zlib.compress(body, _LEVEL)


def read(payload: bytes) -> list[StoredEvent]:
    """Read a record's payload. Raises :class:`DamagedData`."""
    if len(payload) < _HEADER.size:
        message = f"a record of events has {_HEADER.size} bytes at least, this one {len(payload)}"
        raise DamagedData(message)
    version, count, length = _HEADER.unpack_from(payload)
    if version != _VERSION:
        message = f"records of events have version {_VERSION}, this one {version}"
        raise DamagedData(message)
    body = _Body(_inflated(payload[_HEADER.size :], length))
    events = [body.event() for _ in range(count)] if count * _EVENT.size <= length else []
    if len(events) != count or not body.is_at_end:
        message = "a record of events has another length than it says"
        raise DamagedData(message)
    return events


def write_values(values: Iterable[bytes]) -> bytes:
    """Write the fields of a row, without their paths."""
    body = b"".join([_with_length(value) for value in values])
    return _LENGTH.pack(len(body)) + zlib.compress(body, _LEVEL)


def read_values(payload: bytes, count: int) -> list[bytes]:
    """Read ``count`` fields of a row. Raises :class:`DamagedData`."""
    if len(payload) < _LENGTH.size:
        message = "the fields of an event have no length"
        raise DamagedData(message)
    (length,) = _LENGTH.unpack_from(payload)
    body = _Body(_inflated(payload[_LENGTH.size :], length))
    values = [body.bytes() for _ in range(count)]
    if not body.is_at_end:
        message = "an event has other fields than its shape says"
        raise DamagedData(message)
    return values


def _with_length(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _text(text: str) -> bytes:
    return _with_length(text.encode())


def _inflated(data: bytes, length: int) -> bytes:
    """Inflate to exactly ``length`` bytes: what says more is not believed."""
    inflating = zlib.decompressobj()
    try:
        body = inflating.decompress(data, length + 1)
    except zlib.error as problem:
        raise DamagedData(str(problem)) from problem
    if len(body) != length or not inflating.eof or inflating.unused_data:
        message = f"the compressed part of events does not have the {length} bytes that it says"
        raise DamagedData(message)
    return body


class _Body:
    """Reads one thing after the other. Nothing here trusts a length."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def event(self) -> StoredEvent:
        time, severity, fields = self._numbers(_EVENT)
        event_id, kind, source = self.bytes(), self._text(), self._text()
        if not event_id:
            message = "an event has no EventId"
            raise DamagedData(message)
        held = {self._text(): self.bytes() for _ in range(fields)}
        return StoredEvent(event_id, time, kind, source, severity, held)

    def bytes(self) -> bytes:
        (length,) = self._numbers(_LENGTH)
        end = self._at + length
        if end > len(self._data):
            message = "events end before their fields do"
            raise DamagedData(message)
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _text(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            message = "a text of an event is not UTF-8"
            raise DamagedData(message) from None

    def _numbers(self, layout: Struct) -> tuple[int, ...]:
        try:
            numbers = layout.unpack_from(self._data, self._at)
        except error:
            message = "events end before their numbers do"
            raise DamagedData(message) from None
        self._at += layout.size
        return numbers
