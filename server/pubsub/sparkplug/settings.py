"""The key ``sparkplug`` of a connection: which edge node the gateway is. docs/reference/sparkplug.md explains each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.settings import Settings
from server.pubsub.topics import check_level

Level = Annotated[str, AfterValidator(check_level)]
UnsignedField = Literal["int", "long"]
"""Where numbers of 32 bits without a sign stand: ``int_value`` or ``long_value``."""


def _level_or_nothing(text: str) -> str:
    return check_level(text) if text else text


class SparkplugSettings(Settings):
    """An edge node. ``node``: its id, the publisher's name where empty; ``primary_host``: whom it waits for."""

    group: Level = "Plantspace"
    node: Annotated[str, AfterValidator(_level_or_nothing)] = ""
    devices: Literal["dataset", "node"] = "dataset"
    primary_host: Annotated[str, AfterValidator(_level_or_nothing)] = ""
    qos: int = Field(default=1, ge=0, le=1)
    rebirth_interval: PositiveDuration = 5.0
    death_after: PositiveDuration = 5.0
    uint32: UnsignedField = "int"
    data_types: bool = False
