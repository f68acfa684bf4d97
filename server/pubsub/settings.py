"""The ``pubsub:`` section of the configuration. docs/reference/pubsub.md explains each key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Secret, Settings, raise_clashes
from server.pubsub.topics import check_level, check_prefix

PORTS = {"mqtt": 1883, "mqtts": 8883}
FILES = ("ca_file", "certificate_file", "key_file")
"""The keys that name files."""

Content = Literal["StatusCode", "SourceTimestamp", "ServerTimestamp", "RawData"]
"""Bits of DataSetFieldContentMask (Part 14 v1.05 6.2.4.2) by their names."""


class BrokerAddress(NamedTuple):
    """Where the broker listens."""

    host: str
    port: int
    secure: bool


def _names_a_node(text: str) -> str:
    if not text.startswith(("nsu=", "/", "i=", "s=", "g=", "b=")):
        problem = f"{text!r} names no node"
        raise SettingError(problem, "write nsu=<uri>;s=… or a browse path such as /Objects/Line1/*")
    return text


NodeText = Annotated[str, AfterValidator(_names_a_node)]
Level = Annotated[str, AfterValidator(check_level)]


class DataSetSettings(Settings):
    """One DataSet and its DataSetWriter."""

    nodes: list[NodeText] = Field(min_length=1)
    publish: PositiveDuration = 1.0
    samples: Literal["latest", "all"] = "latest"
    keyframe: int = Field(default=10, ge=1, le=1_000_000)
    group: Level = "default"
    names: Literal["name", "path", "node"] = "name"
    content: list[Content] = Field(default_factory=lambda: list[Content](("StatusCode", "SourceTimestamp", "RawData")))
    queue: int = Field(default=200_000, ge=1, le=100_000_000)
    description: str = ""


class PubSubSettings(Settings):
    """One connection to a broker and what is published there."""

    broker: str
    client_id: str = ""
    username: str = ""
    password: Secret | None = None
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    protocol: Literal["mqttv5", "mqttv311"] = "mqttv5"
    publisher: str = ""
    prefix: str = "opcua"
    in_flight: int = Field(default=20, ge=1, le=65_535)
    keep_alive: PositiveDuration = 30.0
    connect_timeout: PositiveDuration = 10.0
    acknowledge_timeout: PositiveDuration = 30.0
    retry_first: PositiveDuration = 0.5
    retry_longest: PositiveDuration = 30.0
    max_message: int = Field(default=128 * 1024, ge=1_024, le=256 * 1024 * 1024)
    datasets: dict[Level, DataSetSettings]

    @field_validator("broker")
    @classmethod
    def _can_be_reached(cls, value: str) -> str:
        address_of(value)
        return value

    @field_validator("prefix")
    @classmethod
    def _prefix_is_a_topic(cls, value: str) -> str:
        return check_prefix(value)

    @field_validator("publisher")
    @classmethod
    def _publisher_is_a_level(cls, value: str) -> str:
        return check_level(value) if value else value

    @field_validator("keep_alive")
    @classmethod
    def _keep_alive_is_whole(cls, value: float) -> float:
        if not 1 <= value <= 65_535 or value != int(value):  # noqa: PLR2004 - MQTT 5.0, 3.1.2.10: a two-byte count of seconds
            problem = "the keep-alive must be whole seconds from 1s to 65535s"
            raise SettingError(problem, "write for example 30s")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> PubSubSettings:
        clashes: dict[str, SettingError] = {}
        files = [key for key in FILES if getattr(self, key)]
        if files and not self.address.secure:
            problem = f"{self.broker} is not encrypted, but {' and '.join(files)} {'are' if files[1:] else 'is'} given"
            clashes["broker"] = SettingError(problem, "write mqtts:// for the broker, or leave the files out")
        if bool(self.certificate_file) != bool(self.key_file):
            given, missing = ("key_file", "certificate_file") if self.key_file else ("certificate_file", "key_file")
            problem = f"{given} is given without {missing}"
            clashes[given] = SettingError(problem, "give both or neither")
        if self.password is not None and not self.username:
            problem = "a password is given without a username"
            clashes["password"] = SettingError(problem, "write username: beside it")
        raise_clashes(self, clashes)
        return self

    @property
    def address(self) -> BrokerAddress:
        """Give the broker's address taken apart."""
        return address_of(self.broker)

    def beside(self, base: Path) -> PubSubSettings:
        """Give the same settings with the names of files that are relative begun at ``base``."""
        files = {key: getattr(self, key) for key in FILES}
        return self.model_copy(update={key: str(base / name) for key, name in files.items() if name})


def address_of(url: str) -> BrokerAddress:
    """Take a broker's address apart.

    Raises:
        SettingError: It is not ``mqtt://host[:port]`` or ``mqtts://host[:port]``.
    """
    mend = "write mqtt://host:port or mqtts://host:port; the ports are 1883 and 8883 where none is given"
    parts = urlsplit(url)
    if parts.scheme not in PORTS or "://" not in url:
        problem = f"a broker is reached by mqtt:// or mqtts://, not by {parts.scheme or 'nothing'}"
        raise SettingError(problem, mend)
    if parts.username is not None or parts.password is not None:
        problem = "the broker's address must not hold a user or a password"
        raise SettingError(problem, "write username: and password: beside it")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port == 0 or parts.path.strip("/") or parts.query or parts.fragment:
        problem = f"{url!r} is not the address of a broker"
        raise SettingError(problem, mend)
    return BrokerAddress(host, port or PORTS[parts.scheme], parts.scheme == "mqtts")
