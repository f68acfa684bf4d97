"""What the gateway does by itself so that clients find it: registers with a discovery server, connects to clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from certs.store import TrustStore
from certs.verdict import Verdict
from server.ua_stack.discovery.descriptions import ApplicationName
from server.ua_stack.discovery.discovery_server import DiscoveryServer, OwnIdentity, Registered
from server.ua_stack.discovery.own_urls import OwnUrls
from server.ua_stack.discovery.registration import Registration
from server.ua_stack.discovery.reverse_connect import ReverseConnect
from server.ua_stack.discovery.settings import DiscoveryServerSettings, ReverseConnectSettings


class Outgoing:
    """Starts once the endpoint listens, and stops before it. Nothing is done that was not configured."""

    def __init__(
        self,
        application: ApplicationName,
        urls: OwnUrls,
        *,
        discovery_server: DiscoveryServerSettings | None = None,
        reverse_connect: Sequence[ReverseConnectSettings] = (),
        make_protocol: Callable[[], asyncio.Protocol],
        own: Callable[[], OwnIdentity | None],
        trust: TrustStore | None,
        capabilities: Sequence[str] = ("DA",),
        on_refused: Callable[[Verdict], None] | None = None,
    ) -> None:
        """``make_protocol``: makes what serves a connection. ``own``: gives the certificate to show, None without one.

        ``trust``: whose certificates are trusted. ``capabilities``: what the server can do (Part 12 v1.05 Annex D).
        ``on_refused``: is told of a discovery server's certificate that is refused, for the audit trail.
        """
        self.registration: Registration | None = None
        if discovery_server is not None:
            self.registration = Registration(
                DiscoveryServer(discovery_server, own, trust, on_refused),
                lambda: Registered(application, urls.told, capabilities),
            )
        self.reverse = ReverseConnect(reverse_connect, make_protocol, lambda: (application.uri, urls.first))

    async def start(self) -> None:
        """Begin; whoever is away holds nobody up."""
        await self.reverse.start()
        if self.registration is not None:
            await self.registration.start()

    async def stop(self) -> None:
        """Take the registration back, then close the connections. Safe twice and before :meth:`start`."""
        if self.registration is not None:
            await self.registration.stop()
        await self.reverse.stop()
