"""One HTTP connection to the server, kept alive, used by one thread. Proxies of the environment are not used."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from core.errors import StoreUnavailable
from core.tls_files import client_context
from historian.influx.settings import InfluxSettings

_LARGEST_ANSWER: Final = 256 << 20
_PIECE: Final = 1 << 18
_GZIP_FROM: Final = 1024
"""Bytes below which packing saves nothing."""
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, http.client.CannotSendRequest)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: status code, headers (lower-case names) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Sends requests one after the other. The connection is made with the first, and again whenever it was lost."""

    def __init__(self, settings: InfluxSettings) -> None:
        """Prepare; nothing is connected. Files of TLS are read with each connection, so renewed ones are taken up."""
        self._settings = settings
        self._address = settings.address
        self._http: http.client.HTTPConnection | None = None
        self._aborted = False
        self._headers = {"User-Agent": "plantspace", **_authorization(settings)}

    @property
    def peer(self) -> str:
        """Name the server as errors do."""
        return self._settings.url

    def post(self, path: str, parameters: Mapping[str, str], body: bytes, kind: str, *, pack: bool = False) -> Answer:
        """Send ``body`` of the media type ``kind``. ``pack``: by gzip where the settings want it (no query may be).

        Raises:
            StoreUnavailable: The server cannot be reached, or gives no whole answer in time.
        """
        headers = {**self._headers, "Content-Type": kind}
        if pack and self._settings.gzip and len(body) >= _GZIP_FROM:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        target = f"{self._address.path}{path}" + (f"?{urlencode(parameters)}" if parameters else "")
        reused = self._http is not None
        try:
            try:
                return self._exchange(target, body, headers)
            except _STALE:
                if not reused or self._aborted:
                    raise
                # the server has closed what was idle; nothing that is sent here does harm when it comes twice
                self.close()
                return self._exchange(target, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise StoreUnavailable(self._told(error)) from error

    def close(self) -> None:
        """Give the connection up; the next request makes a new one."""
        connection, self._http = self._http, None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """End what is under way, from another thread; no request succeeds any more."""
        self._aborted = True
        connection = self._http
        sock = connection.sock if connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _exchange(self, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        deadline = time.monotonic() + self._settings.timeout
        connection = self._http or self._connect()
        if self._aborted:
            message = "the store is being closed"
            raise ConnectionAbortedError(message)
        connection.request("POST", target, body, dict(headers))
        response = connection.getresponse()
        pieces: list[bytes] = []
        size = 0
        while piece := response.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > _LARGEST_ANSWER:
                message = f"an answer of more than {_LARGEST_ANSWER >> 20} MiB"
                raise http.client.HTTPException(message)
            if time.monotonic() > deadline:
                message = f"the answer is not whole within {self._settings.timeout:g} s"
                raise TimeoutError(message)
        if response.length:
            message = "the answer was cut off"
            raise http.client.HTTPException(message)
        response.close()  # an answer without a body does not do so by itself, and the next request would be refused
        if response.will_close:
            self.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, b"".join(pieces))

    def _connect(self) -> http.client.HTTPConnection:
        settings, address = self._settings, self._address
        if address.secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address.host, address.port, timeout=settings.connect_timeout, context=client_context(settings)
            )
        else:
            connection = http.client.HTTPConnection(address.host, address.port, timeout=settings.connect_timeout)
        try:
            connection.connect()
        except BaseException:
            connection.close()
            raise
        connection.sock.settimeout(settings.timeout)
        self._http = connection
        return connection

    def _told(self, error: Exception) -> str:
        reason = str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = f"its certificate is not trusted: {error.verify_message} (name its authority in ca_file)"
        elif isinstance(error, TimeoutError):
            reason = f"no answer in time: {reason}"
        elif isinstance(error, http.client.RemoteDisconnected):
            reason = "it closed the connection without an answer"
        return f"InfluxDB at {self.peer}: {reason}"


def _authorization(settings: InfluxSettings) -> dict[str, str]:
    if settings.token is not None:
        return {"Authorization": f"Token {settings.token.reveal()}"}
    if settings.username:
        password = settings.password.reveal() if settings.password is not None else ""
        pair = base64.b64encode(f"{settings.username}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {}
