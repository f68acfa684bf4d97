"""JSON DataSetMessages and NetworkMessages (Part 14 v1.05 7.2.5), put together from texts that are made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID, uuid4

import numpy as np

from server.pubsub.frames import FieldValues, Frame, MessageType, WriterIdentity
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.settings import JsonForm, JsonSettings
from server.pubsub.json.times import datetime_text
from server.pubsub.json.values import FEW, status_text, text

_BAD: Final = 0x80000000
_UNCERTAIN: Final = 0x40000000
_HEAD: Final = 64
"""Bytes of a NetworkMessage's header beside its fixed texts."""
_COUNTER_BITS: Final = 48
_VERSION_8: Final = 8 << 76
_VERSION_MASK: Final = ~(0xF << 76)

DEFAULTS: Final = JsonSettings()


class MessageIds:
    """MessageIds: UUIDs of a random beginning for each publisher's run, and a number (RFC 9562, 5.8)."""

    def __init__(self) -> None:
        """Begin with a random one."""
        begin = uuid4().int & _VERSION_MASK | _VERSION_8
        shown = str(UUID(int=begin >> _COUNTER_BITS << _COUNTER_BITS))
        self._prefix = shown[: -_COUNTER_BITS // 4]
        self._number = 0

    def next(self) -> str:
        """Give the next one."""
        self._number += 1
        return f"{self._prefix}{self._number:012x}"


class MessageEncoder:
    """Makes the DataSetMessages and NetworkMessages of one DataSetWriter."""

    def __init__(self, identity: WriterIdentity, fields: FieldEncoder, settings: JsonSettings = DEFAULTS) -> None:
        """Prepare the headers that ``settings`` ask for."""
        self._fields = fields
        self._form: JsonForm = settings.form
        self._ids = MessageIds()
        network, self._bits = frozenset(settings.network), frozenset(settings.message)
        self._has_header = "DataSetMessageHeader" in network
        self._is_single = "SingleDataSetMessage" in network
        self._head = _message_head(identity, self._bits)
        self._version = _version(identity, self._bits)
        self._network = _network_head(identity, settings) if "NetworkMessageHeader" in network else ""

    def message(self, frame: Frame) -> str:
        """Give one DataSetMessage; nothing for a keep-alive where there is no header that could say so."""
        payload = "" if frame.kind is MessageType.KEEP_ALIVE else self._fields.payload(frame.parts)
        if not self._has_header:
            return payload
        bits = self._bits
        parts = [self._head]
        if "SequenceNumber" in bits:
            parts.append(f',"SequenceNumber":{frame.sequence}')
        parts.append(self._version)
        if "Timestamp" in bits:
            parts.append(f',"Timestamp":"{datetime_text(frame.time)}"')
        if "Status" in bits:
            overall = _overall(frame.parts)
            if overall:
                parts.append(f',"Status":{status_text(overall, self._form)}')
        if "MessageType" in bits:
            parts.append(f',"MessageType":"{frame.kind.value}"')
        if payload:
            parts.append(f',"Payload":{payload}')
        return f"{{{''.join(parts)[1:]}}}"

    def network_messages(self, frames: Sequence[Frame], largest: int) -> list[tuple[bytes, int]]:
        """Give NetworkMessages of up to ``largest`` bytes, and each one's values; a DataSetMessage is never cut."""
        made: list[tuple[bytes, int]] = []
        waiting: list[bytes] = []
        size = values = 0
        limit = 0 if self._is_single else largest - len(self._network) - _HEAD
        for frame in frames:
            encoded = self.message(frame).encode("utf-8", "replace")
            if not encoded:
                continue
            if waiting and size + len(encoded) + 1 > limit:
                made.append((self._close(waiting), values))
                waiting, size, values = [], 0, 0
            waiting.append(encoded)
            size += len(encoded) + 1
            values += frame.samples
        if waiting:
            made.append((self._close(waiting), values))
        return made

    def _close(self, messages: list[bytes]) -> bytes:
        begin, end = (b"", b"") if self._is_single else (b"[", b"]")
        body = messages[0] if self._is_single else b",".join(messages)
        if not self._network:
            return b"".join((begin, body, end))
        head = f'{{"MessageId":"{self._ids.next()}{self._network}'.encode("utf-8", "replace")
        return b"".join((head, begin, body, end, b"}"))


def _message_head(identity: WriterIdentity, bits: frozenset[str]) -> str:
    """Give what begins each DataSetMessage, in the order of Table 185."""
    parts = {
        "DataSetWriterId": f',"DataSetWriterId":{identity.writer_id}',
        "DataSetWriterName": f',"DataSetWriterName":{text(identity.writer)}',
        "PublisherId": f',"PublisherId":{text(identity.publisher)}',
        "WriterGroupName": f',"WriterGroupName":{text(identity.group)}',
    }
    return "".join(part for bit, part in parts.items() if bit in bits)


def _version(identity: WriterIdentity, bits: frozenset[str]) -> str:
    major, minor = identity.version
    whole = f',"MetaDataVersion":{{"MajorVersion":{major},"MinorVersion":{minor}}}'
    return (whole if "MetaDataVersion" in bits else "") + (f',"MinorVersion":{minor}' if "MinorVersion" in bits else "")


def _network_head(identity: WriterIdentity, settings: JsonSettings) -> str:
    """Give a NetworkMessage from the end of its MessageId to its messages (Table 184)."""
    parts = {
        "PublisherId": f',"PublisherId":{text(identity.publisher)}',
        "WriterGroupName": f',"WriterGroupName":{text(identity.group)}',
        "DataSetClassId": f',"DataSetClassId":{text(settings.class_id)}',
        "ReplyTo": f',"ReplyTo":{text(settings.reply_to)}',
    }
    chosen = "".join(part for bit, part in parts.items() if bit in settings.network)
    return f'","MessageType":"ua-data"{chosen},"Messages":'


def _overall(parts: Sequence[FieldValues]) -> int:
    """Give the Status of a DataSetMessage, which stands for all its fields: Good, Uncertain or Bad."""
    worst, good = 0, False
    for part in parts:
        if len(part) <= FEW:
            codes: list[int] = part.status.tolist()
            worst = max(worst, max((code & (_BAD | _UNCERTAIN) for code in codes), default=0))
            good = good or any(not code & (_BAD | _UNCERTAIN) for code in codes)
        else:
            severity = part.status & np.uint32(_BAD | _UNCERTAIN)
            worst = max(worst, int(severity.max()))
            good = good or bool((severity == 0).any())
    # Some fields are usable: the message as a whole is no worse than Uncertain.
    return min(worst, _UNCERTAIN) if good else worst
