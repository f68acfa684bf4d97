"""SUBSCRIBE and UNSUBSCRIBE of one link, and their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from core.errors import StoreUnavailable
from server.pubsub.contract import Subscription
from server.pubsub.mqtt.packets import Suback, encode_subscribe, encode_unsubscribe
from server.pubsub.mqtt.wire import PROTOCOL_ERROR, BrokenProtocol

_FILTERS: Final = 8
"""Topic filters in one packet: more than these AWS IoT Core does not take."""


class Requests:
    """What was asked and is not answered, by packet identifier. ``new_id`` gives those, ``write`` sends."""

    def __init__(self, *, is_v5: bool, new_id: Callable[[], int], write: Callable[[bytes], None]) -> None:
        """Nothing is asked yet."""
        self._is_v5 = is_v5
        self._new_id = new_id
        self._write = write
        self._pending: dict[int, asyncio.Future[list[int]]] = {}
        self._counts: dict[int, int] = {}

    def __contains__(self, packet_id: object) -> bool:
        """Tell whether a packet identifier is in use here."""
        return packet_id in self._pending

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        """Ask for topics; gives each filter's reason code. Raises as :meth:`MqttLink.subscribe`."""
        parts = [subscriptions[begin : begin + _FILTERS] for begin in range(0, len(subscriptions), _FILTERS)]
        numbers = [self._new_id() for _ in parts]
        packets = [encode_subscribe(n, part, is_v5=self._is_v5) for n, part in zip(numbers, parts, strict=True)]
        return await self._ask(dict(zip(numbers, map(len, parts), strict=True)), packets)

    async def unsubscribe(self, filters: Sequence[str]) -> list[int]:
        """Ask for no more; gives each filter's reason code, 0 in MQTT 3.1.1. Raises as :meth:`MqttLink.subscribe`."""
        parts = [filters[begin : begin + _FILTERS] for begin in range(0, len(filters), _FILTERS)]
        numbers = [self._new_id() for _ in parts]
        packets = [encode_unsubscribe(n, part, is_v5=self._is_v5) for n, part in zip(numbers, parts, strict=True)]
        return await self._ask(dict(zip(numbers, map(len, parts), strict=True)), packets)

    def answer(self, packet: Suback) -> bool:
        """Take an answer; false if nothing was asked.

        Raises :class:`~server.pubsub.mqtt.wire.BrokenProtocol` if it does not fit what was asked.
        """
        pending = self._pending.get(packet.packet_id)
        if pending is None or pending.done():
            return False
        count = self._counts[packet.packet_id]
        # MQTT 3.1.1, 3.11: an UNSUBACK has no codes, and it means success.
        codes = packet.codes or ([] if self._is_v5 else [0] * count)
        if len(codes) != count:
            name, problem = "SUBACK", f"{len(codes)} reason codes for {count} topic filters"
            raise BrokenProtocol(name, problem, clause="3.9.3", byte=4, code=PROTOCOL_ERROR)
        pending.set_result(codes)
        return True

    def lose(self, reason: str) -> None:
        """Tell all who wait that the link has ended."""
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(StoreUnavailable(reason))
                pending.exception()  # whoever waits for it gets it; nobody has to

    async def _ask(self, counts: dict[int, int], packets: list[bytes]) -> list[int]:
        loop = asyncio.get_running_loop()
        answers: dict[int, asyncio.Future[list[int]]] = {number: loop.create_future() for number in counts}
        self._pending |= answers
        self._counts |= counts
        codes: list[int] = []
        try:
            self._write(b"".join(packets))
            for answer in answers.values():
                codes += await answer
        finally:
            for number in counts:
                del self._pending[number], self._counts[number]
        return codes
