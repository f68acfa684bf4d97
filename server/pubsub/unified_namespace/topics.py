"""Topics of points: a template filled from the configuration and the browse path."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import SettingError
from server.pubsub.fields import DataSetField
from server.pubsub.topics import check_prefix
from server.pubsub.unified_namespace.settings import NamespaceSettings

_FORBIDDEN = str.maketrans({"/": "_", "+": "_", "#": "_"})
_META = "_meta"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a DataSet belongs: what all of its topics share."""

    prefix: str
    publisher: str
    group: str
    dataset: str


def topics(settings: NamespaceSettings, place: Place, fields: Sequence[DataSetField]) -> list[str]:
    """Give each field's topic. What cannot stand in a level becomes ``_``; a level the point does not have is left out.

    Raises :class:`~core.errors.SettingError` where two points get one topic, or a topic cannot be one.
    """
    template = [(text, name) for text, name, _, _ in string.Formatter().parse(settings.topic)]
    made: list[str] = []
    owner: dict[str, str] = {}
    for field in fields:
        path = [_level(part) for part in field.path or field.name.split(".")]
        words = dict.fromkeys((name for _, name in template if name and name.isdecimal()), "")
        words |= {str(number): part for number, part in enumerate(path, 1)}
        words |= settings.values
        words |= {
            "prefix": place.prefix,
            "publisher": place.publisher,
            "group": place.group,
            "dataset": place.dataset,
            "path": "/".join(path),
            "parents": "/".join(path[:-1]),
            "name": path[-1],
        }
        filled = "".join(text + (words[name] if name is not None else "") for text, name in template)
        topic = "/".join(filter(None, filled.split("/")))
        check_prefix(topic)
        if topic in owner:
            problem = f"{field.node} and {owner[topic]} both get the topic {topic}"
            raise SettingError(problem, "use {path} in the topic, or levels that tell them apart")
        owner[topic] = field.node
        made.append(topic)
    return made


def meta_topic(topic: str) -> str:
    """Give the topic of a point's metadata."""
    return f"{topic}/{_META}"


def status_topic(prefix: str, publisher: str) -> str:
    """Give the topic on which the gateway says whether it is there."""
    return f"{prefix}/_status/{publisher}"


def _level(text: str) -> str:
    made = "".join(sign if sign.isprintable() else "_" for sign in text.translate(_FORBIDDEN))
    return made.strip() or "_"
