"""What every client of a server over TLS has in common: the files it names, and the address it dials."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeVar
from urllib.parse import urlsplit

from core.errors import SettingError
from core.settings import Settings

FILES: Final = ("ca_file", "certificate_file", "key_file")
"""The keys that name files."""


class NamesTlsFiles(Protocol):
    """Settings with the keys of :data:`FILES`; an empty text where there is no file."""

    @property
    def ca_file(self) -> str:
        """Authorities that may have signed the server's certificate; the system's where it is empty."""
        ...

    @property
    def certificate_file(self) -> str:
        """The certificate that is shown to the server."""
        ...

    @property
    def key_file(self) -> str:
        """Its private key."""
        ...


class ServerAddress(NamedTuple):
    """Where a server listens; ``path`` begins with ``/`` or is empty."""

    host: str
    port: int
    secure: bool
    path: str = ""


SettingsT = TypeVar("SettingsT", bound=Settings)


def clashing_files(settings: NamesTlsFiles, key: str, url: str, *, secure: bool, mend: str) -> dict[str, SettingError]:
    """Find files of TLS beside a plain ``url``, and a certificate without its key; each under the key that is wrong.

    ``key``: the name of the setting that holds ``url``; ``mend``: what to do about files beside a plain address.
    """
    clashes: dict[str, SettingError] = {}
    files = [name for name in FILES if getattr(settings, name)]
    if files and not secure:
        problem = f"{url} is not encrypted, but {' and '.join(files)} {'are' if files[1:] else 'is'} given"
        clashes[key] = SettingError(problem, mend)
    if bool(settings.certificate_file) != bool(settings.key_file):
        given, missing = ("key_file", "certificate_file") if settings.key_file else ("certificate_file", "key_file")
        clashes[given] = SettingError(f"{given} is given without {missing}", "give both or neither")
    return clashes


def beside(settings: SettingsT, base: Path) -> SettingsT:
    """Give the same settings with the names of files that are relative begun at ``base``."""
    files = {key: getattr(settings, key) for key in FILES}
    return settings.model_copy(update={key: str(base / name) for key, name in files.items() if name})


def take_apart(
    url: str, ports: Mapping[str, int], *, secure: Collection[str], paths: Collection[str], what: str, mend: str
) -> ServerAddress:
    """Take a server's address apart.

    ``ports``: the port of each scheme where none is given; ``secure``, ``paths``: schemes that are encrypted, and those
    whose address may have a path; ``what``: the server's name in messages.

    Raises:
        SettingError: It is not ``scheme://host[:port]``, or holds a user or a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ports or "://" not in url or not url.isprintable() or " " in url:
        schemes = [f"{scheme}://" for scheme in ports]
        listed = f"{', '.join(schemes[:-1])} or {schemes[-1]}"
        problem = f"{what} is reached by {listed}, not by {parts.scheme or 'nothing'}"
        raise SettingError(problem, mend)
    if parts.username is not None or parts.password is not None:
        problem = f"the address of {what} must not hold a user or a password"
        raise SettingError(problem, "write username: and password: beside it")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    path = parts.path.rstrip("/")
    if not host or port == 0 or (path and parts.scheme not in paths) or parts.query or parts.fragment:
        problem = f"{url!r} is not the address of {what}"
        raise SettingError(problem, mend)
    return ServerAddress(host, port or ports[parts.scheme], parts.scheme in secure, path)


def client_context(settings: NamesTlsFiles) -> ssl.SSLContext:
    """Read the files anew, so that renewed ones are used without a restart; blocks.

    Raises:
        ssl.SSLError: A file is missing or cannot be used; the message names it.
    """
    named = f"ca_file {settings.ca_file}"
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        if settings.certificate_file:
            named = f"certificate_file {settings.certificate_file} with key_file {settings.key_file}"
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ValueError) as error:
        raise ssl.SSLError(
            0, f"{named}: cannot be used for TLS: {error}"
        ) from error  # two arguments, or str() quotes it
    return context
