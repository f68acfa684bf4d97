"""Azure IoT Hub."""

from __future__ import annotations

import re

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.preset import Preset

_MQTT = "Azure IoT, Communicate with an IoT hub using the MQTT protocol"
_QUOTAS = "Azure IoT Hub, Reference: IoT Hub quotas and throttling"

AZURE_IOT_HUB = Preset(
    name="azure-iot-hub",
    title="Azure IoT Hub",
    limits=Limits(
        payload=256 * 1024,
        client_id=128,
        # Of the whole hub: the least that the smallest paid tier has. All devices of a hub share it.
        messages=100.0,
        subscriptions=5,
        keep_alive=(1, 1_177),
        retains=False,
        publishes=("devices/", "$iothub/"),
        subscribes=("devices/", "$iothub/"),
    ),
    sources={
        "payload": f"{_QUOTAS}: device-to-cloud messaging, maximum message size",
        "client_id": "Azure IoT Hub, Understand the identity registry: device ID",
        "messages": f"{_QUOTAS}: device-to-cloud sends of S1",
        "subscriptions": f"{_MQTT}: receiving cloud-to-device messages",
        "keep_alive": f"{_MQTT}: default keep-alive timeout",
        "retains": f"{_MQTT}: sending device-to-cloud messages",
        "publishes": f"{_MQTT}: sending device-to-cloud messages, respond to a direct method, twins",
        "subscribes": f"{_MQTT}: receiving cloud-to-device messages",
        "protocols": f"{_MQTT}: connecting to IoT Hub",
        "schemes": f"{_MQTT}: connecting to IoT Hub",
        "proofs": f"{_MQTT}: using the MQTT protocol directly",
        "username": f"{_MQTT}: using the MQTT protocol directly",
        "web_socket_path": f"{_MQTT}: connecting to IoT Hub",
        "device_topics": f"{_MQTT}: sending device-to-cloud messages",
        "twin": f"{_MQTT}: retrieving a device twin's properties",
    },
    protocols=("mqttv311",),
    proofs=("certificate", "shared_access", "password"),
    username="{host}/{client_id}/?api-version=2021-04-12",
    fixed_username=True,
    client_id=re.compile(r"[A-Za-z0-9\-.%_*?!(),:=@$']{1,128}"),
    client_id_is="the device's id at the hub",
    web_socket_path="/$iothub/websocket",
    device_topics=True,
    twin="twin",
)
