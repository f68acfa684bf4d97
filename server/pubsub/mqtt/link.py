"""One connection to a broker, from dialling to its end: a :class:`~server.pubsub.contract.Link`.

A link lives once; who wants another connection makes another link. Bytes that wait inside: up to 256 KiB in the
transport and one burst, and the messages that callers have flown and that are not sent yet. So whoever flies bounds
them, by what is in the flights that have no code yet. What the broker sends is bounded by ``max_packet``; PUBACKs to it
by the Receive Maximum that it was told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from core.errors import StoreUnavailable
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.mqtt.arriving import Publish, TooLarge
from server.pubsub.mqtt.counters import LinkCounters
from server.pubsub.mqtt.credentials import Credentials
from server.pubsub.mqtt.departures import Departures
from server.pubsub.mqtt.flights import MessageFlight
from server.pubsub.mqtt.framing import Decoder, Packet
from server.pubsub.mqtt.packets import (
    PINGREQ,
    Acknowledged,
    Connack,
    Disconnect,
    Suback,
    encode_disconnect,
    encode_puback,
)
from server.pubsub.mqtt.reasons import reason_text
from server.pubsub.mqtt.requests import Requests
from server.pubsub.mqtt.settings import WEB_SOCKET, BrokerSettings
from server.pubsub.mqtt.terms import connect_packet, terms_of
from server.pubsub.mqtt.transport import Wire, dial, where
from server.pubsub.mqtt.watch import Watch
from server.pubsub.mqtt.web_socket import WebSocketWire
from server.pubsub.mqtt.wire import LARGEST_PACKET, PROTOCOL_ERROR, BrokenProtocol

_log = logging.getLogger("plantspace.pubsub")

Received = Callable[[MqttMessage], None]

_IMPLEMENTATION_ERROR: Final = 0x83


class MqttLink:
    """A connection in the making, made, or over. Use from the event loop's thread."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        client_id: str = "",
        will: MqttMessage | None = None,
        credentials: Credentials | None = None,
        received: Received | None = None,
    ) -> None:
        """Prepare. ``will``: what the broker publishes when the link breaks; ``received`` takes what is subscribed.

        ``credentials`` stand in the place of the settings' own, ``client_id`` where they have none.
        """
        self._settings = settings
        self._client_id = settings.client_id or client_id
        self._will = will
        self._credentials = credentials or Credentials(settings.username, settings.password)
        self._received = received
        self._loop = asyncio.get_running_loop()
        self.is_v5 = settings.is_v5
        self.lost = asyncio.Event()
        self.reason = ""
        self.window = 0
        """Messages of QoS 1 that may be unacknowledged: the configuration's bound or the broker's, if that is less."""
        self.largest = LARGEST_PACKET
        self.counters = LinkCounters()
        self._decoder = Decoder(settings.max_packet, is_v5=self.is_v5)
        self._wire = WebSocketWire(self) if settings.broker.startswith(WEB_SOCKET) else Wire(self)
        self._connack: asyncio.Future[Connack] = self._loop.create_future()
        self._requests = Requests(is_v5=self.is_v5, new_id=self._new_id, write=self._wire.write)
        self._departures: Departures | None = None
        """There once the broker has said what it takes."""
        self._watch = Watch(
            settings.acknowledge_timeout, self._wire, ping=self._ping, oldest=self._oldest, give_up=self._give_up
        )
        self._pubacks: list[bytes] = []

    async def connect(self) -> None:
        """Connect. Raises :class:`~core.errors.StoreUnavailable` that says why not; the link is over then."""
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._greet()
        except TimeoutError as error:
            message = f"{where(self._settings)} does not answer within {self._settings.connect_timeout:g} s"
            self.abort(message)
            raise StoreUnavailable(message) from error
        except BaseException as error:
            self.abort(str(error) or "given up")
            raise

    def fly(self, messages: Sequence[MqttMessage], priority: int = 1) -> MessageFlight:
        """Send messages, in order among those of one priority, a higher number first.

        No more than :attr:`window` are unacknowledged at once; the rest waits inside. Raises :class:`ValueError` for a
        topic or a size that MQTT or this broker cannot carry; then none is sent.
        """
        return self._up().add(messages, priority)

    def size_of(self, message: MqttMessage) -> int:
        """Give the bytes of a message's packet, at most; over :attr:`largest` it cannot fly. Raises as :meth:`fly`."""
        return self._up().publisher.size(message)

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> list[int]:
        """Subscribe; gives each one's reason code.

        Raises :class:`~core.errors.StoreUnavailable` if the link ends, :class:`ValueError` for a filter that MQTT does
        not take or a QoS over 1.
        """
        return await self._ask(self._requests.subscribe(subscriptions))

    async def unsubscribe(self, filters: Sequence[str]) -> list[int]:
        """Take subscriptions back; gives each one's reason code, 0 in MQTT 3.1.1. Raises as :meth:`subscribe`."""
        return await self._ask(self._requests.unsubscribe(filters))

    @property
    def in_flight(self) -> int:
        """Count what was sent and is not acknowledged."""
        return len(self._departures or ())

    async def settle(self) -> None:
        """Return when all that was flown has a code."""
        await self._up().settle()

    def abort(self, reason: str) -> None:
        """Give the link up at once."""
        self._end(reason)
        self._wire.abort()

    async def close(self) -> None:
        """End the link, with a DISCONNECT if the broker still takes it; return when its socket is gone. Safe twice."""
        if self._departures is not None and not self.lost.is_set():
            self._wire.write(encode_disconnect(is_v5=self.is_v5))
        self._end("closed")
        await self._wire.close()

    # What the wire tells.

    def arrived(self, data: bytes) -> None:
        """Take bytes from the broker."""
        if self.lost.is_set():
            return
        try:
            for packet in self._decoder.feed(data):
                self._take(packet)
        except BrokenProtocol as error:
            self._say_why(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours ends this link, not publishing for ever
            _log.exception("what %s sent is not understood", where(self._settings))
            self.abort(str(error) or type(error).__name__)
        if self._pubacks:
            self._wire.write(b"".join(self._pubacks))
            self._pubacks.clear()

    def writable(self) -> None:
        """Go on after the broker has caught up."""
        if self._departures is not None:
            self._departures.schedule()

    def ended(self, reason: str) -> None:
        """Learn that the connection is over."""
        self._end(reason)

    async def _greet(self) -> None:
        settings = self._settings
        connect = connect_packet(settings, self._client_id, self._credentials, self._will)
        await dial(settings, self._wire)
        self._wire.write(connect)
        terms = terms_of(await self._connack, settings)
        self.window, self.largest = terms.window, terms.largest
        publisher = terms.publisher(is_v5=self.is_v5)
        self._departures = Departures(
            publisher, self.window, self._wire, self.counters, taken=self._requests, refused=self._tell_refusal
        )
        self._watch.start(terms.keep_alive)

    def _take(self, packet: Packet) -> None:
        if self.lost.is_set():
            return
        if isinstance(packet, Connack):
            if self._connack.done():
                name, problem = "CONNACK", "it comes a second time"
                raise BrokenProtocol(name, problem, clause="3.2", byte=0, code=PROTOCOL_ERROR)
            self._connack.set_result(packet)
        elif not self._connack.done():
            name, problem = type(packet).__name__.upper(), "it comes before the CONNACK"
            raise BrokenProtocol(name, problem, clause="3.2", byte=0, code=PROTOCOL_ERROR)
        else:
            self._take_up(packet)

    def _take_up(self, packet: Packet) -> None:
        """Take what comes once the broker has answered."""
        if isinstance(packet, Acknowledged):
            if self._departures is None:  # it acknowledges before we have sent anything
                self.counters.strays += len(packet.ids)
            else:
                self._departures.acknowledge(packet)
        elif isinstance(packet, Publish):
            self._take_message(packet)
        elif isinstance(packet, TooLarge):
            self._pass_over(packet)
        elif isinstance(packet, Suback):
            self.counters.strays += not self._requests.answer(packet)
        elif isinstance(packet, Disconnect):
            text = packet.properties.explained(reason_text(packet.code))
            self.abort(f"{where(self._settings)} ends the connection: {text}")

    def _tell_refusal(self, message: MqttMessage, code: int, text: str) -> None:
        if self.counters.refused == 1:  # of each link the first: the caller tells the rest
            told = f"{reason_text(code)} {text}".rstrip()
            _log.warning("%s refuses %s: %s", where(self._settings), message.topic, told)

    def _take_message(self, packet: Publish) -> None:
        self.counters.received += 1
        code = 0
        if self._received is not None:
            try:
                self._received(packet.message)
            except Exception:  # noqa: BLE001 - whose callback it is does not matter to the broker
                _log.exception("a message of %s was not taken", packet.message.topic[:200])
                code = _IMPLEMENTATION_ERROR
        if packet.packet_id:
            self._pubacks.append(encode_puback(packet.packet_id, code, is_v5=self.is_v5))

    def _pass_over(self, packet: TooLarge) -> None:
        self.counters.too_large += 1
        if self.counters.too_large == 1:  # of each link the first
            text = "%s sent a message of %d bytes to %s, which is not taken: max_packet is %d"
            _log.warning(text, where(self._settings), packet.size, packet.topic[:200], self._settings.max_packet)
        if packet.packet_id:
            self._pubacks.append(encode_puback(packet.packet_id, is_v5=self.is_v5))

    async def _ask(self, request: Coroutine[object, object, list[int]]) -> list[int]:
        """Wait for an answer as long as for an acknowledgement."""
        try:
            if self.lost.is_set():
                raise StoreUnavailable(self.reason)
            async with asyncio.timeout(self._settings.acknowledge_timeout):
                return await request
        except TimeoutError as error:
            message = f"{where(self._settings)} does not acknowledge a subscription"
            self.abort(message)
            raise StoreUnavailable(message) from error
        finally:
            request.close()

    def _up(self) -> Departures:
        """Give what sends. Raises :class:`~core.errors.StoreUnavailable` before :meth:`connect` has returned."""
        if self._departures is None:
            message = f"{where(self._settings)} has not answered yet"
            raise StoreUnavailable(message)
        return self._departures

    def _new_id(self) -> int:
        return self._up().new_id()

    def _ping(self) -> None:
        self._wire.write(PINGREQ)

    def _oldest(self) -> object | None:
        return self._departures.oldest() if self._departures is not None else None

    def _give_up(self, reason: str) -> None:
        self.abort(f"{where(self._settings)} {reason}")

    def _say_why(self, error: BrokenProtocol) -> None:
        """End the link for what the broker did, and tell it (MQTT 5.0, 4.13)."""
        if self._departures is not None and self.is_v5:
            self._wire.write(encode_disconnect(error.code, is_v5=True))
        self.abort(str(error))

    def _end(self, reason: str) -> None:
        if self.lost.is_set():
            return
        self.reason = reason
        self.lost.set()
        self._watch.stop()
        if not self._connack.done():
            self._connack.set_exception(StoreUnavailable(reason))
            self._connack.exception()  # whoever waits for it gets it; nobody has to
        self._requests.lose(reason)
        if self._departures is not None:
            self._departures.lose()
