"""What a client sends besides PUBLISH, against what paho-mqtt sends."""

from __future__ import annotations

from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.mqtt.packets import (
    Connect,
    encode_connect,
    encode_disconnect,
    encode_puback,
    encode_subscribe,
    encode_unsubscribe,
)


class _Paho:
    """paho's client, whose packets are kept instead of sent."""

    def __init__(self, *, is_v5: bool) -> None:
        protocol = paho.MQTTv5 if is_v5 else paho.MQTTv311
        clean = None if is_v5 else True
        self.client: Any = paho.Client(CallbackAPIVersion.VERSION2, "line-1", clean_session=clean, protocol=protocol)
        self.client._sock = None
        self.sent: list[bytes] = []
        self.client._packet_queue = self._keep

    def _keep(self, _command: int, packet: bytearray, *_rest: object) -> None:
        self.sent.append(bytes(packet))


@pytest.mark.parametrize("is_v5", [True, False])
@pytest.mark.parametrize("has_will", [True, False])
@pytest.mark.parametrize("user", [None, ("u", None), ("u", "geheim")])
def test_connect_is_what_paho_sends(*, is_v5: bool, has_will: bool, user: tuple[str, str | None] | None) -> None:
    other = _Paho(is_v5=is_v5)
    will = MqttMessage("status", b"gone", 1, retain=True, content_type="application/json", expiry=60)
    if user:
        other.client.username_pw_set(*user)
    if has_will:
        properties: Any = Properties(PacketTypes.WILLMESSAGE)
        properties.ContentType = "application/json"
        properties.MessageExpiryInterval = 60
        other.client.will_set("status", b"gone", 1, retain=True, properties=properties if is_v5 else None)
    if is_v5:
        asked: Any = Properties(PacketTypes.CONNECT)
        asked.ReceiveMaximum = 100
        asked.MaximumPacketSize = 4096
        other.client._connect_properties = asked
        other.client._clean_start = True
    other.client._send_connect(30)
    password = user[1].encode() if user and user[1] else None
    ours = encode_connect(
        Connect("line-1", 30, user[0] if user else "", password, will if has_will else None, 100, 4096), is_v5=is_v5
    )
    assert ours == other.sent[0]


@pytest.mark.parametrize("is_v5", [True, False])
def test_subscribe_unsubscribe_and_the_rest_are_what_paho_sends(*, is_v5: bool) -> None:
    other = _Paho(is_v5=is_v5)
    wanted = [Subscription("a/+/c", 1), Subscription("#", 0, no_local=is_v5)]
    if is_v5:
        options = [(w.topic_filter.encode(), SubscribeOptions(w.qos, noLocal=w.no_local)) for w in wanted]
        other.client._send_subscribe(dup=False, topics=options, properties=None)
    else:
        plain = [(w.topic_filter.encode(), w.qos) for w in wanted]
        other.client._send_subscribe(dup=False, topics=plain, properties=None)
    assert encode_subscribe(1, wanted, is_v5=is_v5) == other.sent.pop()
    other.client._send_unsubscribe(dup=False, topics=[b"a/+/c", b"#"], properties=None)
    assert encode_unsubscribe(2, ["a/+/c", "#"], is_v5=is_v5) == other.sent.pop()
    other.client._send_puback(513)
    assert encode_puback(513, is_v5=is_v5) == other.sent.pop()
    other.client._send_disconnect()
    assert encode_disconnect(is_v5=is_v5) == other.sent.pop()


def test_reasons_are_only_told_where_the_protocol_has_a_place() -> None:
    assert encode_puback(1, 0x83, is_v5=True) == b"\x40\x03\x00\x01\x83"
    assert encode_puback(1, 0x83, is_v5=False) == b"\x40\x02\x00\x01"
    assert encode_disconnect(0x81, "no", is_v5=True) == b"\xe0\x07\x81\x05\x1f\x00\x02no"
    assert encode_disconnect(0x81, "no", is_v5=False) == b"\xe0\x00"


@pytest.mark.parametrize("name", ["", "a/#/b", "a#", "a/b+", "a\0", "+a/b", "x" * 65_536])
def test_a_filter_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="topic filter"):
        encode_subscribe(1, [Subscription(name)], is_v5=True)


def test_qos_2_is_refused() -> None:
    with pytest.raises(ValueError, match="QoS 2"):
        encode_subscribe(1, [Subscription("a", 2)], is_v5=True)
    with pytest.raises(ValueError, match="QoS 2"):
        encode_connect(Connect("c", 30, will=MqttMessage("a", b"", 2)), is_v5=True)
