"""What cantools by itself reads of canboat's log of a boat (NMEA 2000), signal by signal, in the log's order."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from cantools.database import load_file
from cantools.database.can import Database, Message, Signal
from cantools.database.namedsignalvalue import NamedSignalValue

GOOD, BAD_NO_DATA, BAD_OUT_OF_RANGE = 0, 0x809B0000, 0x803C0000
_GROUP = 0x3FFFF
_LINE = re.compile(r"<0x([0-9a-f]+)> \[\d\] ((?:[0-9a-f]{2} ?)+)")

Sample = tuple[int, float]
"""StatusCode and value."""


@dataclass
class Recorded:
    """One signal over the whole log. Bad samples are in ``samples`` with the value that their bits would give."""

    unit: str
    samples: list[Sample] = field(default_factory=list[Sample])

    @property
    def good(self) -> set[float]:
        """The values that the sender vouches for."""
        return {value for status, value in self.samples if status == GOOD}


def recorded(log: Path, dbc: Path, names: frozenset[str]) -> dict[str, Recorded]:
    """Decode the log's frames of the messages ``names``; gives ``Message.Signal`` with what it carried."""
    database = load_file(dbc, strict=False)
    assert isinstance(database, Database)
    # NMEA 2000 names a message by its group, whoever sends it at whatever priority.
    messages = {message.frame_id >> 8 & _GROUP: message for message in database.messages if message.name in names}
    assert len(messages) == len(names)
    found: dict[str, Recorded] = defaultdict(lambda: Recorded(""))
    for line in log.read_text(encoding="ascii").splitlines():
        frame = _LINE.fullmatch(line.strip())
        message = None if frame is None else messages.get(int(frame[1], 16) >> 8 & _GROUP)
        if frame is not None and message is not None:
            _decode(message, bytes.fromhex(frame[2]), found)
    return found


def _decode(message: Message, data: bytes, found: dict[str, Recorded]) -> None:
    raws = message.decode(data, decode_choices=False, scaling=False)
    values = message.decode(data, decode_choices=False)
    assert isinstance(raws, dict)
    assert isinstance(values, dict)
    for signal in message.signals:
        raw, value = raws[signal.name], values[signal.name]
        assert isinstance(raw, int)
        assert not isinstance(value, (str, NamedSignalValue))
        one = found[f"{message.name}.{signal.name}"]
        one.unit = signal.unit or ""
        one.samples.append((_status(signal, raw), float(value)))


def _status(signal: Signal, raw: int) -> int:
    """NMEA 2000: a field's highest number says "not available", from four bits on the next one "out of range"."""
    top = (1 << signal.length - (1 if signal.is_signed else 0)) - 1
    if signal.length == 1 or raw in (signal.choices or {}):
        return GOOD
    if raw == top:
        return BAD_NO_DATA
    return BAD_OUT_OF_RANGE if signal.length > 3 and raw == top - 1 else GOOD
