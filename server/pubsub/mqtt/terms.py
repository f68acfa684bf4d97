"""How a link begins: what CONNECT says of us, and what the broker's CONNACK lets us do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.errors import StoreUnavailable
from server.pubsub.contract import MqttMessage
from server.pubsub.mqtt.credentials import Credentials
from server.pubsub.mqtt.departures import MOST_IN_FLIGHT
from server.pubsub.mqtt.packets import Connack, Connect, encode_connect
from server.pubsub.mqtt.properties import Property
from server.pubsub.mqtt.publishing import Publisher
from server.pubsub.mqtt.reasons import LASTING, QOS_NOT_SUPPORTED, reason_text
from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.mqtt.transport import where
from server.pubsub.mqtt.wire import LARGEST_PACKET

RECEIVE_MAXIMUM: Final = 100
"""Messages of QoS 1 that the broker may send before we acknowledge (MQTT 5.0, 3.1.2.11.3)."""


class Refused(StoreUnavailable):
    """The broker answered, and does not want us. ``code``: its reason, as MQTT 5.0 writes it."""

    def __init__(self, problem: str, code: int) -> None:
        """Say what the broker said."""
        self.code = code
        super().__init__(problem)

    @property
    def is_lasting(self) -> bool:
        """Tell whether another try in a moment would not mend it."""
        return self.code in LASTING


@dataclass(frozen=True, slots=True)
class Terms:
    """What a broker takes (MQTT 5.0, 3.2.2.3). ``window``: unacknowledged messages; ``largest``: bytes of a packet.

    ``keep_alive``: seconds in which it wants to hear something; ``aliases``: Topic Aliases that it keeps.
    """

    window: int
    largest: int
    keep_alive: float
    retains: bool
    aliases: int

    def publisher(self, *, is_v5: bool) -> Publisher:
        """Make what writes messages by these terms."""
        return Publisher(is_v5=is_v5, retains=self.retains, aliases=self.aliases, largest=self.largest)


def connect_packet(
    settings: BrokerSettings, client_id: str, credentials: Credentials, will: MqttMessage | None
) -> bytes:
    """Write our CONNECT. Raises :class:`ValueError` for a will that MQTT does not take."""
    password = credentials.password
    connect = Connect(
        client_id,
        int(settings.keep_alive),
        credentials.username,
        password.reveal().encode() if password is not None else None,
        will,
        RECEIVE_MAXIMUM,
        settings.max_packet,
    )
    return encode_connect(connect, is_v5=settings.is_v5)


def terms_of(connack: Connack, settings: BrokerSettings) -> Terms:
    """Give what the broker grants, bounded by what is configured. Raises :class:`Refused`."""
    if connack.code:
        text = connack.properties.explained(reason_text(connack.code))
        message = f"{where(settings)} refuses: {text}"
        raise Refused(message, connack.code)
    numbers = connack.properties.numbers
    if numbers.get(Property.MAXIMUM_QOS, 1) < 1:
        message = f"{where(settings)} refuses: it has no QoS 1, without which nothing is certain"
        raise Refused(message, QOS_NOT_SUPPORTED)
    window = min(settings.in_flight, MOST_IN_FLIGHT)
    return Terms(
        window=min(window, numbers.get(Property.RECEIVE_MAXIMUM, window)),
        largest=numbers.get(Property.MAXIMUM_PACKET_SIZE, LARGEST_PACKET),
        keep_alive=numbers.get(Property.SERVER_KEEP_ALIVE, 0) or settings.keep_alive,
        retains=numbers.get(Property.RETAIN_AVAILABLE, 1) == 1,
        aliases=numbers.get(Property.TOPIC_ALIAS_MAXIMUM, 0),
    )
