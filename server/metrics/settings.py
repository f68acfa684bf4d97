"""The ``metrics:`` section of the configuration."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from core.settings import Settings

_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")
_HIGHEST_PORT = 65_535


def _listen(text: str) -> str:
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[2]) > _HIGHEST_PORT:
        message = "must be an address and a port such as 127.0.0.1:9464"
        raise ValueError(message)
    return text


class MetricsSettings(Settings):
    """The ``metrics:`` section; without it nothing is served. ``listen``: address and port; port 0 takes a free one."""

    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9464"

    @property
    def address(self) -> tuple[str, int]:
        """Give host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)
