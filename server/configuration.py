"""The gateway's configuration file as settings (the contract's section 4)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings

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


class ServerSettings(Settings):
    """The ``server:`` section. Nothing is offered that is not written here, but an encrypted endpoint on loopback."""

    endpoint: Annotated[str, AfterValidator(_endpoint)] = "opc.tcp://127.0.0.1:4840"
    security: list[Literal["None", "Sign", "SignAndEncrypt"]] = Field(
        default_factory=lambda: list[Literal["None", "Sign", "SignAndEncrypt"]](["SignAndEncrypt"]), min_length=1
    )
    anonymous: Literal["none", "Observer", "Operator"] = "none"
    data_dir: Annotated[str, AfterValidator(_folder)] = "./var"


class LimitSettings(Settings):
    """How much is read of NodeSet2 files that come from outside; beyond that they are refused."""

    file_mib: int = Field(default=256, ge=1, le=_MOST)
    total_mib: int = Field(default=1024, ge=1, le=_MOST)
    nodes: int = Field(default=1_000_000, ge=1000, le=_MOST)
    references: int = Field(default=10_000_000, ge=1000, le=_MOST)
    time: PositiveDuration = 300.0
    memory_mib: int = Field(default=4096, ge=64, le=_MOST)


class ModelSettings(Settings):
    """The ``model:`` section. ``nodesets``: files or patterns; ``search``: folders to look for required models in.

    ``instances``: objects and variables of the models' types, in a list or a CSV file.
    """

    nodesets: list[str] = Field(default_factory=list[str])
    instances: str | list[Any] | None = None  # each is validated by its reader, at its place
    search: list[str] = Field(default_factory=lambda: list(DEFAULT_SEARCH))
    limits: LimitSettings = LimitSettings()


class RetentionSettings(Settings):
    """How long history is kept."""

    raw: PositiveDuration = 30 * 86_400.0


class HistorianSettings(Settings):
    """The ``historian:`` section. ``nodes``: names or patterns whose history is kept beside what the model says."""

    store: Literal["sqlite"] = "sqlite"
    retention: RetentionSettings = RetentionSettings()
    nodes: list[str] = Field(default_factory=list[str])


class GatewaySettings(Settings):
    """A whole configuration file, less the sections that other rooms validate."""

    name: Annotated[str, AfterValidator(_plain_name)] = "plantspace"
    server: ServerSettings = ServerSettings()
    model: ModelSettings = ModelSettings()
    historian: HistorianSettings | None = None
