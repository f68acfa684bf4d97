"""Names of users and roles: one spelling each, so that no two look alike."""

from __future__ import annotations

import unicodedata
from typing import Final

from server.users.errors import BAD_INVALID_ARGUMENT, UserRefused

LONGEST_NAME: Final = 128
"""Characters of a user's or a role's name."""
_UNSEEN: Final = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
"""Unicode categories of characters that show nothing, or not what they are."""


def proper_name(text: str, what: str = "user name") -> str:
    """Give a name as it is kept: NFC (RFC 8265 3.3). Raises :class:`~server.users.errors.UserRefused`."""
    name = unicodedata.normalize("NFC", text[: LONGEST_NAME + 1])
    if not name or len(name) > LONGEST_NAME:
        problem = f"a {what} has 1 to {LONGEST_NAME} characters"
        raise UserRefused(BAD_INVALID_ARGUMENT, problem)
    if name != name.strip():
        problem = f"the {what} {name!r} begins or ends with a space"
        raise UserRefused(BAD_INVALID_ARGUMENT, problem, "leave the space out")
    if any(unicodedata.category(character) in _UNSEEN for character in name):
        problem = f"the {what} {name!r} has characters that cannot be seen"
        raise UserRefused(BAD_INVALID_ARGUMENT, problem, "use letters, digits, '.', '_', '-', '@' or spaces")
    return name


def name_key(text: str) -> str:
    """Give what names are compared by: without case, without forms of letters that look alike (NFKC).

    Longer texts than any name give a key that no name has, at a bounded price.
    """
    key = folded(text[: LONGEST_NAME + 1])
    return key if len(text) <= LONGEST_NAME else f"\0{key}"


def folded(text: str) -> str:
    """Give a text without case and without forms of letters that look alike (NFKC). Its price grows with the text."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
