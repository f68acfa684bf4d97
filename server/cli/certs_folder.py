"""Where a configuration keeps its certificates, and files that a user names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from certs.errors import CertificateError
from certs.making import Application, CertificateKind, application_uri
from certs.own import OwnCertificates
from certs.store import TrustStore
from core.errors import Finding, Findings, InputError
from core.settings import Document
from core.settings.partial import sound_part
from server.configuration import GatewaySettings, ServerSettings

_LARGEST = 16 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CertificateFolder:
    """The folder of a gateway; ``host``: what its endpoint's URL names."""

    folder: Path
    name: str
    host: str

    @property
    def store(self) -> TrustStore:
        """Its trust list."""
        return TrustStore(self.folder)

    def own(self, kinds: Sequence[CertificateKind], *, rsa_bits: int = 2048, days: int = 1825) -> OwnCertificates:
        """Give its own certificates of these kinds."""
        application = Application.here(application_uri(self.name), self.name, *([self.host] if self.host else []))
        return OwnCertificates(self.folder, application, kinds, rsa_bits=rsa_bits, days=days)


def folder_of(config: Path) -> CertificateFolder:
    """Read name, endpoint and data folder; what else is wrong with the configuration does not matter.

    Raises :class:`~core.errors.InputError`.
    """
    findings = Findings()
    document = Document.read(config, findings)
    if document is None:
        raise InputError(findings.items)
    whole = sound_part(GatewaySettings, document)
    server = sound_part(ServerSettings, document.section(("server",))) if "server" in document else ServerSettings()
    name, written = getattr(whole, "name", ""), getattr(server, "data_dir", "")
    for key, value in ((("name",), name), (("server", "data_dir"), written)):
        if not value:
            problem = f"{'.'.join(key)} is wrong, so the gateway's certificates cannot be found"
            raise InputError([Finding(document.place(key), problem, "plantspace check tells more")])
    host = urlsplit(getattr(server, "endpoint", "")).hostname or ""
    return CertificateFolder(Path(os.path.realpath(document.base / written)) / "certs", name, host)


def read_file(file: Path, read: Callable[[bytes], list[T]]) -> list[T]:
    """Read a user's file. Raises :class:`OSError`, :class:`CertificateError` that names it."""
    with file.open("rb") as stream:
        content = stream.read(_LARGEST)
    try:
        return read(content)
    except CertificateError as error:
        message = f"{file}: {error}"
        raise CertificateError(message) from error
