"""DataSetMessages as they were received, whatever they were encoded as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.errors import PlantspaceError

KEY_FRAME: Final = "ua-keyframe"
DELTA_FRAME: Final = "ua-deltaframe"
EVENT: Final = "ua-event"
KEEP_ALIVE: Final = "ua-keepalive"


class MessageUnreadable(PlantspaceError):  # noqa: N818 - the name says what became of the message
    """A message is none that a reader can read."""


@dataclass(frozen=True, slots=True)
class ReceivedField:
    """A field's value. ``value``: as :class:`~server.pubsub.commands.port.Wanted` takes it; None where there is none.

    ``status`` and ``source_time`` (DateTime ticks): None where the message does not say.
    """

    value: object
    status: int | None = None
    source_time: int | None = None


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One DataSetMessage. ``fields``: by name.

    ``sequence`` counts modulo ``wraps``; ``version``: MajorVersion of the DataSetMetaData that it was made by, and
    ``minor`` its MinorVersion where fields are told by their places; ``time``: DateTime ticks. All of them None where
    the message does not say.
    """

    publisher: str
    group: int | None
    writer: int | None
    kind: str
    sequence: int | None = None
    wraps: int = 1 << 32
    version: int | None = None
    minor: int | None = None
    time: int | None = None
    status: int | None = None
    fields: Mapping[str, ReceivedField] = field(default_factory=dict[str, ReceivedField])


@dataclass(frozen=True, slots=True)
class ReceivedMetaData:
    """A DataSetMetaData. ``names``: the fields, in their order."""

    publisher: str
    writer: int | None
    version: int | None
    names: tuple[str, ...]
    minor: int | None = None


class Source(Protocol):
    """Takes messages of one encoding apart. Used by one caller at a time, on any thread."""

    def messages(self, payload: bytes) -> list[ReceivedMessage]:
        """Give the DataSetMessages of a message. Raises :class:`MessageUnreadable`."""
        ...

    def metadata(self, payload: bytes) -> list[ReceivedMetaData]:
        """Give the DataSetMetaData of a message. Raises :class:`MessageUnreadable`."""
        ...
