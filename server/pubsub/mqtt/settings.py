"""Where a broker is and how it is talked to. docs/reference/pubsub.md explains each key."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Secret, Settings, raise_clashes
from core.tls_files import FILES, ServerAddress, beside, clashing_files, take_apart

__all__ = ["FILES", "PORTS", "BrokerSettings", "address_of"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
"""The port of each scheme where an address names none."""
WEB_SOCKET: Final = ("ws", "wss")
"""Only their addresses have a path, and always."""
SECURE: Final = ("mqtts", "wss")
WEB_SOCKET_PATH: Final = "/mqtt"
"""Where brokers listen for WebSockets unless the address says something else."""


class BrokerSettings(Settings):
    """One connection to a broker."""

    broker: str
    client_id: str = Field(default="", max_length=1_024)
    username: str = ""
    password: Secret | None = None
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    server_name: str = Field(default="", max_length=253)
    alpn: str = Field(default="", max_length=255)
    protocol: Literal["mqttv5", "mqttv311"] = "mqttv5"
    in_flight: int = Field(default=1_000, ge=1, le=65_000)
    keep_alive: PositiveDuration = 30.0
    connect_timeout: PositiveDuration = 10.0
    acknowledge_timeout: PositiveDuration = 30.0
    retry_first: PositiveDuration = 0.5
    retry_longest: PositiveDuration = 30.0
    max_packet: int = Field(default=1 << 20, ge=1_024, le=268_435_455)

    @field_validator("broker")
    @classmethod
    def _can_be_reached(cls, value: str) -> str:
        address_of(value)
        return value

    @field_validator("client_id", "username")
    @classmethod
    def _is_a_text_of_mqtt(cls, value: str) -> str:
        if not value.isprintable():
            problem = "it must not hold control characters"
            raise SettingError(problem, "write it in one line of printable text")
        return value

    @field_validator("alpn")
    @classmethod
    def _alpn_is_ascii(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()):
            problem = f"{value!r} is no name of an application protocol"
            raise SettingError(problem, "write it as the broker's maker does, for example x-amzn-mqtt-ca")
        return value

    @field_validator("keep_alive")
    @classmethod
    def _keep_alive_is_whole(cls, value: float) -> float:
        if not 1 <= value <= 65_535 or value != int(value):  # noqa: PLR2004 - MQTT 5.0, 3.1.2.10: a two-byte count of seconds
            problem = "the keep-alive must be whole seconds from 1s to 65535s"
            raise SettingError(problem, "write for example 30s")
        return value

    @model_validator(mode="after")
    def _is_one_connection(self) -> Self:
        mend = "write mqtts:// or wss:// for the broker, or leave the files out"
        secure = self.address.secure
        clashes = clashing_files(self, "broker", self.broker, secure=secure, mend=mend)
        for key in ("alpn", "server_name"):
            if getattr(self, key) and not secure:
                problem = f"{key} is of TLS, but {self.broker} is not encrypted"
                clashes[key] = SettingError(problem, f"write mqtts:// or wss:// for the broker, or leave {key} out")
        if self.password is not None and not self.username:
            problem = "a password is given without a username"
            clashes["password"] = SettingError(problem, "write username: beside it")
        raise_clashes(self, clashes)
        return self

    @property
    def address(self) -> ServerAddress:
        """Give the broker's address taken apart."""
        return address_of(self.broker)

    @property
    def is_v5(self) -> bool:
        """Tell whether MQTT 5.0 is spoken, or 3.1.1."""
        return self.protocol == "mqttv5"

    def beside(self, base: Path) -> Self:
        """Give the same settings with the names of files that are relative begun at ``base``."""
        return beside(self, base)


def address_of(url: str) -> ServerAddress:
    """Take a broker's address apart; one of a WebSocket has a path.

    Raises:
        SettingError: It is not ``mqtt://host[:port]``, ``mqtts://…``, ``ws://host[:port][/path]`` or ``wss://…``.
    """
    mend = "write mqtt://host:port, mqtts://host:port or wss://host:port/path; the ports are 1883, 8883, 80, 443"
    address = take_apart(url, PORTS, secure=SECURE, paths=WEB_SOCKET, what="a broker", mend=mend)
    if url.startswith(WEB_SOCKET) and not address.path:
        return address._replace(path=WEB_SOCKET_PATH)
    return address
