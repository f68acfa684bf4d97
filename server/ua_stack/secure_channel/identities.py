"""The certificates that the endpoint shows, by kind; followed on disk, so that a renewal needs no restart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import uniform
from typing import Protocol, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from certs.certificate import thumbprint_of
from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey
from certs.own import OwnCertificate

_log = logging.getLogger("plantspace.endpoint")


@dataclass(frozen=True, slots=True, eq=False)
class ServerIdentity:
    """A certificate and its key. ``der``: the leaf; ``chain``: it and its issuers, one behind the other."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    der: bytes
    chain: bytes
    thumbprint: bytes

    @classmethod
    def of(cls, certificate: x509.Certificate, key: rsa.RSAPrivateKey, *issuers: bytes) -> Self:
        """Take a certificate, its key and its issuers, DER."""
        der = certificate.public_bytes(Encoding.DER)
        return cls(certificate, key, der, b"".join((der, *issuers)), thumbprint_of(der))


class OwnPairs(Protocol):
    """Where certificates and keys come from: :class:`~certs.own.OwnCertificates`. Both methods block on files."""

    def load(self) -> Mapping[CertificateKind, OwnCertificate[PrivateKey]]:
        """Give the pairs. Raises :class:`CertificateError`."""
        ...

    def stamp(self) -> object:
        """Give what is another value once a pair has changed on disk."""
        ...


class Identities:
    """The identities of now. New channels take :attr:`rsa`; open ones keep the one that they were opened with."""

    def __init__(self, own: OwnPairs | None, *, every: float = 5.0) -> None:
        """``own``: None where no policy needs a certificate; ``every``: seconds between two looks at the disk."""
        self._own = own
        self._every = every
        self._stamp: object = None
        self._task: asyncio.Task[None] | None = None
        self._reading = asyncio.Lock()
        self.rsa: ServerIdentity | None = None
        self.changed: list[Callable[[], None]] = []
        """Called once a renewed certificate is shown."""

    async def start(self) -> None:
        """Read them, and follow them from now on. Raises :class:`CertificateError`."""
        if self._own is None:
            return
        await self._read(self._own)
        self._task = asyncio.create_task(self._follow(self._own), name="own certificates")

    async def stop(self) -> None:
        """Follow them no longer; safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def refresh(self) -> bool:
        """Look at the disk now; tell whether other certificates are shown. Raises :class:`CertificateError`."""
        if self._own is None or await asyncio.to_thread(self._own.stamp) == self._stamp:
            return False
        return await self._read(self._own)

    async def _follow(self, own: OwnPairs) -> None:
        refused: object = None
        while True:
            await asyncio.sleep(self._every * uniform(0.9, 1.1))  # noqa: S311 - so that gateways do not move in step
            stamp = refused
            try:
                stamp = await asyncio.to_thread(own.stamp)
                if stamp in (self._stamp, refused):
                    continue
                await self._read(own)
                refused = None
            except (CertificateError, OSError) as error:
                refused = stamp
                _log.warning("the gateway goes on with the certificate that it has: %s", error)

    async def _read(self, own: OwnPairs) -> bool:
        async with self._reading:
            stamp = await asyncio.to_thread(own.stamp)
            pair = (await asyncio.to_thread(own.load)).get(CertificateKind.RSA)
            self._stamp = stamp
            if pair is None or not isinstance(pair.key, rsa.RSAPrivateKey):
                return False
            fresh = ServerIdentity.of(pair.certificate, pair.key, *pair.issuers)
            before, self.rsa = self.rsa, fresh
            if before is None or before.chain == fresh.chain:
                return False
        _log.info("the endpoint shows another certificate from now on: %s", pair.details.thumbprint)
        for tell in self.changed:
            tell()
        return True
