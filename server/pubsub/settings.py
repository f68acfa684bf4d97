"""The ``pubsub:`` section of the configuration. docs/reference/pubsub.md explains each key."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import raise_clashes
from core.tls_files import FILES
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.settings import CloudSettings
from server.pubsub.commands.settings import CommandSettings, SubscribedSettings
from server.pubsub.delivery.pace import Rate, parse_rate
from server.pubsub.delivery.streams import DEFAULT, DataClass
from server.pubsub.events.settings import EventSettings, LogSettings
from server.pubsub.json.settings import JsonOption, JsonSettings
from server.pubsub.mqtt.settings import BrokerSettings
from server.pubsub.selection_settings import SelectionSettings
from server.pubsub.sparkplug.settings import SparkplugSettings
from server.pubsub.topics import check_level, check_prefix
from server.pubsub.uadp.settings import UadpSettings
from server.pubsub.unified_namespace.settings import NamespaceSettings

__all__ = ["CONNECTIONS", "FILES", "ConnectionSettings", "Content", "DataSetSettings", "EncodingName", "Level"]

CONNECTIONS: Final = "connections"
"""The key of ``pubsub:`` under which there are several connections; without it the section is one."""
LONGEST_NAME: Final = 64

Content = Literal["StatusCode", "SourceTimestamp", "ServerTimestamp", "RawData"]
"""Bits of DataSetFieldContentMask (Part 14 v1.05 6.2.4.2) by their names."""
EncodingName = Literal["json", "uadp", "sparkplug", "unified-namespace"]
Level = Annotated[str, AfterValidator(check_level)]
Prefix = Annotated[str, AfterValidator(check_prefix)]


class DataSetSettings(SelectionSettings):
    """One DataSet and its DataSetWriter."""

    publish: PositiveDuration = 1.0
    samples: Literal["latest", "all"] = "latest"
    keyframe: int = Field(default=10, ge=1, le=1_000_000)
    group: Level = "default"
    names: Literal["name", "path", "node"] = "name"
    content: list[Content] = Field(default_factory=lambda: list[Content](("StatusCode", "SourceTimestamp", "RawData")))
    queue: int = Field(default=200_000, ge=1, le=100_000_000)
    kind: DataClass = Field(default="telemetry", alias="class")
    description: str = ""
    json_: JsonOption = Field(default_factory=JsonSettings, alias="json")
    uadp: UadpSettings = Field(default_factory=UadpSettings)


class ConnectionSettings(CloudSettings, BrokerSettings):
    """One connection to a broker and what is published there."""

    publisher: str = ""
    prefix: Prefix = "opcua"
    prefixes: dict[DataClass, Prefix] = Field(default_factory=dict[DataClass, str])
    encoding: EncodingName = "json"
    max_message: int = Field(default=128 * 1024, ge=1_024, le=256 * 1024 * 1024)
    replay: Literal["in-order", "live-first"] = "in-order"
    late_after: PositiveDuration = 10.0
    replay_rate: str = ""
    keep: dict[DataClass, PositiveDuration] = Field(default_factory=dict[DataClass, float])
    sparkplug: SparkplugSettings | None = None
    namespace: NamespaceSettings | None = None
    commands: CommandSettings | None = None
    subscribed: dict[Level, SubscribedSettings] = Field(default_factory=dict[str, SubscribedSettings])
    datasets: dict[Level, DataSetSettings] = Field(default_factory=dict[str, DataSetSettings])
    events: dict[Level, EventSettings] = Field(default_factory=dict[str, EventSettings])
    logs: dict[Level, LogSettings] = Field(default_factory=dict[str, LogSettings])

    @field_validator("publisher")
    @classmethod
    def _publisher_is_a_level(cls, value: str) -> str:
        return check_level(value) if value else value

    @field_validator("replay_rate")
    @classmethod
    def _replay_rate_is_one(cls, value: str) -> str:
        parse_rate(value)
        return value

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        clashes: dict[str, SettingError] = {}
        if not (self.datasets or self.events or self.logs or self.subscribed or self.commands or self.twin):
            clashes["datasets"] = SettingError("there is nothing to publish", "name a dataset with its nodes")
        if self.replay_rate and self.replay != "live-first":
            problem = "replay_rate is given, and what waits goes first, as fast as it can"
            clashes["replay_rate"] = SettingError(problem, "write replay: live-first, or leave replay_rate out")
        clashes |= self._clashes_of_encoding()
        names = (*self.datasets, *self.events, *self.logs)
        twice = next((name for name in (*self.events, *self.logs) if names.count(name) > 1), None)
        if twice is not None:
            problem = f"two datasets are called {twice}, and would share a topic"
            clashes["logs" if twice in self.logs else "events"] = SettingError(problem, "choose another name for one")
        raise_clashes(self, clashes)
        return self

    def _clashes_of_encoding(self) -> dict[str, SettingError]:
        clashes: dict[str, SettingError] = {}
        for key, encoding in (("sparkplug", "sparkplug"), ("namespace", "unified-namespace")):
            if getattr(self, key) is not None and self.encoding != encoding:
                problem = f"{key} is given, and the encoding is {self.encoding}"
                clashes[key] = SettingError(problem, f"write encoding: {encoding}, or leave {key} out")
        preset = None if self.preset is None or not PRESETS[self.preset].device_topics else PRESETS[self.preset]
        if preset is not None and self.encoding != "json":
            problem = f"{preset.title} has one topic for all that a device says, which is JSON here"
            clashes["encoding"] = SettingError(problem, "write encoding: json")
        if self.prefixes and (self.encoding == "sparkplug" or preset is not None):
            problem = "prefixes are given, and the topics here begin with none"
            clashes["prefixes"] = SettingError(problem, "leave prefixes out")
        for key in ("events", "logs"):
            if getattr(self, key) and self.encoding not in ("json", "uadp"):
                problem = f"the encoding {self.encoding} has no messages for {key}"
                clashes[key] = SettingError(problem, "publish them by another connection with encoding: json")
        return {**self._unused_sections(), **clashes}

    def _unused_sections(self) -> dict[str, SettingError]:
        clashes: dict[str, SettingError] = {}
        for key in ("datasets", "events", "logs"):
            given = getattr(self, key).items()
            unused = [(name, word) for name, one in given for word in _unused(one, self.encoding)]
            if unused:
                name, word = unused[0]
                problem = f"{name} has {word}:, and the encoding is {self.encoding}"
                clashes[key] = SettingError(problem, f"write encoding: {word}, or leave {word}: out")
        return clashes

    @property
    def published(self) -> dict[str, DataSetSettings | EventSettings | LogSettings]:
        """Give all DataSets, whatever they are of."""
        return {**self.datasets, **self.events, **self.logs}

    def prefix_of(self, dataset: str) -> str:
        """Give what the topics of a DataSet begin with, by its class."""
        published = self.published.get(dataset)
        return self.prefix if published is None else self.prefixes.get(published.kind, self.prefix)

    @property
    def rate(self) -> Rate | None:
        """Give the most that a backlog may go at; None for no bound."""
        return parse_rate(self.replay_rate)


def _unused(dataset: DataSetSettings | EventSettings | LogSettings, encoding: EncodingName) -> list[str]:
    """Name the sections of a DataSet that are of another encoding."""
    sections = {"json": "json_", "uadp": "uadp"}
    return [word for word, key in sections.items() if key in dataset.model_fields_set and word != encoding]


def client_id_of(connection: str, publisher: str) -> str:
    """Name the MQTT client of a connection whose settings do not: several connections may be to one broker."""
    return f"plantspace-{publisher}" if connection == DEFAULT else f"plantspace-{publisher}-{connection}"


def check_connection(name: str) -> str:
    """Give a connection's name back if it can stand in the names of files and nodes.

    Raises:
        SettingError: It is longer than 64 characters, or has others than letters, digits, ``-`` and ``_``.
    """
    if not 0 < len(name) <= LONGEST_NAME or not all(sign.isalnum() or sign in "-_" for sign in name):
        problem = f"{name[:70]!r} is no name of a connection"
        raise SettingError(problem, "write letters, digits, '-' and '_', 64 at most")
    return name
