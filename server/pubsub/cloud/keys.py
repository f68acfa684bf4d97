"""Keys of a connection that only clouds have."""

from __future__ import annotations

from pydantic import Field

from core.settings import Settings


class QuotaSettings(Settings):
    """What an account, or this connection's share of it, may do where that is not what the preset says.

    ``messages`` and ``bytes``: a second; ``payload``: bytes of a message; ``retain``: retained messages may be sent.
    """

    messages: float | None = Field(default=None, gt=0, le=1_000_000)
    bytes: float | None = Field(default=None, ge=1_024, le=1e12)
    payload: int | None = Field(default=None, ge=1_024, le=268_435_455)
    retain: bool | None = None
