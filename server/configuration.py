"""The gateway's configuration file as settings (the contract's section 4)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings, raise_clashes
from historian.influx.settings import InfluxSettings
from historian.settings import OutboxSettings, RetentionSettings
from server.audit.settings import AuditSettings
from server.event_history.settings import EventHistorySettings
from server.metrics.settings import MetricsSettings
from server.permissions.settings import PermissionSettings
from server.ua_stack.discovery.settings import DiscoveryServerSettings, HostName, ReverseConnectSettings
from server.ua_stack.secure_channel.settings import ChannelSettings
from server.users.settings import RoleSettings, UserSettings, configured_rules

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HIGHEST_PORT = 65_535
_MOST = 1_000_000_000
_ENDPOINT = re.compile(r"opc\.tcp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})(/[^\s]*)?")
DEFAULT_SEARCH = ("/usr/share/plantspace/nodesets",)
SECTIONS_ELSEWHERE = ("devices", "pubsub", "analytics")
"""Keys whose content is validated by the room that it configures."""


def _plain_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        message = "must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit, such as line-1"
        raise ValueError(message)
    return text


def _endpoint(text: str) -> str:
    match = _ENDPOINT.fullmatch(text)
    if match is None or not 0 <= int(match[2]) <= _HIGHEST_PORT:
        message = "must be a URL such as opc.tcp://127.0.0.1:4840"
        raise ValueError(message)
    return text


def _folder(text: str) -> str:
    if not text.strip() or "\0" in text:
        problem = "must name a folder" + (", but nothing stands there" if not text.strip() else "")
        raise SettingError(problem, "write a folder such as ./var, or leave the key out, which means ./var")
    return text


def _roles(roles: dict[str, RoleSettings]) -> dict[str, RoleSettings]:
    configured_rules(roles)
    return roles


class ServerSettings(Settings):
    """The ``server:`` section. Nothing is offered that is not written here, but an encrypted endpoint on loopback."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] = "opc.tcp://127.0.0.1:4840"
    security: list[Literal["None", "Sign", "SignAndEncrypt"]] = Field(
        default_factory=lambda: list[Literal["None", "Sign", "SignAndEncrypt"]](["SignAndEncrypt"]), min_length=1
    )
    anonymous: Literal["none", "Observer", "Operator"] = "none"
    data_dir: Annotated[str, AfterValidator(_folder)] = "./var"
    max_sessions: int = Field(default=200, ge=1, le=10_000)
    channels: ChannelSettings = ChannelSettings()
    host_names: list[HostName] = Field(default_factory=list[str])
    discovery_server: DiscoveryServerSettings | None = None
    reverse_connect: list[ReverseConnectSettings] = Field(default_factory=list[ReverseConnectSettings])


class LimitSettings(Settings):
    """How much is read of NodeSet2 files that come from outside; beyond that they are refused."""

    file_mib: int = Field(default=256, ge=1, le=_MOST)
    total_mib: int = Field(default=1024, ge=1, le=_MOST)
    nodes: int = Field(default=1_000_000, ge=1000, le=_MOST)
    references: int = Field(default=10_000_000, ge=1000, le=_MOST)
    time: PositiveDuration = 300.0
    memory_mib: int = Field(default=4096, ge=64, le=_MOST)


class ModelSettings(Settings):
    """The ``model:`` section. ``nodesets``: files, patterns, URIs of models; ``search``: folders to look for models in.

    ``instances``: objects and variables of the models' types, in a list or a CSV file.
    """

    nodesets: list[str] = Field(default_factory=list[str])
    instances: str | list[Any] | None = None  # each is validated by its reader, at its place
    search: list[str] = Field(default_factory=lambda: list(DEFAULT_SEARCH))
    limits: LimitSettings = LimitSettings()


class HistorianSettings(Settings):
    """The ``historian:`` section. ``nodes``: names or patterns whose history is kept beside what the model says."""

    store: Literal["sqlite", "influxdb"] = "sqlite"
    retention: RetentionSettings = RetentionSettings()
    influxdb: InfluxSettings | None = None
    events: EventHistorySettings = EventHistorySettings()
    nodes: list[str] = Field(default_factory=list[str])

    @model_validator(mode="after")
    def _fits_together(self) -> HistorianSettings:
        clashes: dict[str, SettingError] = {}
        if self.store == "influxdb" and self.influxdb is None:
            problem = "store: influxdb has no server"
            clashes["store"] = SettingError(problem, "write influxdb: {url: http://…, database: …} beside it")
        if self.store != "influxdb" and self.influxdb is not None:
            problem = f"influxdb: is given, but the store is {self.store}"
            clashes["influxdb"] = SettingError(problem, "write store: influxdb, or leave influxdb: out")
        raise_clashes(self, clashes)
        return self


class GatewaySettings(Settings):
    """A whole configuration file, less the sections that other rooms validate."""

    name: Annotated[str, AfterValidator(_plain_name)] = "plantspace"
    server: ServerSettings = ServerSettings()
    model: ModelSettings = ModelSettings()
    historian: HistorianSettings | None = None
    outbox: OutboxSettings = OutboxSettings()
    metrics: MetricsSettings | None = None
    users: UserSettings = UserSettings()
    permissions: list[PermissionSettings] = Field(default_factory=list[PermissionSettings])
    audit: AuditSettings = AuditSettings()
    roles: Annotated[dict[str, RoleSettings], AfterValidator(_roles)] = Field(default_factory=dict[str, RoleSettings])
