"""ServerConfiguration of a gateway: binds the nodes to the certificates and trust lists that there are."""

# asyncua's annotations call a plain int wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from certs.own import OwnCertificates
from certs.store import TrustStore
from certs.verdict import Peer
from core.time import from_datetime
from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import (
    array_variant,
    boolean_variant,
    double_variant,
    encode_node_id,
    encode_string,
    int32_variant,
    uint16_variant,
    uint32_variant,
    variant,
)
from server.address_space.keys import NodeKey
from server.address_space.space import AddressSpace
from server.audit.administration import TrustListUpdatedAudit
from server.ua_stack.server_configuration.answering import Audited, Call, answering
from server.ua_stack.server_configuration.applying import Applied, Applying
from server.ua_stack.server_configuration.audit_records import (
    CertificateUpdateRequestedAudit,
    OnChange,
    TrustListUpdateRequestedAudit,
)
from server.ua_stack.server_configuration.certificate_group import CertificateGroup
from server.ua_stack.server_configuration.certificate_methods import CertificateMethods
from server.ua_stack.server_configuration.nodes import CONFIGURATION, ConfigurationNodes
from server.ua_stack.server_configuration.private_keys import FORMATS
from server.ua_stack.server_configuration.transaction_diagnostics import bind_diagnostics, time_variant
from server.ua_stack.server_configuration.transactions import Transactions
from server.ua_stack.server_configuration.trust_list_file import ACTIVITY_TIMEOUT, MAX_SIZE, TrustListFile
from server.ua_stack.server_configuration.trust_list_methods import TrustListMethods

_SERVER: Final = 0
"""ApplicationType (Part 4 v1.05 7.4)."""
_GROUP_AND_TYPE = ("CertificateGroupId", "CertificateTypeId")


@dataclass(frozen=True, slots=True)
class Description:
    """What ServerConfiguration tells of the gateway. ``capabilities``: of Part 12 v1.05 Annex D."""

    product_uri: str
    capabilities: Sequence[str] = ("DA",)


class ServerConfiguration:
    """The object and all beneath it. ``start`` looks at the trust lists; ``stop`` waits for what is being applied."""

    def __init__(
        self,
        own: OwnCertificates,
        groups: Sequence[CertificateGroup],
        on_applied: Callable[[Applied], Awaitable[None]],
        hang_up: Callable[[], None],
        on_change: OnChange,
    ) -> None:
        """See :func:`bind_server_configuration`."""
        self.groups = groups
        self.transactions = Transactions()
        self._applying = Applying(own, self.transactions, groups, on_applied, hang_up, on_change)
        self._certificates = CertificateMethods(own, groups, self.transactions)
        self._on_change = on_change

    async def start(self) -> None:
        """Look at the trust lists once, to know their size."""
        for group in self.groups:
            await group.look()

    async def stop(self) -> None:
        """Bring what is being applied to its end."""
        await self._applying.stop()

    def bind(self, nodes: ConfigurationNodes, description: Description, application_uri: str) -> None:
        """Answer the nodes."""
        nodes.remove_what_is_not_offered([group.name for group in self.groups])
        for name, value in _properties(description, application_uri).items():
            nodes.read(CONFIGURATION, name, partial(bytes, value))
        requested = CertificateUpdateRequestedAudit
        uploaded = (*_GROUP_AND_TYPE, "Certificate", "IssuerCertificates", "PrivateKeyFormat", "PrivateKey")
        # RegeneratePrivateKey is no secret, which its name would make it
        asked = (*_GROUP_AND_TYPE, "SubjectName", "RegenerateKey", "Nonce")
        certificates = self._certificates
        methods: dict[str, tuple[Call, Audited | None]] = {
            "UpdateCertificate": (certificates.update_certificate, Audited(requested, uploaded)),
            "CreateSigningRequest": (certificates.create_signing_request, Audited(requested, asked)),
            "GetCertificates": (certificates.get_certificates, None),
            "GetRejectedList": (certificates.get_rejected_list, None),
            "ApplyChanges": (self._applying.apply, None),
            "CancelChanges": (self._applying.cancel, None),
        }
        self._call(nodes, CONFIGURATION, methods)
        bind_diagnostics(nodes, self.transactions)
        for group in self.groups:
            self._bind_group(nodes, group)

    def _bind_group(self, nodes: ConfigurationNodes, group: CertificateGroup) -> None:
        types = array_variant(BuiltInType.NodeId, [encode_node_id(one) for one in group.certificate_types])
        nodes.read(group.key, "CertificateTypes", lambda: types)
        properties: dict[str, Callable[[], bytes]] = {
            "Size": lambda: variant(BuiltInType.UInt64, group.size.to_bytes(8, "little")),
            "Writable": lambda: boolean_variant(value=True),
            # only those may read it who may write the file, too
            "UserWritable": lambda: boolean_variant(value=True),
            "OpenCount": lambda: uint16_variant(group.file.open_count),
            "LastUpdateTime": lambda: time_variant(from_datetime(group.store.last_update())),
            "ActivityTimeout": lambda: double_variant(ACTIVITY_TIMEOUT * 1000.0),
        }
        for name, value in properties.items():
            nodes.read(group.trust_list, name, value)
        answers = TrustListMethods(group, self.transactions)
        changed = partial(TrustListUpdatedAudit, trust_list_id=group.trust_list)
        self._call(
            nodes,
            group.trust_list,
            {
                "Open": (answers.open, None),
                "OpenWithMasks": (answers.open_with_masks, None),
                "Close": (answers.close, None),
                "CloseAndUpdate": (answers.close_and_update, Audited(TrustListUpdateRequestedAudit, ("FileHandle",))),
                "Read": (answers.read, None),
                "Write": (answers.write, None),
                "GetPosition": (answers.get_position, None),
                "SetPosition": (answers.set_position, None),
                "AddCertificate": (answers.add_certificate, Audited(changed, ("Certificate", "IsTrustedCertificate"))),
                "RemoveCertificate": (
                    answers.remove_certificate,
                    Audited(changed, ("Thumbprint", "IsTrustedCertificate")),
                ),
            },
        )
        self._call(nodes, group.key, {"GetRejectedList": (answers.get_rejected_list, None)})

    def _call(
        self, nodes: ConfigurationNodes, owner: NodeKey, methods: Mapping[str, tuple[Call, Audited | None]]
    ) -> None:
        for name, (call, audited) in methods.items():
            nodes.call(
                owner,
                name,
                lambda method, call=call, audited=audited, name=name: answering(
                    call, name, owner, method, self._on_change, audited
                ),
            )


def bind_server_configuration(
    space: AddressSpace,
    own: OwnCertificates,
    trust: TrustStore,
    users: TrustStore | None,
    description: Description,
    *,
    on_applied: Callable[[Applied], Awaitable[None]],
    hang_up: Callable[[], None],
    on_change: OnChange,
    namespace: int = 1,
) -> ServerConfiguration:
    """Let ServerConfiguration manage ``own`` and ``trust``, and ``users``, whose X.509 certificates let them log in.

    The folder of both stores has to be that of ``own`` or within it: all changes of an ApplyChanges are one change
    there. ``on_applied`` is called once ApplyChanges has changed the files: when it is done, new channels have to show
    ``Applied.certificates``. ``hang_up`` is called a second later, where the gateway's own certificate has
    changed: it closes the connections that showed the one before. ``on_change`` takes audit records. ``namespace``: of
    nodes that the published file lacks. The caller starts and stops what is given.

    Raises :class:`ValueError` where a store lies elsewhere.
    """
    stores = (trust,) if users is None else (trust, users)
    for store in stores:
        if not store.folder.is_relative_to(own.folder):
            message = f"{store.folder} does not lie in {own.folder}"
            raise ValueError(message)
    groups = [CertificateGroup("DefaultApplicationGroup", trust, Peer.CLIENT, own.kinds, _file())]
    if users is not None:
        groups.append(CertificateGroup("DefaultUserTokenGroup", users, Peer.USER, (), _file()))
    configuration = ServerConfiguration(own, groups, on_applied, hang_up, on_change)
    configuration.bind(ConfigurationNodes(space, namespace), description, own.application.uri)
    return configuration


def _file() -> TrustListFile:
    return TrustListFile(time.monotonic)


def _properties(description: Description, application_uri: str) -> dict[str, bytes]:
    """Give the properties that do not change, as encoded Variants (7.10.3)."""
    return {
        "ApplicationUri": variant(BuiltInType.String, encode_string(application_uri)),
        "ProductUri": variant(BuiltInType.String, encode_string(description.product_uri)),
        "ApplicationType": int32_variant(_SERVER),
        "ServerCapabilities": _strings(description.capabilities),
        "SupportedPrivateKeyFormats": _strings(FORMATS),
        "MaxTrustListSize": uint32_variant(MAX_SIZE),
        "MulticastDnsEnabled": boolean_variant(value=False),
        "HasSecureElement": boolean_variant(value=False),
        "SupportsTransactions": boolean_variant(value=True),
        "InApplicationSetup": boolean_variant(value=False),
    }


def _strings(texts: Sequence[str]) -> bytes:
    return array_variant(BuiltInType.String, [encode_string(one) for one in texts])
