"""The sections ``events`` and ``logs`` of a connection: DataSets of events."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings
from server.pubsub.json.settings import JsonOption, JsonSettings
from server.pubsub.topics import check_level
from server.pubsub.uadp.settings import UadpSettings

MOST_FIELDS: Final = 200
MOST_TYPES: Final = 30
_LONGEST: Final = 1_000


def _names_something(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        problem = f"{text[:40]!r} names nothing"
        raise SettingError(problem, "write for example /Objects/Line1 or AlarmConditionType")
    return text


Name = Annotated[str, AfterValidator(_names_something)]
Level = Annotated[str, AfterValidator(check_level)]


class PublishedSettings(Settings):
    """What DataSets of events have in common with those of points."""

    publish: PositiveDuration = 1.0
    group: Level = "default"
    description: str = ""
    queue: int = Field(default=10_000, ge=1, le=1_000_000)
    json_: JsonOption = Field(default_factory=JsonSettings, alias="json")
    uadp: UadpSettings = Field(default_factory=UadpSettings)


class EventSettings(PublishedSettings):
    """Events that are heard at a node, as PublishedEvents (Part 14 v1.05 6.2.3.8).

    ``source``: a notifier; ``types``: event types by NodeId, path or BrowseName, their subtypes included; ``severity``:
    the least; ``fields``: BrowseNames with ``/`` between them, as in ``ActiveState/Id``. Without ``types``, the class
    alarms means Conditions and the class events means all else but audit events.
    """

    source: Name = "i=2253"
    types: list[Name] = Field(default_factory=list[Name], max_length=MOST_TYPES, examples=[["AlarmConditionType"]])
    severity: int = Field(default=1, ge=1, le=1000)
    fields_: list[Name] = Field(
        default_factory=lambda: list[Name](
            ("EventId", "EventType", "SourceNode", "SourceName", "Time", "Message", "Severity")
        ),
        alias="fields",
        min_length=1,
        max_length=MOST_FIELDS,
    )
    kind: Literal["alarms", "events", "logs"] = Field(default="events", alias="class")


class LogSettings(PublishedSettings):
    """The gateway's own log. ``loggers``: these and those beneath; ``rate``: records a second at most."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    loggers: list[Name] = Field(default_factory=lambda: list[Name](("plantspace",)), min_length=1)
    rate: int = Field(default=50, ge=1, le=10_000)
    queue: int = Field(default=1_000, ge=1, le=100_000)
    kind: Literal["logs"] = Field(default="logs", alias="class")
