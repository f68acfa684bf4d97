"""PublisherIds: five types, one of which each connection uses (Part 14 v1.05 6.2.7.1)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from struct import Struct
from typing import Final

from core.errors import SettingError
from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_string
from server.pubsub.uadp.errors import MalformedMessage, UnsupportedMessage


class PublisherIdType(enum.IntEnum):
    """Type of a PublisherId as ExtendedFlags1 says it; named as the built-in types are."""

    Byte = 0
    UInt16 = 1
    UInt32 = 2
    UInt64 = 3
    String = 4


_LAYOUTS: Final = {
    PublisherIdType.Byte: Struct("<B"),
    PublisherIdType.UInt16: Struct("<H"),
    PublisherIdType.UInt32: Struct("<I"),
    PublisherIdType.UInt64: Struct("<Q"),
}


@dataclass(frozen=True, slots=True)
class PublisherId:
    """Who publishes: a number, or a text with :attr:`PublisherIdType.String`. 5 as a Byte is not 5 as a UInt16."""

    kind: PublisherIdType
    value: int | str

    def encoded(self) -> bytes:
        """Give the bytes of the NetworkMessage header."""
        if isinstance(self.value, str):
            return encode_string(self.value)
        return _LAYOUTS[self.kind].pack(self.value)

    @classmethod
    def of(cls, name: str, kind: PublisherIdType) -> PublisherId:
        """Make the PublisherId of a connection whose topics have the level ``name``.

        Raises:
            SettingError: The type is a number, and ``name`` is none that it can hold.
        """
        if kind is PublisherIdType.String:
            return cls(kind, name)
        highest = 256 ** _LAYOUTS[kind].size - 1
        if not (name.isascii() and name.isdigit()) or int(name) > highest or name != str(int(name)):
            problem = f"the publisher {name!r} is no {kind.name}"
            raise SettingError(problem, f"write publisher: with a number up to {highest}, or publisher_type: String")
        return cls(kind, int(name))

    @classmethod
    def read(cls, cursor: Cursor, kind: int) -> PublisherId:
        """Read one; ``kind`` are the bits of ExtendedFlags1. Raises :class:`~.errors.UadpError`."""
        try:
            known = PublisherIdType(kind)
        except ValueError:
            message = f"{kind} is no type of a PublisherId"
            raise UnsupportedMessage(message) from None
        if known is PublisherIdType.String:
            text = cursor.string()
            if text is None:
                message = "the PublisherId is a null String"
                raise MalformedMessage(message)
            return cls(known, text)
        layout = _LAYOUTS[known]
        return cls(known, layout.unpack(cursor.take(layout.size))[0])
