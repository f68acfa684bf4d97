"""A session as far as its diagnostics look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from server.address_space.keys import NodeKey
from server.address_space.session_context import SessionContext
from server.ua_stack.diagnostics.requests import RequestCounts
from server.ua_stack.session.requests import ApplicationDescription, CreateSessionRequest
from server.ua_stack.sessions import GatewaySession

NOBODY_KNOWN = ApplicationDescription()


@dataclass(eq=False)
class Session:
    """``idle`` is moved by hand; ``publishing`` holds what waits."""

    session_key: NodeKey = 77
    requests: RequestCounts = field(default_factory=RequestCounts)
    context: SessionContext = field(default_factory=SessionContext)
    session_timeout: float = 60.0
    idle: float = 0.0
    publishing: list[object] = field(default_factory=list[object])

    @property
    def real(self) -> GatewaySession:
        """Give it as what it stands for."""
        return cast("GatewaySession", self)


def created(
    name: str | None = None,
    client: ApplicationDescription = NOBODY_KNOWN,
    server_uri: str | None = None,
    endpoint_url: str | None = None,
    most_response: int = 0,
) -> CreateSessionRequest:
    """Give a CreateSession request."""
    return CreateSessionRequest(client, server_uri, endpoint_url, name, b"", b"", 60_000.0, most_response)
