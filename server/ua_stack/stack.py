"""The OPC UA endpoint: asyncua's server set up by the configuration, with our services behind it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlparse

from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from core.errors import PlantspaceError
from core.image import ProcessImage
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.model import Model
from server.address_space.points import WritePoint
from server.address_space.snapshot import Snapshot, snapshot
from server.address_space.structured import StructureCodec, StructuredVariable
from server.ua_stack.internal_server import GatewayInternalServer
from server.ua_stack.model_nodes import describe_namespaces, load_model, namespace_array
from server.ua_stack.monitored_items import ItemFactory
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import NodeBuilder
from server.ua_stack.processor import GatewayServer
from server.ua_stack.sessions import ClientServices

_log = logging.getLogger("plantspace.endpoint")
_POLICIES = {
    "None": (ua.SecurityPolicyType.NoSecurity,),
    "Sign": (
        ua.SecurityPolicyType.Basic256Sha256_Sign,
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
        ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ),
    "SignAndEncrypt": (
        ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
        ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ),
}
SECURITY_MODES = tuple(_POLICIES)


class EndpointError(PlantspaceError):
    """The endpoint cannot be opened; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The gateway's own certificate and key."""

    certificate: x509.Certificate
    key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """The endpoint as configured; ``security``: modes offered; ``role``: what anonymous clients are."""

    url: str
    name: str
    application_uri: str
    security: Sequence[str]
    role: str
    version: str


class UaStack:
    """Owns asyncua's server. ``prepare`` makes the address space in memory; ``start`` opens the port."""

    def __init__(self, options: EndpointOptions) -> None:
        """Take the options; nothing is opened."""
        self.options = options
        self.internal = GatewayInternalServer(options.role)
        self.server = GatewayServer(iserver=self.internal)
        self.builder = NodeBuilder(self.internal.space)
        self.loaded: Snapshot = {}
        """What the model made, before the gateway and its clients changed any of it."""
        self._started = False
        self._codec = StructureCodec(TypeRegistry(), ListedNamespaces(()))
        self._structured: Mapping[ua.NodeId, StructuredVariable] = {}

    @property
    def codec(self) -> StructureCodec:
        """What encodes structures of the model that was prepared."""
        return self._codec

    async def prepare(self, model: Model, *more: str) -> list[str]:
        """Make the address space of a model, and set the server's own nodes up. ``more``: namespaces beside its own.

        Gives what of the model could not be encoded. A model with findings is good enough to look names up in.
        """
        server, options = self.server, self.options
        namespaces = namespace_array(model, options.application_uri, *more)
        problems = load_model(self.internal.space, model, namespaces)
        self._codec = StructureCodec(model.types, ListedNamespaces(namespaces))
        describe_namespaces(self.internal.space, self.builder, model, NodeIds(namespaces))
        self.loaded = snapshot(self.internal.space)
        await server.init()
        server.set_endpoint(options.url)
        server.set_server_name(f"Plantspace {options.name}")
        server.product_uri = "https://plantspace.io/"
        server.manufacturer_name = "Plantspace"
        server.application_type = ua.ApplicationType.Server
        await server.set_application_uri(options.application_uri)
        for uri in namespaces[2:]:
            await server.register_namespace(uri)
        await server.set_build_info(
            server.product_uri,
            server.manufacturer_name,
            "Plantspace",
            options.version,
            options.version,
            datetime(2026, 1, 1, tzinfo=UTC),
        )
        tokens = [ua.AnonymousIdentityToken] if options.role != "none" else []
        server.set_identity_tokens(tokens)
        policies = [policy for mode in options.security for policy in _POLICIES[mode]]
        server.set_security_policy(policies, ClientServices())  # type: ignore[arg-type]  # asyncua asks for its own subclass, and only calls check_validity
        return problems

    def compose(self, structured: Mapping[ua.NodeId, StructuredVariable]) -> None:
        """Compose the values of these variables of points, once the points are served."""
        self._structured = structured

    def bind(self, image: ProcessImage, slots: dict[ua.NodeId, int], scans: Sequence[float], write: WritePoint) -> None:
        """Serve the points: reads, writes and subscriptions."""
        self.internal.access.bind(image, slots, write, self._structured)
        factory = ItemFactory(self.internal.shown, self.internal.access, image, scans)
        self.internal.subscriptions.bind(factory)
        image.add_tap(self.internal.subscriptions)

    async def namespaces(self) -> NodeIds:
        """Give the NamespaceArray as it stands."""
        return NodeIds(await self.server.get_namespace_array())

    async def register_namespace(self, uri: str) -> int:
        """Give a namespace's index, adding it where it is new."""
        return int(await self.server.register_namespace(uri))

    def use_identity(self, identity: Identity) -> None:
        """Show this certificate to clients."""
        self.internal.certificate = identity.certificate
        self.internal.private_key = identity.key

    async def start(self) -> None:
        """Open the port. Raises :class:`EndpointError`."""
        self._started = True  # from here on there is something to undo, wherever the start is broken off
        try:
            await self.server.start()
        except OSError as error:
            message = (
                f"cannot listen on {self.options.url}: {error.strerror or error} (is another server on this port?)"
            )
            raise EndpointError(message) from error

    @property
    def url(self) -> str:
        """The endpoint's URL with the port that was opened."""
        parts = urlparse(self.options.url)
        port = self.server.bserver.port if self.server.bserver is not None else parts.port
        host = parts.hostname or ""
        return parts._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()

    async def stop(self) -> None:
        """Close the port and end all sessions; safe before ``start`` and twice."""
        if self._started:
            self._started = False
            await self.server.stop()
        else:
            await self.internal.subscriptions.stop()
            self.internal.method_service.stop()
