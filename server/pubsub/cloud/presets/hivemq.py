"""HiveMQ, HiveMQ Cloud and HiveMQ Edge."""

from __future__ import annotations

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset

_MQTT = "HiveMQ, MQTT-specific configuration options"
_LIMITS = "HiveMQ, Configuration: restrictions"

HIVEMQ = Preset(
    name="hivemq",
    title="HiveMQ",
    limits=Limits(topic=65_535, client_id=65_535, in_flight=10, keep_alive=(1, 65_535)),
    sources={
        "topic": f"{_LIMITS}: max-topic-length",
        "client_id": f"{_LIMITS}: max-client-id-length",
        "in_flight": f"{_MQTT}: server receive maximum",
        "keep_alive": f"{_MQTT}: max keep alive",
        "schemes": "HiveMQ, Listeners",
        "web_socket_path": "HiveMQ, Listeners: WebSocket",
    },
    schemes=("mqtts", "wss", "mqtt", "ws"),
    web_socket_path="/mqtt",
    is_own=True,
)
