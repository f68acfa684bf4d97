"""The OPC UA endpoint: asyncua's server set up by the configuration, with our services behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlparse

from asyncua import ua

from certs.own import OwnCertificates
from certs.store import TrustStore
from core.errors import PlantspaceError
from core.image import ProcessImage
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.datatypes.registry import TypeRegistry
from nodesets.model import Model
from server.address_space.points import WritePoint
from server.address_space.snapshot import Snapshot, snapshot
from server.address_space.structured import StructureCodec, StructuredVariable
from server.permissions.applying import ConfiguredPermissions
from server.ua_stack.discovery.descriptions import ApplicationName
from server.ua_stack.discovery.offered import OfferedEndpoint
from server.ua_stack.discovery.own_urls import OwnUrls
from server.ua_stack.discovery.services import Discovery
from server.ua_stack.internal_server import GatewayInternalServer
from server.ua_stack.listener import GatewayServer
from server.ua_stack.model_nodes import describe_namespaces, load_model, namespace_array
from server.ua_stack.monitored_items import ItemFactory
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import NodeBuilder
from server.ua_stack.secure_channel.identities import Identities, ServerIdentity
from server.ua_stack.secure_channel.limits import ChannelLimits
from server.ua_stack.secure_channel.record import OnChannel, unheard
from server.ua_stack.secure_channel.service import SecureChannels
from server.ua_stack.secure_channel.suites import NONE
from server.ua_stack.session.limits import SessionLimits
from server.ua_stack.session.log_in import LogIn
from server.ua_stack.session.service import Rights
from server.ua_stack.values import encode_variant

_log = logging.getLogger("plantspace.endpoint")
SECURITY_MODES = ("None", "Sign", "SignAndEncrypt")
PRODUCT_URI = "https://plantspace.io/"


class EndpointError(PlantspaceError):
    """The endpoint cannot be opened; the message says which and why."""


_SESSIONS, _CHANNELS = SessionLimits(), ChannelLimits()


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """The endpoint as configured; ``security``: modes offered; ``host_names``: that the machine cannot know."""

    url: str
    name: str
    application_uri: str
    security: Sequence[str]
    version: str
    sessions: SessionLimits = _SESSIONS
    channels: ChannelLimits = _CHANNELS
    host_names: Sequence[str] = ()


class UaStack:
    """Owns asyncua's server. ``prepare`` makes the address space in memory; ``start`` opens the port."""

    def __init__(self, options: EndpointOptions) -> None:
        """Take the options; nothing is opened."""
        self.options = options
        self.urls = OwnUrls(options.url, options.host_names)
        application = ApplicationName(options.application_uri, PRODUCT_URI, f"Plantspace {options.name}")
        self.discovery = Discovery(application, self.urls)
        self.internal = GatewayInternalServer(self.discovery, options.sessions)
        self.server = GatewayServer(iserver=self.internal)
        self.server.channels = SecureChannels(options.security, Identities(None), None, options.channels)
        self.builder = NodeBuilder(self.internal.space)
        self.loaded: Snapshot = {}
        """What the model made, before the gateway and its clients changed any of it."""
        self.permissions: ConfiguredPermissions | None = None
        """What the configuration says of nodes' rights; a changed model's nodes get the same."""
        self._started = False
        self._log_in: LogIn | None = None
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
        server.product_uri = PRODUCT_URI
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
        server.set_security_policy([])  # asyncua describes and opens nothing: that is ours
        return problems

    def compose(self, structured: Mapping[ua.NodeId, StructuredVariable]) -> None:
        """Compose the values of these variables of points, once the points are served."""
        self._structured = structured

    def bind(self, image: ProcessImage, slots: dict[ua.NodeId, int], scans: Sequence[float], write: WritePoint) -> None:
        """Serve the points: reads, writes and subscriptions."""
        self.internal.access.bind(image, slots, write, self._structured)
        factory = ItemFactory(self.internal.attributes, image, scans, encode_variant, self.internal.event_filters)
        self.internal.subscriptions.items.bind(factory)
        image.add_tap(self.internal.subscriptions)

    async def namespaces(self) -> NodeIds:
        """Give the NamespaceArray as it stands."""
        return NodeIds(await self.server.get_namespace_array())

    async def register_namespace(self, uri: str) -> int:
        """Give a namespace's index, adding it where it is new."""
        return int(await self.server.register_namespace(uri))

    def secure(self, own: OwnCertificates, trust: TrustStore, on_channel: OnChannel = unheard) -> None:
        """Show these certificates to clients, and let in those that are trusted. ``on_channel``: is told of each."""
        identities = Identities(own)
        identities.changed.append(self.offer)
        self.server.channels = SecureChannels(
            self.options.security, identities, trust, self.options.channels, on_channel
        )

    def secret_key(self) -> ServerIdentity | None:
        """Give the key that users' secrets are encrypted for."""
        return self.server.channels.identities.rsa

    def new_connection(self) -> asyncio.Protocol:
        """Make what serves a connection that the gateway itself has made (reverse connect)."""
        listener = self.server.listener
        if listener is None:
            message = "the endpoint does not listen yet"
            raise EndpointError(message)
        return listener.protocol()

    def hang_up(self) -> None:
        """Close the connections that show a certificate of before."""
        if self.server.listener is not None:
            self.server.listener.hang_up(self.secret_key())

    def permit(self, permissions: ConfiguredPermissions, nodeids: NodeIds) -> None:
        """Give the model's nodes the rights that the configuration says; before the endpoint serves them."""
        permissions.apply(self.internal.space, nodeids)
        self.permissions = permissions
        self.loaded = permissions.applied(self.internal.space, self.loaded)

    def let_in(self, log_in: LogIn, rights: Rights) -> None:
        """Let users log in from now on."""
        self._log_in = log_in
        self.internal.session_service.bind(log_in, rights)

    def offer(self) -> None:
        """Tell clients what they can connect to, and how users log in; again whenever any of it has changed."""
        log_in = self._log_in
        self.discovery.offer(
            [
                OfferedEndpoint(
                    one.uri,
                    one.mode,
                    one.level,
                    one.certificate,
                    log_in.offered(encrypted=one.uri != NONE) if log_in else (),
                )
                for one in self.server.channels.policies.offered
            ]
        )

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
        self.urls.listen(self.url)
        await self.urls.start()
        self.offer()

    @property
    def url(self) -> str:
        """The endpoint's URL with the port that was opened."""
        parts = urlparse(self.options.url)
        port = self.server.bserver.port if self.server.bserver is not None else parts.port
        host = parts.hostname or ""
        return parts._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()

    async def stop(self) -> None:
        """Close the port and end all sessions; safe before ``start`` and twice."""
        await self.urls.stop()
        if self._started:
            self._started = False
            await self.server.stop()
        else:
            self.internal.subscriptions.stop()
            self.internal.method_service.stop()
