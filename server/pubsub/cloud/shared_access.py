"""Shared access signatures: passwords for Azure IoT Hub that a device makes of its key, and that expire.

Azure IoT Hub, Control access to IoT Hub with shared access signatures: HMAC-SHA256 over the resource and the expiry.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import AfterValidator

from core.durations import Duration
from core.errors import SettingError
from core.settings import Secret, Settings
from server.pubsub.mqtt.credentials import Credentials

SHORTEST: Final = 300.0
"""Seconds that a token lives at least: each one's end costs a connection, as MQTT cannot renew it on one."""
LONGEST: Final = 365 * 86_400.0


def _is_base64(key: Secret) -> Secret:
    try:
        base64.b64decode(key.reveal(), validate=True)
    except (binascii.Error, ValueError):
        problem = "the key is not base64"
        raise SettingError(problem, "give the device's primary or secondary key, and nothing else") from None
    return key


def _lives_long_enough(seconds: float) -> float:
    if not SHORTEST <= seconds <= LONGEST:
        problem = "a token lives for 5min to 365d"
        raise SettingError(problem, "write for example 1h")
    return seconds


class SharedAccessSettings(Settings):
    """The device's key at an IoT hub, and how long a token made of it is good."""

    key: Annotated[Secret, AfterValidator(_is_base64)]
    lifetime: Annotated[Duration, AfterValidator(_lives_long_enough)] = 3_600.0


def token(resource: str, key: Secret, expiry: int) -> Secret:
    """Sign ``resource`` (``<hub>/devices/<device>``) until ``expiry``, seconds since 1970."""
    encoded = quote(resource, safe="")
    digest = hmac.new(base64.b64decode(key.reveal()), f"{encoded}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(digest), safe="")
    return Secret(f"SharedAccessSignature sr={encoded}&sig={signature}&se={expiry}")


class SharedAccess:
    """Makes a new token for each connection."""

    def __init__(
        self,
        host: str,
        device: str,
        username: str,
        settings: SharedAccessSettings,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare. ``host``: the hub's full name; ``wall_clock``: seconds since 1970."""
        self._resource = f"{host}/devices/{device}"
        self._username = username
        self._settings = settings
        self._wall_clock = wall_clock

    async def credentials(self) -> Credentials:
        """Make a token that is good from now on: a CredentialProvider, asked again before it ends."""
        lifetime = self._settings.lifetime
        signed = token(self._resource, self._settings.key, int(self._wall_clock() + lifetime))
        return Credentials(self._username, signed, lifetime)
