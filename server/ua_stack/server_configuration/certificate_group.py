"""A CertificateGroup (Part 12 v1.05 7.8.3): its trust list, and the gateway's own certificates that belong to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from certs.errors import CertificateError
from certs.making import CertificateKind
from certs.store import TrustStore
from certs.verdict import Peer
from server.address_space.keys import NodeKey, is_null, numeric_key
from server.ua_stack.server_configuration.refusal import ConfigurationRefused
from server.ua_stack.server_configuration.trust_list_data import Masks, encode, masked
from server.ua_stack.server_configuration.trust_list_file import MAX_SIZE, TrustListFile

_log = logging.getLogger("plantspace.certs")
_PREFIX: Final = "ServerConfiguration_CertificateGroups_"
CERTIFICATE_TYPES: Final[Mapping[CertificateKind, NodeKey]] = MappingProxyType(
    {
        CertificateKind.RSA: numeric_key(0, ObjectIds.RsaSha256ApplicationCertificateType),
        CertificateKind.NIST_P256: numeric_key(0, ObjectIds.EccNistP256ApplicationCertificateType),
    }
)
"""The CertificateTypes (Part 12 v1.05 7.8.4) of what is offered."""


@dataclass(slots=True, eq=False)
class CertificateGroup:
    """One group. ``kinds``: what certificates it has; ``peer``: whose certificates its trust list holds.

    ``size``: bytes of the trust list's file when it was looked at last.
    """

    name: str
    store: TrustStore
    peer: Peer
    kinds: tuple[CertificateKind, ...]
    file: TrustListFile
    size: int = 0

    @property
    def key(self) -> NodeKey:
        """The key of its node."""
        return numeric_key(0, int(getattr(ObjectIds, _PREFIX + self.name)))

    @property
    def trust_list(self) -> NodeKey:
        """The key of its TrustList's node."""
        return numeric_key(0, int(getattr(ObjectIds, f"{_PREFIX}{self.name}_TrustList")))

    @property
    def certificate_types(self) -> list[NodeKey]:
        """The keys of the types of its certificates."""
        return [CERTIFICATE_TYPES[kind] for kind in self.kinds]

    def kind_of(self, certificate_type: NodeKey) -> CertificateKind:
        """Give the kind of certificate that a client names; a null type stands for the first there is."""
        if self.kinds and is_null(certificate_type):
            return self.kinds[0]
        for kind in self.kinds:
            if CERTIFICATE_TYPES[kind] == certificate_type:
                return kind
        message = f"{self.name} has no certificate of that type"
        raise ConfigurationRefused(StatusCodes.BadInvalidArgument, message)

    async def look(self) -> None:
        """See how large the trust list is by now; what stands in the way of that is told to whoever opens it."""
        try:
            await self.shown()
        except ConfigurationRefused as error:
            _log.warning("the trust list of %s cannot be shown: %s", self.name, error)

    async def shown(self, masks: int = Masks.ALL) -> bytes:
        """Give the trust list as its file shows it."""
        try:
            encoded = await asyncio.to_thread(lambda: encode(masked(self.store.trust_list(), masks)))
        except (OSError, CertificateError) as error:
            raise ConfigurationRefused(StatusCodes.BadResourceUnavailable, str(error)) from error
        if len(encoded) > MAX_SIZE:
            message = f"the trust list has {len(encoded)} bytes, and at most {MAX_SIZE} are shown"
            raise ConfigurationRefused(StatusCodes.BadResourceUnavailable, message)
        if masks == Masks.ALL:
            self.size = len(encoded)
        return encoded
