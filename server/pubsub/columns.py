"""Messages as columns: five thousand a second of one value each are not made as objects, twice each, only to be sent.

A :class:`Messages` is a sequence of :class:`~server.pubsub.contract.MqttMessage` for whoever looks at single ones, and
three lists for whoever works on all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, overload

from server.pubsub.contract import Encoded, MqttMessage


class Form(NamedTuple):
    """What many messages have in common: all of an MqttMessage but topic and payload, in its order."""

    qos: int = 1
    retain: bool = False
    kind: str = ""
    content_type: str = ""
    expiry: int | None = None
    response_topic: str = ""
    correlation: bytes = b""
    properties: tuple[tuple[str, str], ...] = ()


_TOPIC: Final[Callable[[MqttMessage], str]] = attrgetter("topic")
_PAYLOAD: Final[Callable[[MqttMessage], bytes]] = attrgetter("payload")
# of what attrgetter gives for several names, only the length is known
_FORM: Final[Callable[[MqttMessage], tuple[Any, ...]]] = attrgetter(*Form._fields)


class Messages(Sequence[MqttMessage]):
    """Messages in order; nobody changes them. ``topics``, ``payloads``, ``forms``: of each, at its place.

    Messages of one form share the very object.
    """

    __slots__ = ("forms", "payloads", "topics")

    def __init__(self, topics: list[str], payloads: list[bytes], forms: list[Form]) -> None:
        """Take columns of one length."""
        self.topics = topics
        self.payloads = payloads
        self.forms = forms

    @classmethod
    def of(cls, messages: Sequence[MqttMessage]) -> Messages:
        """Give messages as columns; those that are columns already, as they are."""
        if isinstance(messages, Messages):
            return messages
        shapes = list(map(_FORM, messages))
        forms = {shape: Form(*shape) for shape in dict.fromkeys(shapes)}
        return cls(list(map(_TOPIC, messages)), list(map(_PAYLOAD, messages)), [forms[shape] for shape in shapes])

    @classmethod
    def joined(cls, several: Sequence[Messages]) -> Messages:
        """Put messages behind each other."""
        if len(several) == 1:
            return several[0]
        made = cls([], [], [])
        for one in several:
            made.topics += one.topics
            made.payloads += one.payloads
            made.forms += one.forms
        return made

    @property
    def form(self) -> Form | None:
        """Give the one form of all; None where there are several, or no messages."""
        forms = self.forms
        return forms[0] if forms and forms.count(forms[0]) == len(forms) else None

    def sizes(self) -> list[int]:
        """Give the bytes of each payload and the characters of its topic, together."""
        return [topic + payload for topic, payload in zip(map(len, self.topics), map(len, self.payloads), strict=True)]

    def chosen(self, places: Iterable[int]) -> Messages:
        """Give the messages at some places."""
        chosen = list(places)
        columns = self.topics, self.payloads, self.forms
        return Messages(
            [columns[0][place] for place in chosen],
            [columns[1][place] for place in chosen],
            [columns[2][place] for place in chosen],
        )

    def __len__(self) -> int:
        """Count them."""
        return len(self.payloads)

    @overload
    def __getitem__(self, place: int) -> MqttMessage: ...

    @overload
    def __getitem__(self, place: slice) -> Messages: ...

    def __getitem__(self, place: int | slice) -> MqttMessage | Messages:
        """Give one message, or some."""
        if isinstance(place, slice):
            return Messages(self.topics[place], self.payloads[place], self.forms[place])
        return MqttMessage(self.topics[place], self.payloads[place], *self.forms[place])

    def __eq__(self, other: object) -> bool:
        """Tell whether all are the same."""
        if not isinstance(other, Messages):
            return NotImplemented
        return (self.topics, self.payloads, self.forms) == (other.topics, other.payloads, other.forms)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - lists have none


class EncodedMessages(Sequence[Encoded]):
    """Messages of a DataSetWriter, and how many of its values stand in each."""

    __slots__ = ("messages", "values")

    def __init__(self, messages: Messages, values: list[int]) -> None:
        """Take columns of one length."""
        self.messages = messages
        self.values = values

    @classmethod
    def of(cls, encoded: Sequence[Encoded]) -> EncodedMessages:
        """Give them as columns; those that are columns already, as they are."""
        if isinstance(encoded, EncodedMessages):
            return encoded
        return cls(Messages.of([one.message for one in encoded]), [one.values for one in encoded])

    def __len__(self) -> int:
        """Count them."""
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> Encoded: ...

    @overload
    def __getitem__(self, place: slice) -> EncodedMessages: ...

    def __getitem__(self, place: int | slice) -> Encoded | EncodedMessages:
        """Give one, or some."""
        if isinstance(place, slice):
            return EncodedMessages(self.messages[place], self.values[place])
        return Encoded(self.messages[place], self.values[place])
