"""The MQTT broker of an Azure Event Grid namespace."""

from __future__ import annotations

import re

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset

_MQTT = "Azure Event Grid, MQTT features supported by Azure Event Grid's MQTT broker feature"
_QUOTAS = "Azure Event Grid, Azure Event Grid quotas and limits: MQTT limits in the namespace"

AZURE_EVENT_GRID = Preset(
    name="azure-event-grid",
    title="Azure Event Grid",
    limits=Limits(
        # Of the packet; the rest is for the topic and the properties.
        payload=511 * 1024,
        topic=256,
        slashes=14,
        messages=1_000.0,
        throughput=1_000_000.0,
        in_flight=1_000,
        subscriptions=50,
        keep_alive=(1, 1_160),
        # A namespace where this is not switched on closes the connection of whoever sends RETAIN.
        retains=False,
    ),
    sources={
        "payload": f"{_MQTT}: maximum packet size",
        "topic": f"{_QUOTAS}: topic size",
        "slashes": f"{_QUOTAS}: segments per topic",
        "messages": f"{_QUOTAS}: inbound MQTT publishing requests per session",
        "throughput": f"{_QUOTAS}: inbound MQTT bandwidth per session",
        "in_flight": f"{_QUOTAS}: inbound in-flight MQTT messages",
        "subscriptions": f"{_QUOTAS}: MQTT subscriptions per session",
        "keep_alive": f"{_MQTT}: current limitations, keep alive maximum",
        "retains": f"{_MQTT}: current limitations, RETAIN; later Azure Event Grid, MQTT retain support",
        "schemes": f"{_MQTT}: connection flow",
        "proofs": "Azure Event Grid, MQTT client authentication",
        "username": f"{_MQTT}: connection flow",
        "client_id": f"{_MQTT}: connection flow",
        "web_socket_path": f"{_MQTT}: connection flow",
    },
    proofs=("certificate", "password"),
    username="{client_id}",
    client_id=re.compile(r".{1,128}"),
    client_id_is="the session's name, which may be the client's authentication name",
    web_socket_path="/mqtt",
)
