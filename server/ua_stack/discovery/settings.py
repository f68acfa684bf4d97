"""What the ``server:`` section may say of discovery: ``host_names``, ``discovery_server`` and ``reverse_connect``."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings

_URL: Final = re.compile(r"opc\.tcp://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(/[^\s]*)?")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_STANDARD_PORT: Final = 4840
_HIGHEST_PORT: Final = 65_535
_LONGEST_PERIOD: Final = 600.0
"""Seconds after which a discovery server forgets who has not registered again (Part 4 v1.05 5.5.5.1)."""


def _peer(text: str) -> str:
    match = _URL.fullmatch(text)
    if match is None or not 0 < int(match[2] or _STANDARD_PORT) <= _HIGHEST_PORT:
        problem = f"{text[:80]!r} is no URL of OPC UA"
        raise SettingError(problem, "write one such as opc.tcp://192.168.1.10:4840")
    return text


def _host(text: str) -> str:
    if _HOST.fullmatch(text) is None:
        problem = f"{text[:80]!r} is no name or address of a host"
        raise SettingError(problem, "write one such as gateway.plant.example or 192.168.1.10, without a port")
    return text


def _period(seconds: float) -> float:
    if seconds > _LONGEST_PERIOD:
        problem = "a discovery server forgets who has not registered again for 10min"
        raise SettingError(problem, "write at most 10min")
    return seconds


PeerUrl = Annotated[str, AfterValidator(_peer)]
"""An ``opc.tcp`` URL; without a port 4840 is meant."""
HostName = Annotated[str, AfterValidator(_host)]
"""A name or address of ``server.host_names``: by which clients reach the gateway, and which the machine cannot know."""


def host_and_port(url: str) -> tuple[str, int]:
    """Give the host of an ``opc.tcp`` URL, without brackets, and its port."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _STANDARD_PORT


class DiscoveryServerSettings(Settings):
    """``server.discovery_server``: where the gateway registers itself, how often, and over which modes.

    ``timeout``: how long one registration may take altogether.
    """

    url: PeerUrl
    every: Annotated[PositiveDuration, AfterValidator(_period)] = _LONGEST_PERIOD
    security: list[Literal["None", "Sign", "SignAndEncrypt"]] = Field(
        default_factory=lambda: list[Literal["None", "Sign", "SignAndEncrypt"]](["Sign", "SignAndEncrypt"]),
        min_length=1,
    )
    timeout: PositiveDuration = 20.0


class ReverseConnectSettings(Settings):
    """One entry of ``server.reverse_connect``: a client that listens, and to which the gateway connects.

    ``connections``: to this client at most, the one that waits included. ``longest_wait``: between two tries.
    """

    url: PeerUrl
    connections: int = Field(default=4, ge=2, le=64)
    longest_wait: PositiveDuration = 60.0
