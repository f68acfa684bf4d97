"""Cuts what comes from a broker into packets, however it is cut by the network, and reads them."""

from __future__ import annotations

from struct import iter_unpack
from typing import Final

from server.pubsub.mqtt.arriving import Publish, TooLarge, decode_publish, decode_too_large
from server.pubsub.mqtt.packets import (
    NAMES,
    Acknowledged,
    Connack,
    Disconnect,
    Pingresp,
    Suback,
    decode_connack,
    decode_disconnect,
    decode_puback,
    decode_suback,
)
from server.pubsub.mqtt.wire import PROTOCOL_ERROR, TOO_LARGE, BrokenProtocol, Reader

Packet = Acknowledged | Connack | Disconnect | Pingresp | Publish | Suback | TooLarge

_PUBACK: Final = 0x40
_PLAIN: Final = 0x4002
"""Type and length of a PUBACK that says success."""
_WITH_CODE: Final = 0x4003
"""Type and length of one with a reason code: Mosquitto's when nobody listens."""
_GOOD: Final = (0x00, 0x10)
_REFUSED: Final = frozenset({5, 6, 7})
"""Packets of QoS 2, which is neither published nor subscribed here."""


class Decoder:
    """Reads the packets of one link. ``largest``: bytes of the largest that is taken; more is never kept.

    A broker of MQTT 5.0 was told; one that sends more breaks the protocol (3.1.2.11.4). One of 3.1.1 cannot know: a
    message that is too large is passed over, or whoever left it retained would keep us from ever connecting.
    """

    def __init__(self, largest: int, *, is_v5: bool) -> None:
        """``is_v5``: MQTT 5.0, or 3.1.1."""
        self._largest = largest
        self._is_v5 = is_v5
        self._kept: bytes = b""
        """The beginning of a packet."""
        self._pieces: list[bytes] = []
        """What came after it, while it is known that more is missing."""
        self._missing = 0
        self._passed_over = 0
        """Bytes still to come of a message that is too large."""

    def feed(self, data: bytes) -> list[Packet]:
        """Take what has arrived; give the packets that are whole now. PUBACKs that follow each other come as one.

        Raises :class:`~server.pubsub.mqtt.wire.BrokenProtocol`; the link has to end then.
        """
        if self._passed_over:
            passed = min(self._passed_over, len(data))
            self._passed_over -= passed
            data = data[passed:]
        if self._missing > len(data):  # a large packet: joined once, when it is whole
            self._pieces.append(data)
            self._missing -= len(data)
            return []
        if self._kept:
            data = b"".join((self._kept, *self._pieces, data))
            self._kept, self._missing = b"", 0
            self._pieces.clear()
        packets: list[Packet] = []
        at, size = 0, len(data)
        while at < size:
            if data[at] == _PUBACK:
                after = self._take_pubacks(data, at, packets)
                if after > at:
                    at = after
                    continue
            begin, end = self._measure(data, at)
            if end - at > self._largest:
                reader = Reader("PUBLISH", data, begin, end)
                found = decode_too_large(reader, data[at] & 0x0F, size - begin, end - at)
                if found is None:
                    self._kept = data[at:]
                    break
                packets.append(found)
                self._passed_over = max(0, end - size)
                at = min(end, size)
                continue
            if end > size or not begin:
                self._kept = data[at:]
                self._missing = max(0, end - size)
                break
            packets.append(self._read(data[at:end], begin - at))
            at = end
        return packets

    def _take_pubacks(self, data: bytes, at: int, packets: list[Packet]) -> int:
        """Read PUBACKs of one length as fast as can be; give where the next packet begins, ``at`` if none was read."""
        ids: list[int] = []
        codes: list[int] = []
        rest = len(data) - at
        if data[at + 1 : at + 2] == b"\x02":
            for head, packet_id in iter_unpack(">HH", data[at : at + rest - rest % 4]):
                if head != _PLAIN or not packet_id:
                    break
                ids.append(packet_id)
            codes, size = [0] * len(ids), 4
        else:
            size = 5
            for head, packet_id, code in iter_unpack(">HHB", data[at : at + rest - rest % 5]):
                if head != _WITH_CODE or not packet_id or code not in _GOOD or not self._is_v5:
                    break
                ids.append(packet_id)
                codes.append(code)
        if ids:
            packets.append(Acknowledged(ids, codes, {}))
        return at + size * len(ids)

    def _measure(self, data: bytes, at: int) -> tuple[int, int]:
        """Give where the body of the packet at ``at`` begins and ends; (0, 0) if its header is not whole yet."""
        kind = data[at] >> 4
        name = NAMES.get(kind, f"type {kind}")
        flags = data[at] & 0x0F
        if kind not in NAMES or kind in _REFUSED:
            problem = "packets of this type are not sent to this client"
            raise BrokenProtocol(name, problem, clause="2.1.2", byte=0, code=PROTOCOL_ERROR)
        if flags and name != "PUBLISH":
            raise BrokenProtocol(name, f"the flags are {flags:#03x}", clause="2.1.3", byte=0)
        length = 0
        for place in range(4):
            where = at + 1 + place
            if where >= len(data):
                return 0, 0
            byte = data[where]
            length |= (byte & 0x7F) << 7 * place
            if not byte & 0x80:
                if place and not byte:
                    problem = "the length is not written in its shortest form"
                    raise BrokenProtocol(name, problem, clause="1.5.5", byte=1)
                end = where + 1 + length
                if end - at > self._largest and (self._is_v5 or name != "PUBLISH"):
                    problem = f"it has {end - at} bytes, and up to {self._largest} are taken"
                    raise BrokenProtocol(name, problem, clause="3.1.2.11.4", byte=1, code=TOO_LARGE)
                return where + 1, end
        raise BrokenProtocol(name, "the length has more than four bytes", clause="1.5.5", byte=1)

    def _read(self, packet: bytes, begin: int) -> Packet:
        kind = packet[0] >> 4
        is_v5 = self._is_v5
        reader = Reader(NAMES[kind], packet, begin, len(packet))
        match reader.packet:
            case "PUBLISH":
                return decode_publish(reader, packet[0] & 0x0F, is_v5=is_v5)
            case "PUBACK":
                packet_id, code, text = decode_puback(reader, is_v5=is_v5)
                return Acknowledged([packet_id], [code], {packet_id: text} if text else {})
            case "SUBACK" | "UNSUBACK":
                return decode_suback(reader, is_v5=is_v5)
            case "CONNACK" | "DISCONNECT":
                decode = decode_connack if reader.packet == "CONNACK" else decode_disconnect
                return decode(reader, is_v5=is_v5)
            case "AUTH":  # no method was offered
                return reader.fail("no extended authentication was asked for", "4.12", at=0, code=PROTOCOL_ERROR)
            case _:
                reader.finish("3.13")
                return Pingresp()
