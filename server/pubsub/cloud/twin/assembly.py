"""A twin made of a connection's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from core.image import ProcessImage
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.settings import CloudSettings
from server.pubsub.cloud.twin.dialect import TwinDialect
from server.pubsub.cloud.twin.iot_hub import IotHubTwin
from server.pubsub.cloud.twin.memory import TwinMemory
from server.pubsub.cloud.twin.properties import ImageValues, property_names
from server.pubsub.cloud.twin.session import TwinSession
from server.pubsub.cloud.twin.settings import TwinSettings
from server.pubsub.cloud.twin.shadow import Shadow
from server.pubsub.cloud.twin.wishes import TwinWrites
from server.pubsub.fields import DataSetField


def dialect_of(preset: str, twin: TwinSettings, client_id: str) -> TwinDialect:
    """Give the words of a preset's service. ``client_id``: the thing's name where the settings have none."""
    if PRESETS[preset].twin == "shadow":
        return Shadow(twin.thing or client_id, twin.name)
    return IotHubTwin()


def twin_of(
    settings: CloudSettings,
    client_id: str,
    fields: Sequence[DataSetField],
    image: ProcessImage,
    writes: TwinWrites | None,
    file: Path,
) -> TwinSession | None:
    """Make a connection's twin; None where it has none. ``fields``: the points of ``twin:``; ``file``: its memory.

    Raises :class:`~core.errors.SettingError` for fields that would have one name.
    """
    if settings.twin is None or settings.preset is None:
        return None
    dialect = dialect_of(settings.preset, settings.twin, client_id)
    named: Mapping[str, DataSetField] = property_names(fields)
    memory = TwinMemory(file, f"{settings.preset} {client_id} {' '.join(dialect.filters())}")
    nodes = {name: one.node for name, one in named.items()}
    return TwinSession(dialect, nodes, ImageValues(image, named), writes, memory, report=settings.twin.report)
