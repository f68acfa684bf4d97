"""Which decoders a frame is for: by identifier, or by parameter group and sender."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drivers.can.decoder import MessageDecoder
from drivers.can.fast_packet import FastPackets
from drivers.can.frame import EXTENDED, Frame, pgn_of, source_of
from drivers.can.transport import PGN_CONNECTION, PGN_DATA, Transport

_ROUTES_KEPT = 8192
_CLASSIC_BYTES = 8

Payload = tuple[MessageDecoder, bytes]


@dataclass(frozen=True, slots=True)
class Route:
    """A decoder with the sender whose messages it takes (None: anyone's)."""

    decoder: MessageDecoder
    source: int | None = None


class Router:
    """Finds decoders and puts long messages together on the way."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Sort the routes by identifier and by group."""
        self._by_key: dict[int, list[MessageDecoder]] = {}
        self._by_pgn: dict[int, list[Route]] = {}
        for route in routes:
            message = route.decoder.message
            if message.by_pgn:
                self._by_pgn.setdefault(message.pgn, []).append(route)
            else:
                self._by_key.setdefault(message.key, []).append(route.decoder)
        self._found: dict[int, Sequence[MessageDecoder]] = {}
        self._has_long = any(
            route.decoder.message.length > _CLASSIC_BYTES for routes in self._by_pgn.values() for route in routes
        )
        self._fast = FastPackets()
        self._transport = Transport()
        self.short = 0
        """Payloads that were shorter than their message."""

    @property
    def dropped(self) -> int:
        """Count the long messages that were dropped because a frame was missing."""
        return self._fast.dropped + self._transport.dropped

    def payloads(self, frame: Frame) -> Sequence[Payload]:
        """Give the decoders of a frame, each with its payload; none while a long message is not whole yet."""
        decoders = self._found.get(frame.key)
        if decoders is None:
            decoders = self._find(frame.key)
        data = frame.data
        if self._has_long and frame.key & EXTENDED and len(data) <= _CLASSIC_BYTES:
            return self._assembled(frame, decoders)
        return self._given(decoders, data)

    def _given(self, decoders: Sequence[MessageDecoder], data: bytes) -> list[Payload]:
        size = len(data)
        for decoder in decoders:
            if size < decoder.message.length:
                self.short += 1
        return [(decoder, data) for decoder in decoders]

    def _find(self, key: int) -> Sequence[MessageDecoder]:
        found = self._by_key.get(key, [])
        if not found and key & EXTENDED:
            found = self._senders(pgn_of(key), source_of(key))
        if (
            len(self._found) >= _ROUTES_KEPT
        ):  # a bus may carry any identifier; the table of the known ones is rebuilt soon
            self._found.clear()
        self._found[key] = found
        return found

    def _senders(self, pgn: int, source: int) -> list[MessageDecoder]:
        return [route.decoder for route in self._by_pgn.get(pgn, ()) if route.source in (None, source)]

    def _assembled(self, frame: Frame, decoders: Sequence[MessageDecoder]) -> list[Payload]:
        pgn = pgn_of(frame.key)
        if pgn == PGN_CONNECTION:
            self._transport.announce(frame.key & 0xFFFF, frame.data)
        elif pgn == PGN_DATA and (message := self._transport.add(frame.key & 0xFFFF, frame.data)):
            return [
                *self._given(decoders, frame.data),
                *self._given(self._senders(message[0], source_of(frame.key)), message[1]),
            ]
        long = [decoder for decoder in decoders if decoder.message.by_pgn and decoder.message.length > _CLASSIC_BYTES]
        if not long:
            return self._given(decoders, frame.data)
        short = [decoder for decoder in decoders if decoder not in long]
        whole = self._fast.add(frame.key, frame.data)
        return [*self._given(short, frame.data), *(self._given(long, whole) if whole is not None else ())]
