"""The DataSets of events of one connection: the nodes, types and fields that their settings name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from core.errors import Findings
from core.settings import Section
from core.settings.partial import sound_part
from server.address_space.keys import NodeKey, key_of
from server.events.event_types import EventTypes
from server.pubsub.events.selection import EventSelection, EventSelectionError, select_events
from server.pubsub.events.settings import EventSettings
from server.ua_stack.browse import Directory

_Select = Callable[[EventSettings], EventSelection]
_Wrong = tuple[tuple[str | int, ...], EventSelectionError]
_LOOKED_UP: Final = ("source", "types", "fields_", "kind")
_EVERY_EVENT: Final[dict[str, object]] = {"source": "i=2253", "types": [], "fields_": ["Time"]}
"""Settings of which nothing is wrong."""


def plan_events(section: Section, directory: Directory, findings: Findings) -> dict[str, EventSelection]:
    """Look up what each DataSet names; what means nothing is told at its place, whatever else is wrong.

    ``section``: of the connection, with the DataSets under its key ``events``.
    """

    def find(text: str) -> NodeKey | None:
        nodeid = directory.known(text)
        return None if nodeid is None else key_of(nodeid)

    types = EventTypes(directory.space)
    planned: dict[str, EventSelection] = {}
    for name, one in section.members("events", Findings()).items():
        part = sound_part(EventSettings, one)
        if part is None or not all(hasattr(part, key) for key in _LOOKED_UP):
            continue  # the settings have told it
        settings = EventSettings.model_construct(**vars(part))

        def select(settings: EventSettings, name: str = name) -> EventSelection:
            return select_events(name, settings, types, directory.nodeids, find)

        try:
            planned[name] = select(settings)
        except EventSelectionError as error:
            for path, wrong in list(_each(settings, select)) or [((error.key,), error)]:
                findings.add(one.place(path), wrong.problem, wrong.mend)
    return planned


def _each(settings: EventSettings, select: _Select) -> Iterator[_Wrong]:
    """Give what is wrong with each name by itself, and where it stands. Fields are those of the types."""
    wrong = [*_tried({**_EVERY_EVENT, "source": settings.source}, ("source",), settings, select)]
    of_types = [
        found
        for at, text in enumerate(settings.types)
        for found in _tried({**_EVERY_EVENT, "types": [text]}, ("types", at), settings, select)
    ]
    yield from (*wrong, *of_types)
    for at, text in enumerate(settings.fields_ if not of_types else ()):
        yield from _tried({"source": _EVERY_EVENT["source"], "fields_": [text]}, ("fields", at), settings, select)


def _tried(
    update: dict[str, object], path: tuple[str | int, ...], settings: EventSettings, select: _Select
) -> Iterator[_Wrong]:
    try:
        select(settings.model_copy(update=update))
    except EventSelectionError as error:
        yield path, error
