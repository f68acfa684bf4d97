"""What a connection's settings have for clouds: a base beside BrokerSettings. docs/reference/cloud-presets.md."""

from __future__ import annotations

from typing import Self, TypeVar

from pydantic import model_validator

from core.settings import Settings, raise_clashes
from server.pubsub.cloud.applying import additions, find_clashes
from server.pubsub.cloud.keys import QuotaSettings
from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.presets import PRESETS, PresetName
from server.pubsub.cloud.quota import limits_of
from server.pubsub.cloud.shared_access import SharedAccess, SharedAccessSettings
from server.pubsub.cloud.twin.settings import TwinSettings
from server.pubsub.mqtt.settings import BrokerSettings

S = TypeVar("S", bound=BrokerSettings)


class CloudSettings(Settings):
    """The keys of a cloud. A class of settings has it as a base beside :class:`BrokerSettings`."""

    preset: PresetName | None = None
    shared_access: SharedAccessSettings | None = None
    quota: QuotaSettings | None = None
    twin: TwinSettings | None = None

    @model_validator(mode="after")
    def _fits_the_preset(self) -> Self:
        if isinstance(self, BrokerSettings):
            raise_clashes(self, find_clashes(self, self))
        return self


def apply(settings: S) -> S:
    """Fill in what the preset says and the configuration does not; the same settings where there is no preset."""
    if not isinstance(settings, CloudSettings) or settings.preset is None:
        return settings
    preset = PRESETS[settings.preset]
    taken = limits_of(preset, settings.quota) or preset.limits
    return settings.model_copy(update=additions(preset, settings, taken))


def limits(settings: BrokerSettings) -> Limits | None:
    """Give what the broker takes; None where nothing is known."""
    if not isinstance(settings, CloudSettings):
        return None
    return limits_of(PRESETS[settings.preset] if settings.preset else None, settings.quota)


def shared_access(settings: BrokerSettings) -> SharedAccess | None:
    """Give what makes the passwords of applied settings; None where they stand in the configuration."""
    if not isinstance(settings, CloudSettings) or settings.shared_access is None:
        return None
    return SharedAccess(settings.address.host, settings.client_id, settings.username, settings.shared_access)
