"""JSON that others sent, read within limits: bytes, levels, no NaN, no name twice."""

from __future__ import annotations

import json
from typing import Final, NoReturn

from server.pubsub.commands.refusal import CommandRefused

_BAD_DECODING: Final = 0x80070000
_BAD_LIMITS: Final = 0x80080000
MOST_LEVELS: Final = 32
"""Arrays and objects inside each other. Structures of the standard have fewer than ten."""


def read_document(payload: bytes, most: int) -> object:
    """Read one JSON value of up to ``most`` bytes. Raises :class:`CommandRefused`."""
    if len(payload) > most:
        problem = f"the message has more than {most} bytes"
        raise CommandRefused(_BAD_LIMITS, problem, "send several smaller commands, or raise max_size")
    if payload.startswith(b"\xef\xbb\xbf"):  # a byte order mark, which RFC 8259 8.1 lets a reader pass over
        payload = payload[3:]
    try:
        text = payload.decode()
        if _levels(text) > MOST_LEVELS:
            problem = f"the message has more than {MOST_LEVELS} levels"
            raise CommandRefused(_BAD_LIMITS, problem, "send a flatter value")
        found: object = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
        if "\\u" in text:  # halves of characters can be written so, which no UTF-8 has
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeError:
        problem = "the message is not UTF-8"
        raise CommandRefused(_BAD_DECODING, problem, "send JSON as UTF-8") from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits are a ValueError, too
        problem = f"the message is no JSON: {error}"[:200]
        raise CommandRefused(_BAD_DECODING, problem, "see docs/reference/commands.md for an example") from None
    return found


def _levels(text: str) -> int:
    """Count how deep arrays and objects stand inside each other, without following them there."""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return 0
    deepest = depth = 0
    parts = text.split('"')
    inside = False
    for part in parts:
        if not inside:
            for sign in part:
                if sign in "[{":
                    depth += 1
                    deepest = max(deepest, depth)
                elif sign in "]}":
                    depth -= 1
            inside = True
        elif not _ends_in_escape(part):
            inside = False
    return deepest


def _ends_in_escape(part: str) -> bool:
    """Tell whether the quotation mark behind a part of a string is one of its own."""
    return (len(part) - len(part.rstrip("\\"))) % 2 == 1


def _no_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):  # which of the two holds is anybody's guess
        message = "a name stands twice in one object"
        raise ValueError(message)
    return found
