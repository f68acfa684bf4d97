"""The public keys of an issuer of tokens: a JWK Set (RFC 7517) from a URL or a file, kept for a while."""

from __future__ import annotations

import http.client
import json
import logging
import random
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, cast

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from core.errors import PlantspaceError

_log = logging.getLogger("plantspace.users")

_FRESH: Final = 300.0
"""Seconds after which keys are asked for again."""
_SOONEST: Final = 10.0
"""Seconds between two questions at least, whatever keys tokens name: they cost the issuer nothing much."""
_SLOWEST: Final = 300.0
_STALE: Final = 86_400.0
"""Seconds that keys are good for while the issuer cannot be asked."""
_MOST_BYTES: Final = 262_144
_MOST_KEYS: Final = 100
_PUBLIC: Final = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("Ed",)}
"""Kind of key -> how the names of its signatures begin. Symmetric keys are none: who checks with them can sign."""
_FEWEST_RSA_BITS: Final = 2048

Jwk = dict[str, Any]  # members of a key are of any type (RFC 7517 4)


class KeysUnavailable(PlantspaceError):  # noqa: N818 - the name says what is so
    """There is no key to check a token with, or the issuer's keys cannot be had."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes keys from where the configuration says, and from nowhere else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage,
        newurl: str,
    ) -> None:  # fmt: skip
        """Follow nothing; the answer is an error then."""
        del req, fp, code, msg, headers, newurl


class KeySource:
    """Gives the key of a token. Blocks while it asks the issuer; one thread's alone."""

    def __init__(
        self,
        keys: str,
        *,
        base: Path = Path(),
        ca_file: str = "",
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``keys``: URL or file, relative to ``base``; ``timeout``: seconds for a whole answer; ``clock``: seconds."""
        self._keys = keys
        self._base = base
        self._ca_file = ca_file
        self._timeout = timeout
        self._clock = clock
        self._known: list[Jwk] = []
        self._fetched: float | None = None
        self._not_before = 0.0
        self._failures = 0
        self.fetches = 0

    def key(self, key_id: str | None, algorithm: str) -> PyJWK:
        """Give the key that a token's header names. Raises :class:`KeysUnavailable`."""
        now = self._clock()
        if self._fetched is None or now - self._fetched >= _FRESH:
            self._ask(now)
        if self._fetched is None or now - self._fetched >= _STALE:
            message = f"the keys of {self._keys} cannot be had"
            raise KeysUnavailable(message)
        chosen = self._choose(key_id, algorithm)
        if chosen is None and self._ask(now):  # the issuer may have begun a new key meanwhile
            chosen = self._choose(key_id, algorithm)
        if chosen is None:
            message = f"{self._keys} has no key {key_id!r} for {algorithm}"
            raise KeysUnavailable(message)
        return _built(chosen, algorithm)

    def _choose(self, key_id: str | None, algorithm: str) -> Jwk | None:
        fitting = [
            key
            for key in self._known
            if algorithm.startswith(_PUBLIC[key["kty"]]) and key.get("alg", algorithm) == algorithm
        ]
        if key_id is None:  # a token may leave it out where there is no choice
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.get("kid") == key_id), None)

    def _ask(self, now: float) -> bool:
        """Ask for the keys unless that was done just now; tell whether there are new ones."""
        if now < self._not_before:
            return False
        self.fetches += 1
        try:
            self._known = _public_keys(self._read())
        except (OSError, ValueError, http.client.HTTPException, urllib.error.URLError) as error:
            self._failures += 1
            pause = min(_SLOWEST, _SOONEST * 2.0 ** min(self._failures - 1, 10))
            self._not_before = now + pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
            _log.warning("the keys of %s cannot be read: %s", self._keys, error)
            return False
        self._failures = 0
        self._fetched = now
        self._not_before = now + _SOONEST
        return True

    def _read(self) -> bytes:
        if "://" not in self._keys:
            with (self._base / self._keys).open("rb") as file:
                return _bounded(file.read(_MOST_BYTES + 1))
        context = ssl.create_default_context(cafile=str(self._base / self._ca_file) if self._ca_file else None)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirects()
        )
        deadline = time.monotonic() + self._timeout
        content = bytearray()
        try:
            opened = opener.open(self._keys, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            error.close()
            message = f"the answer is {error.code}"
            raise OSError(message) from None
        with opened as answer:
            while part := answer.read1(65_536):
                content += part
                _bounded(content)
                if time.monotonic() > deadline:
                    message = f"the answer takes over {self._timeout:g} s"
                    raise OSError(message)
        return bytes(content)


def _bounded(content: bytes | bytearray) -> bytes:
    if len(content) > _MOST_BYTES:
        message = f"it has over {_MOST_BYTES} bytes"
        raise ValueError(message)
    return bytes(content)


def _public_keys(content: bytes) -> list[Jwk]:
    """Give the keys for signatures. Raises :class:`ValueError`."""
    try:
        document = json.loads(content)
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error
    listed: object = cast("Jwk", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        message = "it is no JWK Set"
        raise ValueError(message)  # noqa: TRY004 - what is wrong is the content that was read
    keys = cast("list[object]", listed)[:_MOST_KEYS]
    found = [cast("Jwk", key) for key in keys if isinstance(key, dict)]
    return [key for key in found if key.get("kty") in _PUBLIC and key.get("use", "sig") == "sig"]


def _built(key: Jwk, algorithm: str) -> PyJWK:
    try:
        built = PyJWK(key, algorithm)
    except PyJWTError as error:
        message = f"the key {key.get('kid')!r} is not one for {algorithm}"
        raise KeysUnavailable(message) from error
    if key["kty"] == "RSA" and built.key.key_size < _FEWEST_RSA_BITS:
        message = f"the key {key.get('kid')!r} has fewer than {_FEWEST_RSA_BITS} bits"
        raise KeysUnavailable(message)
    return built
