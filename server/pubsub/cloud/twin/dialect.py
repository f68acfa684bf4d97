"""What a cloud's service says of a twin and is told, in no cloud's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from core.errors import PlantspaceError
from server.pubsub.contract import MqttMessage

CONFLICT: Final = 409
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
SERVER_ERRORS: Final = 500

Json = Any
"""What ``json.loads`` gives."""


class TwinGarbage(PlantspaceError):  # noqa: N818 - the name says what came
    """A message of the twin's topics is not what its service sends."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A value that the cloud wants of a property. ``mark``: rises with each time that somebody has set it."""

    value: Json
    mark: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What is wanted. ``version``: of the document, which rises with each change of it.

    ``exact``: the marks are the properties' own; else they are the document's, and a property that is wanted as it was
    carried out before has not been set again, as far as anybody can tell.
    """

    version: int
    wishes: Mapping[str, Wish]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """The answer to a request for the document. ``reported``: what it says now."""

    desired: Desired
    reported: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request: a code as HTTP has them, and the service's own words."""

    token: str
    code: int
    message: str = ""

    @property
    def is_good(self) -> bool:
        """Tell whether it was done."""
        return 200 <= self.code < 300  # noqa: PLR2004 - HTTP's range


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a wish was carried out. ``status``: a StatusCode, ``words`` its name, ``version`` the document's."""

    status: int
    words: str
    version: int


News = Desired | tuple[Answer, Whole | None]


class TwinDialect(Protocol):
    """One cloud's words. Has no state and no I/O."""

    @property
    def title(self) -> str:
        """Name the service."""
        ...

    @property
    def largest(self) -> int:
        """Give the bytes of a report that the service takes."""
        ...

    def filters(self) -> list[str]:
        """Name what is subscribed."""
        ...

    def request(self, token: str) -> MqttMessage:
        """Ask for the document."""
        ...

    def report(self, token: str, patch: Mapping[str, Json]) -> MqttMessage:
        """Tell what has changed; null stands for what is no more."""
        ...

    def document(
        self, values: Mapping[str, Json], quality: Mapping[str, str], outcomes: Mapping[str, Outcome]
    ) -> dict[str, Json]:
        """Give what is to be reported. ``values``: of the properties that have one, ``quality``: what is not Good."""
        ...

    def read(self, message: MqttMessage) -> News | None:
        """Read a message; None for one that says nothing to a device. Raises :class:`TwinGarbage`."""
        ...
