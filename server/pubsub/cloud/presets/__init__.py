"""The brokers that are known, by the names that a configuration calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from server.pubsub.cloud.preset import Preset
from server.pubsub.cloud.presets.aws_iot_core import AWS_IOT_CORE
from server.pubsub.cloud.presets.azure_event_grid import AZURE_EVENT_GRID
from server.pubsub.cloud.presets.azure_iot_hub import AZURE_IOT_HUB
from server.pubsub.cloud.presets.emqx import EMQX
from server.pubsub.cloud.presets.hivemq import HIVEMQ

PresetName = Literal["aws-iot-core", "azure-iot-hub", "azure-event-grid", "hivemq", "emqx"]

PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset for preset in (AWS_IOT_CORE, AZURE_IOT_HUB, AZURE_EVENT_GRID, HIVEMQ, EMQX)
}
