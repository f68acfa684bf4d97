"""EMQX and EMQX Cloud."""

from __future__ import annotations

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset

_MQTT = "EMQX, MQTT configuration"

EMQX = Preset(
    name="emqx",
    title="EMQX",
    limits=Limits(
        # Of the packet; the rest is for the topic and the properties.
        payload=1023 * 1024,
        slashes=127,
        client_id=65_535,
        in_flight=32,
        keep_alive=(1, 65_535),
    ),
    sources={
        "payload": f"{_MQTT}: max_packet_size",
        "slashes": f"{_MQTT}: max_topic_levels",
        "client_id": f"{_MQTT}: max_clientid_len",
        "in_flight": "EMQX, In-flight and message queue: max_inflight",
        "keep_alive": f"{_MQTT}: keep-alive",
        "schemes": "EMQX, Listener configuration",
        "web_socket_path": "EMQX, Listener configuration: WebSocket",
    },
    schemes=("mqtts", "wss", "mqtt", "ws"),
    web_socket_path="/mqtt",
    is_own=True,
)
