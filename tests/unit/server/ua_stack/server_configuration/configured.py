"""ServerConfiguration over folders of a test's own, and sessions that call its methods."""

# asyncua's annotations call a plain int or bytes wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary

from certs.making import Application, CertificateKind
from certs.own import OwnCertificates
from certs.store import TrustStore
from server.address_space.decoding import GivenValue
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.address_space.space import AddressSpace
from server.audit.changes import AuditUpdateMethod
from server.ua_stack.model_nodes import load_model, namespace_array
from server.ua_stack.server_configuration.applying import Applied
from server.ua_stack.server_configuration.binding import Description, bind_server_configuration
from server.ua_stack.server_configuration.nodes import CONFIGURATION
from server.ua_stack.sessions import CALLER, GatewaySession
from server.users.well_known import WELL_KNOWN
from tests.unit.server.ua_stack.nodes import standard_model

URI = "urn:test:plantspace:line-1"
RSA = nodeid_of(numeric_key(0, ua.ObjectIds.RsaSha256ApplicationCertificateType))
EC = nodeid_of(numeric_key(0, ua.ObjectIds.EccNistP256ApplicationCertificateType))
APPLICATIONS = ua.NodeId(ua.ObjectIds.ServerConfiguration_CertificateGroups_DefaultApplicationGroup)
USERS = ua.NodeId(ua.ObjectIds.ServerConfiguration_CertificateGroups_DefaultUserTokenGroup)
APPLICATION_LIST = key_of(
    ua.NodeId(ua.ObjectIds.ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList)
)
USER_LIST = key_of(ua.NodeId(ua.ObjectIds.ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList))
_kinds = ua.VariantType


@dataclass
class Channel:
    mode: int = 3
    most: int = 1 << 24

    def fits(self, size: int) -> bool:
        return size <= self.most


@dataclass(eq=False)
class Session:
    """What the methods look at of a session; the real one is made by a log-in."""

    roles: frozenset[NodeKey] = frozenset({numeric_key(0, WELL_KNOWN["SecurityAdmin"])})
    channel: Channel = field(default_factory=Channel)
    closing: dict[object, Callable[[], None]] = field(default_factory=dict[object, Callable[[], None]])
    client_user_id: str = "ann"
    is_closed: bool = False

    def is_activated(self) -> bool:
        return not self.is_closed

    def close(self) -> None:
        self.is_closed = True
        closing, self.closing = self.closing, {}
        for let_go in closing.values():
            let_go()


class RefusedError(Exception):
    """``name``: of the StatusCode."""

    def __init__(self, status: ua.StatusCode) -> None:
        self.name = status.name
        super().__init__(status.name)


class Configured:
    """The object, what it manages, and what it has told."""

    def __init__(
        self, folder: Path, kinds: Sequence[CertificateKind] = (CertificateKind.RSA, CertificateKind.NIST_P256)
    ) -> None:
        self.space = AddressSpace()
        model = standard_model()
        load_model(self.space, model, namespace_array(model, URI))
        self.own = OwnCertificates(folder, Application(URI, "line-1", ("localhost",), ()), kinds)
        self.own.load()
        self.trust, self.users = TrustStore(folder), TrustStore(folder / "users")
        self.trust.prepare()
        self.users.prepare()
        self.applied: list[Applied] = []
        self.shows: Exception | None = None
        self.hung_up: list[bool] = []
        self.records: list[AuditUpdateMethod] = []
        self.configuration = bind_server_configuration(
            self.space,
            self.own,
            self.trust,
            self.users,
            Description("urn:product", ("DA", "HD")),
            on_applied=self._on_applied,
            hang_up=lambda: self.hung_up.append(True),
            on_change=lambda record, _session: self.records.append(record),
        )
        self.admin = Session()

    async def _on_applied(self, applied: Applied) -> None:
        self.applied.append(applied)
        if self.shows is not None:
            raise self.shows

    def find(self, owner: NodeKey, *names: str) -> NodeKey:
        for name in names:
            owner = next(key for _, key in self.space[owner].forward if self.space[key].browse_name.name == name)
        return owner

    def value(self, owner: NodeKey, *names: str) -> Any:
        """Read a property."""
        held = self.space[self.find(owner, *names)].value
        if callable(held):
            given = held()
            assert isinstance(given, GivenValue)
            held = given.variant
        assert isinstance(held, bytes)
        return variant_from_binary(Buffer(held)).Value

    async def call(
        self, name: str, *arguments: ua.Variant, on: NodeKey = CONFIGURATION, by: Session | None = None
    ) -> Any:
        """Call a method as the administrator or another; give its one output, a list of several, or None."""
        token = CALLER.set(cast("GatewaySession", by or self.admin))
        try:
            method: Any = self.space[self.find(on, name)].definition
            # a task of its own, as a connection's: so the loop monitor can tell it from the test
            answer = await asyncio.create_task(method(nodeid_of(on), *arguments))
        finally:
            CALLER.reset(token)
        if isinstance(answer, ua.StatusCode):
            raise RefusedError(answer)
        outputs = [one.Value for one in answer]
        return outputs[0] if len(outputs) == 1 else outputs or None

    async def refusal(self, name: str, *arguments: ua.Variant, **named: Any) -> str:
        """Give the name of the StatusCode that a call is refused with, or ``Good``."""
        try:
            await self.call(name, *arguments, **named)
        except RefusedError as refused:
            return refused.name
        return "Good"

    async def request(
        self, *, new_key: bool = False, nonce: bytes = b"n" * 32, subject: str = "", kind: ua.NodeId = RSA
    ) -> bytes:
        return bytes(
            await self.call("CreateSigningRequest", *asked(new_key=new_key, nonce=nonce, subject=subject, kind=kind))
        )

    async def write(self, encoded: bytes, *, on: NodeKey = APPLICATION_LIST, by: Session | None = None) -> int:
        """Open a trust list to write, and write all of it; give the handle."""
        handle = await self.call("Open", byte(6), on=on, by=by)
        for at in range(0, len(encoded), 1000):
            await self.call("Write", number(handle), octets(encoded[at : at + 1000]), on=on, by=by)
        return int(handle)


def asked(
    *,
    new_key: bool = False,
    nonce: bytes = b"n" * 32,
    subject: str = "",
    kind: ua.NodeId = RSA,
    group: ua.NodeId = APPLICATIONS,
) -> list[ua.Variant]:
    """Give the arguments of CreateSigningRequest."""
    return [
        ua.Variant(group, _kinds.NodeId),
        ua.Variant(kind, _kinds.NodeId),
        ua.Variant(subject, _kinds.String),
        flag(new_key),
        octets(nonce),
    ]


def uploaded(
    certificate: bytes,
    *issuers: bytes,
    key_format: str = "",
    key: bytes = b"",
    kind: ua.NodeId = RSA,
    group: ua.NodeId = APPLICATIONS,
) -> list[ua.Variant]:
    """Give the arguments of UpdateCertificate."""
    return [
        ua.Variant(group, _kinds.NodeId),
        ua.Variant(kind, _kinds.NodeId),
        octets(certificate),
        ua.Variant(list(issuers), _kinds.ByteString, is_array=True),
        ua.Variant(key_format, _kinds.String),
        octets(key),
    ]


def octets(data: bytes | None) -> ua.Variant:
    return ua.Variant(data, _kinds.ByteString)


def number(value: int) -> ua.Variant:
    return ua.Variant(value, _kinds.UInt32)


def byte(value: int) -> ua.Variant:
    return ua.Variant(value, _kinds.Byte)


def flag(value: object) -> ua.Variant:
    return ua.Variant(bool(value), _kinds.Boolean)


def text(value: str) -> ua.Variant:
    return ua.Variant(value, _kinds.String)
