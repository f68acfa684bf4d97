"""Where records go as syslog messages, as the configuration writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from core.errors import SettingError

_PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6514}


@dataclass(frozen=True, slots=True)
class SyslogTarget:
    """Where messages go."""

    transport: Literal["udp", "tcp", "tls"]
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> SyslogTarget:
        """Read ``udp://host``, ``tcp://host:601`` or ``tls://host:6514``. Raises :class:`~core.errors.SettingError`."""
        mend = "write udp://, tcp:// or tls://, a host and perhaps a port, such as tls://logs.example:6514"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            problem = f"{url!r} is no address of a syslog receiver: {error}"
            raise SettingError(problem, mend) from error
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.username:
            problem = f"{url!r} is no address of a syslog receiver"
            raise SettingError(problem, mend)
        transport: Literal["udp", "tcp", "tls"] = parts.scheme  # type: ignore[assignment]  # a key of _PORTS
        return cls(transport, parts.hostname, port or _PORTS[parts.scheme])

    def __str__(self) -> str:
        """Give the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"
