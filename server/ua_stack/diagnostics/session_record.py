"""One session as a SessionDiagnosticsDataType (Part 5 v1.05 12.11), encoded."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING

from core.time import TICKS_PER_SECOND, now
from nodesets.built_in_types import LocalizedText
from server.address_space.encoding import encode_array, encode_localized_text, encode_node_id, encode_string
from server.ua_stack.diagnostics.requests import SERVICES
from server.ua_stack.session.requests import ApplicationDescription, CreateSessionRequest

if TYPE_CHECKING:
    from server.ua_stack.sessions import GatewaySession

_MOST_TEXT = 512
_MOST_TEXTS = 16
"""Characters of a text, and texts of an array, that are told of what a client says of itself: it may say megabytes."""
_TIMES = Struct("<dIqq")
_COUNTS = Struct(f"<{3 + 2 + 1 + 2 * len(SERVICES)}I")
_UINT32 = 0xFFFF_FFFF


class SessionRecord:
    """What a client said when it created its session is encoded once, the rest whenever it is asked for."""

    def __init__(self, session: GatewaySession, asked: CreateSessionRequest) -> None:
        """Begin now: the session is connected."""
        self._session = session
        self._connected = now()
        self._most_response = asked.most_response
        texts = (asked.server_uri, asked.endpoint_url)
        self._said = b"".join(
            (
                encode_node_id(session.session_key),
                _text(asked.name),
                _description(asked.client),
                *map(_text, texts),
            )
        )

    def encoded(self, subscriptions: int, items: int) -> bytes:
        """Give the structure's body. ``subscriptions``, ``items``: how many the session has now."""
        session = self._session
        requests = session.requests
        timeout = (session.session_timeout or 0.0) * 1e3
        contact = now() - int(session.idle * TICKS_PER_SECOND)
        counts = (subscriptions, items, len(session.publishing), *requests.total, requests.unauthorized)
        return b"".join(
            (
                self._said,
                _texts(session.context.locales),
                _TIMES.pack(timeout, self._most_response, self._connected, contact),
                _COUNTS.pack(*[count & _UINT32 for count in (*counts, *requests.of_services())]),
            )
        )


def _told(text: str | None) -> str | None:
    return None if text is None else text[:_MOST_TEXT]


def _text(text: str | None) -> bytes:
    return encode_string(_told(text))


def _texts(texts: Iterable[str] | None) -> bytes:
    return encode_array([_text(text) for text in tuple(texts or ())[:_MOST_TEXTS]])


def _description(client: ApplicationDescription) -> bytes:
    return b"".join(
        (
            _text(client.application_uri),
            _text(client.product_uri),
            encode_localized_text(LocalizedText(_told(client.name.locale), _told(client.name.text))),
            client.application_type.to_bytes(4, "little", signed=True),
            _text(client.gateway_uri),
            _text(client.profile_uri),
            _texts(client.discovery_urls),
        )
    )
