"""The port: who connects gets a connection of ours (seam: ``Server.start``)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from asyncua.server.server import Server

from server.ua_stack.secure_channel.complaints import Complaints
from server.ua_stack.secure_channel.identities import ServerIdentity
from server.ua_stack.secure_channel.service import SecureChannels
from server.ua_stack.transport import GatewayProtocol

if TYPE_CHECKING:
    from server.ua_stack.internal_server import GatewayInternalServer

_log = logging.getLogger("plantspace.endpoint")


class GatewayListener:
    """Listens, and makes connections. ``clients``: those there are."""

    def __init__(self, server: GatewayInternalServer, channels: SecureChannels, host: str | None, port: int) -> None:
        """Begin, not listening yet. ``host``: None for all interfaces; ``port``: 0 for any."""
        self.server = server
        self.channels = channels
        self.complaints = Complaints()
        self.clients: list[GatewayProtocol] = []
        self.port = port
        self._host = host
        self._listening: asyncio.Server | None = None
        self._trust = channels.follower(lambda: self.clients)

    def protocol(self) -> GatewayProtocol:
        """Make a connection: of one who connected, or of one that we connect to (reverse connect)."""
        return GatewayProtocol(self)

    def hang_up(self, current: ServerIdentity | None) -> None:
        """Close the connections whose channel shows another certificate than the one of now."""
        for client in tuple(self.clients):
            shown = client.channel.security.identity
            if shown is not None and shown is not current:
                client.leave()

    async def start(self) -> None:
        """Listen. Raises :class:`OSError`."""
        if self._trust is not None:
            await self._trust.start()
        self._listening = await asyncio.get_running_loop().create_server(self.protocol, self._host, self.port)
        self.port = int(self._listening.sockets[0].getsockname()[1])
        _log.info("listening on %s:%s", self._host or "all interfaces", self.port)

    async def stop(self) -> None:
        """Close all connections; who does not read what it is sent is not waited for."""
        if self._trust is not None:
            await self._trust.stop()
        if self._listening is not None:
            self._listening.close()
        for client in tuple(self.clients):
            if client.transport is not None and client.transport.get_write_buffer_size():
                client.transport.abort()
            else:
                client.leave()
        for client in tuple(self.clients):
            await client.over.wait()
        if self._listening is not None:
            await self._listening.wait_closed()


class GatewayServer(Server):
    """asyncua's server with our listener (seam: ``Server.start``)."""

    channels: SecureChannels
    """Who may open a channel; set before the start."""
    listener: GatewayListener | None = None

    async def start(self) -> None:
        """Listen. Raises :class:`OSError` where that is not possible; then nothing runs."""
        await self.channels.start()
        try:
            await self.iserver.start()
            host, port = self._get_bind_socket_info()
            server = cast("GatewayInternalServer", self.iserver)
            listener = GatewayListener(server, self.channels, host, port or 0)
            self.listener = listener
            self.bserver = listener  # type: ignore[assignment]  # asyncua calls it its own, and only stops it
            try:
                await listener.start()
            except BaseException:
                self.bserver = None
                await listener.stop()
                await self.iserver.stop()
                raise
        except BaseException:
            await self.channels.stop()
            raise

    async def stop(self) -> None:
        """Close all connections and the port."""
        try:
            await super().stop()
        finally:
            await self.channels.stop()
