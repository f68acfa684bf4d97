"""The primary host application: whether it is there, by its STATE messages (Sparkplug 3.0.0, 4.1.10 and 5.4)."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from server.pubsub.contract import MqttMessage
from server.pubsub.sparkplug.names import state_topic

_LONGEST: Final = 4_096


class _State(BaseModel):
    model_config = ConfigDict(strict=True)
    online: bool
    timestamp: int


class PrimaryHost:
    """Follows one host. Without an ``identifier`` it is always there."""

    def __init__(self, identifier: str) -> None:
        """Take the host for absent until it says otherwise, if there is one."""
        self.topic: Final = state_topic(identifier) if identifier else ""
        self.here = asyncio.Event()
        self.refused = 0
        self._timestamp = -1
        if not identifier:
            self.here.set()

    def forget(self) -> None:
        """Begin a new link: what the host is by the broker's word there has yet to come."""
        if self.topic:
            self.here.clear()
            self._timestamp = -1

    def follow(self, message: MqttMessage) -> bool:
        """Take a STATE message; tells whether the host came or went by it. One older than the last says nothing."""
        try:
            if len(message.payload) > _LONGEST:
                raise ValueError  # noqa: TRY301 - too long for what it may hold is as wrong as not JSON
            state = _State.model_validate_json(message.payload)
        except (ValidationError, ValueError):
            self.refused += 1
            return False
        if state.timestamp < self._timestamp:
            return False
        self._timestamp = state.timestamp
        if state.online == self.here.is_set():
            return False
        if state.online:
            self.here.set()
        else:
            self.here.clear()
        return True
