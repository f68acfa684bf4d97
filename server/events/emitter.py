"""Makes events of the types in the address space."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.errors import PlantspaceError
from core.time import now
from nodesets.built_in_types import LocalizedText
from server.address_space.encoding import NULL_VARIANT
from server.address_space.keys import NodeKey
from server.address_space.node import Flag
from server.events.event import Event, Path, base_fields
from server.events.event_types import EventTypes

SEPARATOR = "/"


class EventError(PlantspaceError):
    """An event cannot be made: its type is none, is abstract, or has no such field."""


class _Template:
    """What all events of a type have in common."""

    def __init__(self, fields: Mapping[Path, bool]) -> None:
        self.nulls = {path: NULL_VARIANT for path, needed in fields.items() if needed}
        self.paths = dict.fromkeys(fields)
        self.by_name: dict[str, Path | None] = {}
        for path in fields:
            name = SEPARATOR.join(part.name for part in path)
            self.by_name[name] = None if name in self.by_name else path

    def path(self, field: str | Path) -> Path | None:
        if isinstance(field, str):
            return self.by_name.get(field)
        return field if field in self.paths else None


class Emitter:
    """Makes events; which fields a type has is looked up once."""

    def __init__(self, types: EventTypes, clock: Callable[[], int] = now, *, abstract: bool = False) -> None:
        """Make events of ``types``; ``clock`` gives DateTime ticks. ``abstract``: of abstract types too.

        The standard has events of some types that its NodeSet calls abstract: AuditSessionEventType (Part 4 v1.05
        6.5.6), GeneralModelChangeEventType (Part 3 v1.05 9.32).
        """
        self._abstract = abstract
        self._types = types
        self._clock = clock
        self._templates: dict[NodeKey, _Template] = {}
        self._version = types.space.version

    def make(
        self,
        kind: NodeKey,
        source: NodeKey,
        message: str | LocalizedText,
        severity: int,
        fields: Mapping[str | Path, bytes] | None = None,
        *,
        condition: NodeKey | None = None,
        time: int | None = None,
    ) -> Event:
        """Make an event that happened at ``time``, else now.

        ``fields``: encoded Variants, by path, or by its names with ``/`` between them where those say which field is
        meant (``ActiveState/Id``). Mandatory fields that are not given are null. ``severity`` is brought within 1 to
        1000. ``condition``: the ConditionId of a Condition's event.

        Raises :class:`EventError`.
        """
        template = self._template(kind)
        text = message if isinstance(message, LocalizedText) else LocalizedText(None, message)
        made = dict(template.nulls)
        node = self._types.space.get(source)
        name = node.browse_name.name if node is not None else ""
        made |= base_fields(kind, source, name, text, severity, self._clock() if time is None else time)
        for field, encoded in (fields or {}).items():
            path = template.path(field)
            if path is None:
                problem = (
                    f"the event type {kind!r} has no field {field!r}, or several of that name: give its whole path"
                )
                raise EventError(problem)
            made[path] = encoded
        return Event(kind, source, made, condition)

    def _template(self, kind: NodeKey) -> _Template:
        space = self._types.space
        if self._version != space.version:
            self._version = space.version
            self._templates.clear()
        template = self._templates.get(kind)
        if template is None:
            if not self._types.is_event_type(kind):
                message = f"{kind!r} is no event type: events have a type derived from BaseEventType"
                raise EventError(message)
            if space[kind].flags & Flag.IS_ABSTRACT and not self._abstract:
                message = f"the event type {kind!r} is abstract: events have one of its subtypes"
                raise EventError(message)
            template = self._templates[kind] = _Template(self._types.fields(kind))
        return template
