"""AWS IoT Core."""

from __future__ import annotations

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset

_QUOTAS = "AWS General Reference, AWS IoT Core endpoints and quotas, message broker and protocol limits"
_PORTS = "AWS IoT Core Developer Guide, Device communication protocols: protocols, port mappings, and authentication"

AWS_IOT_CORE = Preset(
    name="aws-iot-core",
    title="AWS IoT Core",
    limits=Limits(
        payload=128 * 1024,
        topic=256,
        slashes=7,
        client_id=128,
        messages=100.0,
        throughput=512 * 1024.0,
        in_flight=100,
        subscriptions=50,
        at_once=8,
        keep_alive=(30, 1_200),
        uncounted=(("$aws/rules/", 3),),
    ),
    sources={
        "payload": f"{_QUOTAS}: message size",
        "topic": f"{_QUOTAS}: topic size",
        "slashes": f"{_QUOTAS}: maximum number of slashes in topic and topic filter",
        "client_id": f"{_QUOTAS}: client ID size",
        "messages": f"{_QUOTAS}: publish requests per second per connection",
        "throughput": f"{_QUOTAS}: throughput per second per connection",
        "in_flight": f"{_QUOTAS}: maximum inbound unacknowledged QoS 1 publish requests",
        "subscriptions": f"{_QUOTAS}: subscriptions per connection",
        "at_once": f"{_QUOTAS}: maximum subscriptions per subscribe request",
        "keep_alive": f"{_QUOTAS}: connection inactivity (keep-alive interval)",
        "uncounted": f"{_QUOTAS}: the first three segments of Basic Ingest topics",
        "schemes": f"{_PORTS}; MQTT over WebSocket wants requests signed by Signature Version 4, which is not offered",
        "alpn": _PORTS,
        "proofs": f"{_PORTS}; a user and a password are for custom authentication",
        "twin": "AWS IoT Core Developer Guide, Device Shadow MQTT topics",
    },
    schemes=("mqtts",),
    alpn={(443, "certificate"): "x-amzn-mqtt-ca", (443, "password"): "mqtt"},
    proofs=("certificate", "password"),
    twin="shadow",
)
