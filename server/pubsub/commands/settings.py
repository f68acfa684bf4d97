"""The sections ``commands:`` and ``subscribed:`` of a connection. docs/reference/commands.md explains each key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings, raise_clashes
from server.pubsub.uadp.settings import UadpSecuritySettings

_LONGEST_TOPIC = 1024


def _names_one_topic(text: str) -> str:
    if any(sign in text for sign in "+#\0"):
        problem = f"{text!r} is a filter, and commands come on one topic"
        raise SettingError(problem, "leave out '+' and '#'")
    return _is_a_filter(text)


def _is_a_filter(text: str) -> str:
    """Check a topic filter (MQTT 5.0, 4.7.1)."""
    levels = text.split("/")
    lone = all(level in ("+", "#") or not set("+#\0") & set(level) for level in levels)
    if not text or not lone or "#" in levels[:-1] or not text.isprintable() or len(text.encode()) > _LONGEST_TOPIC:
        problem = f"{text[:40]!r} is no MQTT topic filter"
        raise SettingError(problem, "write levels divided by '/', '+' for one level, '#' at the end for the rest")
    if text.startswith("$"):
        problem = f"{text!r} begins with '$', which belongs to the broker"
        raise SettingError(problem, "choose another first level")
    return text


def _is_a_pattern(text: str) -> str:
    if not text.startswith(("nsu=", "/", "i=")):
        problem = f"{text!r} names no node"
        raise SettingError(problem, "write nsu=<uri>;s=… or a browse path such as /Objects/Line1/*")
    return text


def _is_a_user(text: str) -> str:
    if not text.strip():
        problem = "no user is named"
        raise SettingError(problem, "make one with 'plantspace user add' and write its name")
    return text


TopicText = Annotated[str, AfterValidator(_names_one_topic)]
TopicFilter = Annotated[str, AfterValidator(_is_a_filter)]
NodePattern = Annotated[str, AfterValidator(_is_a_pattern)]
UserName = Annotated[str, AfterValidator(_is_a_user)]


class CommandSettings(Settings):
    """Writes and calls by MQTT. ``user``: of the gateway's users, whose roles are what may be done.

    ``topic``: where JSON commands come, ``<prefix>/json/commands/<publisher>`` where it is left out. ``allow``: nodes
    and patterns over browse paths; where some are given, nothing else is written or called. ``answers``: topic filters
    that a response topic has to match; any where there are none. ``rate``: commands a second. ``most_ids``: ids kept.
    """

    user: UserName
    topic: TopicText | None = None
    allow: list[NodePattern] = Field(default_factory=list[NodePattern])
    methods: bool = False
    answers: list[TopicFilter] = Field(default_factory=list[TopicFilter])
    max_size: int = Field(default=64 * 1024, ge=256, le=1024 * 1024)
    rate: float = Field(default=20.0, gt=0.0, le=1000.0)
    keep_ids: PositiveDuration = 7 * 86_400.0
    most_ids: int = Field(default=500_000, ge=1_000, le=10_000_000)


class SubscribedSettings(Settings):
    """A DataSet of another publisher whose fields are written to variables (a DataSetReader, Part 14 v1.05 6.2.9).

    ``topic``: the filter that its messages come by. ``metadata_topic``: the filter of its retained DataSetMetaData.
    ``publisher``, ``group``, ``writer``: PublisherId, and the ids of WriterGroup and DataSetWriter; any where left out.
    ``fields``: names of fields, and the nodes that they are written to. ``user``: whose roles are what may be written.
    ``on_stale``: what becomes of the values when nothing has come for so long, and which StatusCode they have then.
    ``security``: what its UADP messages are secured with; others are not read then.
    """

    topic: TopicFilter
    encoding: Literal["json", "uadp"] = "json"
    security: UadpSecuritySettings | None = None
    metadata_topic: TopicFilter | None = None
    publisher: str = ""
    group: int | None = Field(default=None, ge=0, le=0xFFFF)
    writer: int | None = Field(default=None, ge=0, le=0xFFFF)
    fields: dict[str, str] = Field(min_length=1, max_length=10_000)
    user: UserName
    stale_after: PositiveDuration | None = 10.0
    on_stale: Literal["UncertainLastUsableValue", "BadNoCommunication"] = "UncertainLastUsableValue"
    max_size: int = Field(default=1024 * 1024, ge=256, le=16 * 1024 * 1024)

    @model_validator(mode="after")
    def _knows_the_fields(self) -> SubscribedSettings:
        if self.encoding == "uadp" and self.metadata_topic is None:
            problem = "UADP tells fields by their places, and metadata_topic: is missing, which tells their names"
            raise_clashes(self, {"encoding": SettingError(problem, "write the topic of the retained metadata")})
        if self.encoding != "uadp" and self.security is not None:
            problem = "JSON messages have no security of their own"
            raise_clashes(self, {"security": SettingError(problem, "write encoding: uadp, or leave security: out")})
        return self
