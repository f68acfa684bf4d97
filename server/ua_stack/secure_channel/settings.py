"""How many connections the configuration lets in."""

from __future__ import annotations

from pydantic import Field

from core.settings import Settings
from server.ua_stack.secure_channel.limits import ChannelLimits


class ChannelSettings(Settings):
    """Connections of all clients together, and of one IP address; a connection takes up to 0.4 MB before a log-in."""

    connections: int = Field(default=500, ge=10, le=10_000)
    connections_per_address: int = Field(default=250, ge=1, le=10_000)

    def limits(self) -> ChannelLimits:
        """Give the limits of the endpoint."""
        return ChannelLimits(
            connections=self.connections, per_address=min(self.connections_per_address, self.connections)
        )
