"""What of a session decides how it is answered: its languages and its rights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.security_mode import SecurityMode
from nodesets.built_in_types import LocalizedText
from server.address_space.keys import NodeKey


class SessionContext(NamedTuple):
    """Languages and rights of who asks.

    ``locales``: the session's LocaleIds, the best first (Part 4 v1.05 5.7.3.2). ``roles``: the session's, None for all
    rights. ``mode``: MessageSecurityMode of its SecureChannel. ``is_gateway``: the gateway itself, which writes what it
    likes, StatusCodes and times too, whatever the AccessLevel says.
    """

    locales: tuple[str, ...] = ()
    roles: frozenset[NodeKey] | None = None
    mode: int = SecurityMode.NONE
    is_gateway: bool = False

    def has_rights_of(self, other: SessionContext) -> bool:
        """Tell whether both have the same rights, whatever their languages."""
        return self[1:] == other[1:]


GATEWAY = SessionContext(mode=SecurityMode.SIGN_AND_ENCRYPT, is_gateway=True)


def localized(texts: Sequence[LocalizedText], locales: Sequence[str]) -> LocalizedText:
    """Choose the text of the best language there is; the first one where none of ``locales`` is known.

    Part 4 v1.05 5.7.3.2: a text is given in any case, and says its locale. A locale of another country but the same
    language is better than none (Part 3 v1.05 8.4).
    """
    if not locales or len(texts) == 1:
        return texts[0]
    known = [(text.locale or "").casefold() for text in texts]
    for wanted in locales:
        locale = wanted.casefold()
        language = locale.partition("-")[0]
        for fits in (locale, language):
            if fits in known:
                return texts[known.index(fits)]
        for text, candidate in zip(texts, known, strict=True):
            if candidate.partition("-")[0] == language:
                return text
    return texts[0]
