"""How MQTT writes numbers, texts and bytes (MQTT 5.0, 1.5), and a reader that never reads past its packet."""

from __future__ import annotations

from typing import Final, NoReturn

from core.errors import StoreUnavailable

LONGEST: Final = 0xFFFF
"""Bytes of the longest text or binary field."""
LARGEST_PACKET: Final = 268_435_455
"""Bytes that may follow a fixed header (MQTT 5.0, 2.1.4)."""

MALFORMED: Final = 0x81
PROTOCOL_ERROR: Final = 0x82
TOO_LARGE: Final = 0x95


class BrokenProtocol(StoreUnavailable):
    """The broker sent what MQTT does not allow; the link ends. ``code``: the reason code of our DISCONNECT.

    ``clause``: of MQTT 5.0; ``byte``: where in the packet, from 0.
    """

    def __init__(self, packet: str, problem: str, *, clause: str, byte: int, code: int = MALFORMED) -> None:
        """Name the packet, what is wrong and where."""
        self.clause = clause
        self.byte = byte
        self.code = code
        super().__init__(f"the broker breaks the protocol: {packet}, byte {byte}: {problem} (MQTT 5.0, {clause})")


def variable(number: int) -> bytes:
    """Write a Variable Byte Integer (1.5.5). Raises :class:`ValueError` over 268 435 455."""
    if number > LARGEST_PACKET:
        message = f"{number} bytes are more than a packet of MQTT can have"
        raise ValueError(message)
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def text_field(text: str, what: str) -> bytes:
    """Write a UTF-8 text with its length (1.5.4). Raises :class:`ValueError` that names ``what``."""
    if "\0" in text:
        message = f"{what} holds the character U+0000, which MQTT forbids"
        raise ValueError(message)
    try:
        return binary_field(text.encode(), what)
    except UnicodeEncodeError as error:
        message = f"{what} holds a lone surrogate, which is no character"
        raise ValueError(message) from error


def binary_field(data: bytes, what: str) -> bytes:
    """Write bytes with their length (1.5.6). Raises :class:`ValueError` that names ``what``."""
    if len(data) > LONGEST:
        message = f"{what} has {len(data)} bytes, and MQTT takes {LONGEST}"
        raise ValueError(message)
    return len(data).to_bytes(2, "big") + data


class Reader:
    """Reads one packet from behind its fixed header. Every method raises :class:`BrokenProtocol` past the end."""

    __slots__ = ("_data", "at", "end", "packet")

    def __init__(self, packet: str, data: bytes | bytearray, at: int, end: int) -> None:
        """``data``: the packet, whose bytes from ``at`` to ``end`` are read; ``packet``: its name."""
        self.packet = packet
        self._data = data
        self.at = at
        self.end = end

    def fail(self, problem: str, clause: str, *, at: int | None = None, code: int = MALFORMED) -> NoReturn:
        """Raise the error for what stands at ``at`` or where the reader is."""
        raise BrokenProtocol(self.packet, problem, clause=clause, byte=self.at if at is None else at, code=code)

    def take(self, count: int, clause: str) -> bytes:
        """Read ``count`` bytes."""
        begin, end = self.at, self.at + count
        if end > self.end:
            problem = f"{count} bytes are announced and {self.end - begin} are there"
            self.fail(problem, clause)
        self.at = end
        return bytes(self._data[begin:end])

    def skip_zero(self) -> bool:
        """Pass a byte that is 0, if the next one is; tells whether it was."""
        found = self.at < self.end and not self._data[self.at]
        self.at += found
        return found

    def number(self, size: int, clause: str) -> int:
        """Read an unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size, clause), "big")

    def variable(self, clause: str) -> int:
        """Read a Variable Byte Integer, the shortest form of it."""
        begin, number = self.at, 0
        for shift in (0, 7, 14, 21):
            byte = self.number(1, clause)
            number |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift and not byte:
                    self.fail("a length is not written in its shortest form", "1.5.5", at=begin)
                return number
        return self.fail("a length has more than four bytes", "1.5.5", at=begin)

    def binary(self, clause: str) -> bytes:
        """Read bytes with their length."""
        return self.take(self.number(2, clause), clause)

    def text(self, clause: str) -> str:
        """Read a UTF-8 text with its length."""
        begin = self.at
        try:
            text = self.binary(clause).decode()
        except UnicodeDecodeError as error:
            self.fail(f"a text is not UTF-8: {error.reason}", "1.5.4", at=begin + 2 + error.start)
        if "\0" in text:
            self.fail("a text holds U+0000", "1.5.4", at=begin)
        return text

    def packet_id(self) -> int:
        """Read a packet identifier, which is not 0."""
        number = self.number(2, "2.2.1")
        if not number:
            self.fail("the packet identifier is 0", "2.2.1", at=self.at - 2, code=PROTOCOL_ERROR)
        return number

    def finish(self, clause: str) -> None:
        """Check that nothing is left."""
        if self.at != self.end:
            self.fail(f"{self.end - self.at} bytes too many", clause)
