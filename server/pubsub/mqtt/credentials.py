"""Who we are to the broker, where it is more than a line of the configuration: tokens that run out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.settings import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """A username and a password. ``valid_for``: seconds from when they were given; None for as long as they stand."""

    username: str = ""
    password: Secret | None = None
    valid_for: float | None = None


CredentialProvider = Callable[[], Awaitable[Credentials]]
"""Gives credentials for one link; asked again in time before they run out.

Raises :class:`~core.errors.StoreUnavailable` that says why there are none; then it is asked again after a while.
"""
