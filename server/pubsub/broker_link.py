"""One connection to an MQTT broker, from dialling to its end: paho-mqtt with a network thread of its own.

A link lives once; who wants another connection makes another link. The socket is dialled on the event loop, so that
giving up needs no thread's consent, and a duplicate of it is kept to cut paho's thread off from whatever it waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import StoreUnavailable
from server.pubsub.record import MqttMessage
from server.pubsub.settings import PubSubSettings

LOST: Final = -1
"""In the place of a reason code: the link ended before the broker acknowledged."""
FAILURE: Final = 0x80
"""Reason codes from here on are refusals (MQTT 5.0, 2.4)."""
OVERHEAD: Final = 128
"""Bytes of a PUBLISH packet besides topic and payload, at most: fixed header, lengths, packet id, our properties."""
EXPIRY: Final = 2 * 86_400
"""Seconds that a broker keeps retained messages which nobody renews (Part 14 v1.05 7.3.5.8)."""

_CLOSES_WITHIN: Final = 1.0


class _Client(paho.Client):
    """paho's client on a socket that is connected already."""

    dialled: socket.socket | None = None

    def _create_socket_connection(self) -> socket.socket:
        dialled, self.dialled = self.dialled, None
        if dialled is None:
            message = "a link connects once"
            raise OSError(message)
        return dialled


def tls_context(settings: PubSubSettings) -> ssl.SSLContext:
    """Read the files anew, so that renewed ones are used without a restart; reads files, so not on the loop.

    Raises :class:`~core.errors.StoreUnavailable` that names the file.
    """
    named = settings.ca_file
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.certificate_file:
            named = f"{settings.certificate_file} with {settings.key_file}"
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ValueError) as error:
        message = f"{named} cannot be used for TLS: {error}"
        raise StoreUnavailable(message) from error
    return context


class BrokerLink:
    """A connection in the making, made, or over. Use from the event loop's thread."""

    def __init__(self, settings: PubSubSettings, client_id: str, will: MqttMessage) -> None:
        """Prepare; ``will`` is what the broker publishes when the link breaks."""
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[str] = self._loop.create_future()
        self._pending: dict[int, asyncio.Future[int]] = {}
        self._control: socket.socket | None = None
        self._handing_over: asyncio.Future[None] | None = None
        self.lost = asyncio.Event()
        self.reason = ""
        """Why the link ended."""
        self.window = settings.in_flight
        """Messages that may be in flight: the configuration's bound or the broker's, whichever is less."""
        self.largest = 268_435_455
        """Bytes of the largest packet that the broker takes."""
        self._retains = True
        self._is_v5 = settings.protocol == "mqttv5"
        # The session's state is the outbox: a broker's memory of an earlier connection would add nothing.
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5 if self._is_v5 else paho.MQTTv311,
            clean_session=None if self._is_v5 else True,
            reconnect_on_failure=False,
        )
        client = self._client
        client.max_inflight_messages_set(0)  # bounded by this side, which waits instead of queueing
        client.connect_timeout = settings.connect_timeout
        if settings.username:
            client.username_pw_set(settings.username, settings.password.reveal() if settings.password else None)
        self._properties = {kind: self._make_properties(kind) for kind in ("ua-data", "ua-metadata", "ua-status")}
        client.will_set(will.topic, will.payload, will.qos, will.retain)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect

    async def connect(self) -> None:
        """Connect. Raises :class:`~core.errors.StoreUnavailable` that says why not; then :meth:`close` is still due."""
        address = self._settings.address
        where = f"{address.host}:{address.port}"
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                dialled = await self._dial(address.host, address.port)
                self._control = dialled.dup()
                self._handing_over = asyncio.ensure_future(asyncio.to_thread(self._hand_over, dialled))
                await asyncio.shield(self._handing_over)
                self._client.loop_start()
                refusal = await self._connected
        except TimeoutError as error:
            message = f"{where} does not answer within {self._settings.connect_timeout:g} s"
            raise StoreUnavailable(message) from error
        except (OSError, ValueError) as error:
            message = f"{where} cannot be reached: {getattr(error, 'strerror', None) or error}"
            raise StoreUnavailable(message) from error
        if refusal:
            message = f"{where} refuses: {refusal}"
            raise StoreUnavailable(message)

    def publish(self, message: MqttMessage, kind: str) -> asyncio.Future[int]:
        """Send a message of QoS 1; the future gives the broker's reason code, or :data:`LOST`.

        ``kind``: Part 14's message type (``ua-data``). Raises :class:`ValueError` for a topic or a size that MQTT
        cannot carry.
        """
        acknowledged: asyncio.Future[int] = self._loop.create_future()
        if self.lost.is_set():
            acknowledged.set_result(LOST)
            return acknowledged
        properties = self._properties[kind] if self._is_v5 else None
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain and self._retains, properties
        )
        if info.rc is paho.MQTT_ERR_SUCCESS:
            self._pending[info.mid] = acknowledged
        else:
            acknowledged.set_result(LOST)
        return acknowledged

    def size_of(self, message: MqttMessage) -> int:
        """Give the bytes of a message's packet, at most; what is over :attr:`largest` would end the link."""
        return len(message.payload) + len(message.topic.encode()) + OVERHEAD

    def abort(self, reason: str) -> None:
        """Give the link up at once."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
        self._end(reason)

    async def close(self) -> None:
        """End the link and its thread, with a DISCONNECT if the broker still takes it. Safe twice."""
        client, control = self._client, self._control
        if self._handing_over is not None and not self._handing_over.done():
            self.abort("given up")
            await asyncio.wait((self._handing_over,))
        if client.is_connected():
            client.disconnect()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.lost.wait(), _CLOSES_WITHIN)
        self.abort("closed")
        await asyncio.to_thread(client.loop_stop)
        client.on_connect = client.on_publish = client.on_disconnect = None
        held = client.socket()
        if held is not None:
            held.close()
        if control is not None:
            control.close()
            self._control = None

    async def _dial(self, host: str, port: int) -> socket.socket:
        """Connect to the first of the host's addresses that answers."""
        error: OSError | None = None
        for family, kind, protocol, _, address in await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            dialled = socket.socket(family, kind, protocol)
            try:
                dialled.settimeout(0)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await self._loop.sock_connect(dialled, address)
            except OSError as failure:
                dialled.close()
                error = failure
            except BaseException:
                dialled.close()
                raise
            else:
                dialled.settimeout(self._settings.connect_timeout)  # from here on in a thread
                return dialled
        raise error or OSError(f"{host} has no address")

    def _hand_over(self, dialled: socket.socket) -> None:
        """Do the TLS handshake, which paho would leave a socket open after, and let paho send CONNECT; blocks."""
        address = self._settings.address
        try:
            if address.secure:
                context = tls_context(self._settings)
                dialled = context.wrap_socket(dialled, do_handshake_on_connect=False, server_hostname=address.host)
                dialled.settimeout(self._settings.connect_timeout)
                dialled.do_handshake()
        except BaseException:
            dialled.close()
            raise
        self._client.dialled = dialled
        self._client.connect(address.host, address.port, int(self._settings.keep_alive))

    def _make_properties(self, kind: str) -> Properties:
        """Give the properties of Part 14 v1.05 7.3.5.8; packed anew by paho each time, made once."""
        properties: Any = Properties(PacketTypes.PUBLISH)  # its members are made at run time
        properties.ContentType = "application/json"
        properties.UserProperty = ("UAMessageType", kind)
        if kind == "ua-metadata":
            properties.MessageExpiryInterval = EXPIRY
        return properties

    # Called by paho on its own thread; whatever they find is handed to the loop.

    def _on_connect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, properties: Properties | None
    ) -> None:
        self._on_loop(self._take_connect, "" if not code.is_failure else str(code), properties)

    def _on_publish(
        self, _client: paho.Client, _data: object, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self._on_loop(self._take_acknowledgement, mid, code.value)

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._on_loop(self._end, f"the connection broke: {code}")

    def _on_loop(self, function: Any, *arguments: object) -> None:  # noqa: ANN401 - each callback has its own arguments
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(function, *arguments)

    def _take_connect(self, refusal: str, properties: Properties | None) -> None:
        if not refusal:
            # One of the broker's places is kept for what is not the outbox's: status, retained metadata.
            self.window = max(1, min(self.window, getattr(properties, "ReceiveMaximum", self.window + 1) - 1))
            self.largest = getattr(properties, "MaximumPacketSize", self.largest)
            self._retains = getattr(properties, "RetainAvailable", 1) != 0
            if getattr(properties, "MaximumQoS", 1) < 1:
                refusal = "it has no QoS 1, without which nothing is certain"
        if not self._connected.done():
            self._connected.set_result(refusal)

    def _take_acknowledgement(self, mid: int, code: int) -> None:
        acknowledged = self._pending.pop(mid, None)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(code)

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.lost.set()
        if not self._connected.done():
            self._connected.set_result(self.reason)
        pending, self._pending = self._pending, {}
        for acknowledged in pending.values():
            if not acknowledged.done():
                acknowledged.set_result(LOST)


def default_client_id(publisher: str) -> str:
    """Give the client identifier of a publisher that was given none."""
    return f"plantspace-{publisher}"


def reason_text(code: int) -> str:
    """Name a reason code of a PUBACK."""
    if code == LOST:
        return "the link ended before it was acknowledged"
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=code))
    except (KeyError, ValueError, AssertionError):
        return f"reason code {code:#04x}"
