"""Certificates and trust looked after over OPC UA, as a GDS does it (Part 12 v1.05 7.10)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportCallIssue=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaError, UaStatusCodeError
from cryptography import x509

from certs.certificate import Certificate
from certs.encoded import split_chain
from certs.store import TrustStore
from tests.system.patient import PatientClient
from tests.system.push_works import ENCRYPTED, SIGNED, URI, Works, serving
from tests.unit.server.ua_stack.server_configuration.authority import Authority, client_certificate, new_key
from tests.waiting import until

IDS = ua.ObjectIds
CONFIGURATION = IDS.ServerConfiguration
APPLICATIONS = ua.NodeId(IDS.ServerConfiguration_CertificateGroups_DefaultApplicationGroup)
APPLICATION_LIST = IDS.ServerConfiguration_CertificateGroups_DefaultApplicationGroup_TrustList
USER_LIST = IDS.ServerConfiguration_CertificateGroups_DefaultUserTokenGroup_TrustList
RSA = ua.NodeId(IDS.RsaSha256ApplicationCertificateType)
_kinds = ua.VariantType


async def member(client: Client, owner: int | ua.NodeId, *names: str) -> ua.NodeId:
    """Find a part by BrowseNames, as a client does."""
    node = client.get_node(ua.NodeId(owner) if isinstance(owner, int) else owner)
    return (await node.get_child([f"0:{name}" for name in names])).nodeid


async def call(client: Client, owner: int, name: str, *arguments: ua.Variant) -> Any:
    """Call a method; raises :class:`UaStatusCodeError`."""
    return await client.get_node(ua.NodeId(owner)).call_method(await member(client, owner, name), *arguments)


async def refusal(client: Client, owner: int, name: str, *arguments: ua.Variant) -> str:
    try:
        await call(client, owner, name, *arguments)
    except UaStatusCodeError as refused:
        return ua.StatusCode(ua.UInt32(refused.code)).name
    return "Good"


def octets(data: bytes) -> ua.Variant:
    return ua.Variant(data, _kinds.ByteString)


def number(value: int) -> ua.Variant:
    return ua.Variant(value, _kinds.UInt32)


def asked(*, new_key: bool, subject: str = "") -> list[ua.Variant]:
    return [
        ua.Variant(APPLICATIONS),
        ua.Variant(RSA),
        ua.Variant(subject, _kinds.String),
        ua.Variant(new_key, _kinds.Boolean),
        octets(b"nonce" * 8 if new_key else b""),
    ]


def uploaded(certificate: bytes, *issuers: bytes) -> list[ua.Variant]:
    return [
        ua.Variant(APPLICATIONS),
        ua.Variant(RSA),
        octets(certificate),
        ua.Variant(list(issuers), _kinds.ByteString, is_array=True),
        ua.Variant("", _kinds.String),
        octets(b""),
    ]


async def read_list(client: Client, owner: int = APPLICATION_LIST, *, mode: int = 1) -> ua.TrustListDataType:
    handle = number(await call(client, owner, "Open", ua.Variant(mode, _kinds.Byte)))
    size = await client.get_node(await member(client, owner, "Size")).read_value()
    content = b""
    while part := await call(client, owner, "Read", handle, ua.Variant(4096, _kinds.Int32)):
        content += part
    await call(client, owner, "Close", handle)
    assert size == len(content)
    return struct_from_binary(ua.TrustListDataType, Buffer(content))


async def write_list(client: Client, lists: ua.TrustListDataType, owner: int = APPLICATION_LIST) -> None:
    handle = number(await call(client, owner, "Open", ua.Variant(6, _kinds.Byte)))
    content = struct_to_binary(lists)
    for at in range(0, len(content), 1000):
        await call(client, owner, "Write", handle, octets(content[at : at + 1000]))
    assert await call(client, owner, "CloseAndUpdate", handle) is True


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Plant CA")


@pytest.fixture
async def works(tmp_path: Path, free_port: Callable[[], int], authority: Authority) -> AsyncIterator[Works]:
    async with serving(tmp_path, free_port(), authority) as held:
        yield held


async def test_the_gateways_certificate_is_exchanged_for_one_of_the_plants_authority(
    works: Works, authority: Authority
) -> None:
    before = (await works.shown())[0]
    async with works.client() as client:
        request = await call(
            client, CONFIGURATION, "CreateSigningRequest", *asked(new_key=True, subject="CN=Line 1/O=Works")
        )
        assert x509.load_der_x509_csr(request).subject.rfc4514_string() == "O=Works,CN=Line 1"
        issued = authority.sign(request)
        assert await call(client, CONFIGURATION, "UpdateCertificate", *uploaded(issued, authority.der)) is True
        assert set(await works.shown()) == {before}
        await call(client, CONFIGURATION, "ApplyChanges")
        assert set(await works.shown()) == {issued + authority.der}
        async with works.client(server=issued) as again:  # on a new channel at once, while the old one is still there
            _, certificates = await call(again, CONFIGURATION, "GetCertificates", ua.Variant(APPLICATIONS))
            assert certificates == [issued]
            await until(lambda: not is_connected(client))
            await again.nodes.server_state.read_value()
    with pytest.raises((UaError, ConnectionError, TimeoutError)):
        async with works.client(server=split_chain(before)[0]):
            pass
    told = [one for one in works.records if "Certificate" in type(one).__name__ and "Updat" in type(one).__name__]
    assert [(type(one).__name__, one.status, one.client_user_id) for one in told] == [
        ("CertificateUpdateRequestedAudit", True, "admin"),
        ("CertificateUpdateRequestedAudit", True, "admin"),
        ("CertificateUpdatedAudit", True, "admin"),
    ]


def is_connected(client: Client) -> bool:
    protocol: Any = client.uaclient.protocol
    return protocol is not None and protocol.transport is not None and not protocol.transport.is_closing()


async def test_the_trust_list_is_read_and_replaced(works: Works, authority: Authority) -> None:
    friend = client_certificate("friend", URI, key := new_key())
    async with works.client() as client:
        held = await read_list(client)
        assert held.TrustedCertificates == [authority.der]
        assert held.TrustedCrls == [authority.revocation_list()] or len(held.TrustedCrls) + len(held.IssuerCrls) == 1
        held.TrustedCertificates.append(friend)
        await write_list(client, held)
        assert [one.der for one in works.trust.trusted()] == [authority.der]
        await call(client, CONFIGURATION, "ApplyChanges")
        assert (await read_list(client)).TrustedCertificates == sorted([authority.der, friend], key=fingerprint)
        async with works.client(certificate=friend, key=key):
            pass
        await write_list(client, ua.TrustListDataType(1, [authority.der], [], [], []))
        await call(client, CONFIGURATION, "ApplyChanges")
        with pytest.raises((UaError, ConnectionError, TimeoutError)):
            async with works.client(certificate=friend, key=key):
                pass
        await write_list(client, ua.TrustListDataType(1, [friend], [], [], []), USER_LIST)
        await call(client, CONFIGURATION, "ApplyChanges")
        assert [one.der for one in TrustStore(works.certs / "users").trusted()] == [friend]
        assert (await read_list(client)).TrustedCertificates == [authority.der]


def fingerprint(der: bytes) -> str:
    return Certificate.parse(der).fingerprint


async def test_who_was_rejected_is_told_and_let_in(works: Works) -> None:
    stranger = client_certificate("stranger", URI, key := new_key())
    with pytest.raises((UaError, ConnectionError, TimeoutError)):
        async with works.client(certificate=stranger, key=key):
            pass
    trusted = ua.Variant(Value=True, VariantType=_kinds.Boolean)
    async with works.client() as client:
        assert await call(client, CONFIGURATION, "GetRejectedList") == [stranger]
        await call(client, APPLICATION_LIST, "AddCertificate", octets(stranger), trusted)
        assert not await call(client, CONFIGURATION, "GetRejectedList")
        async with works.client(certificate=stranger, key=key):
            pass
        thumbprint = ua.Variant(Certificate.parse(stranger).thumbprint, _kinds.String)
        await call(client, APPLICATION_LIST, "RemoveCertificate", thumbprint, trusted)
    with pytest.raises((UaError, ConnectionError, TimeoutError)):
        async with works.client(certificate=stranger, key=key):
            pass


async def test_one_administrator_at_a_time_whose_changes_end_with_the_session(
    works: Works, authority: Authority
) -> None:
    async with works.client() as one, works.client() as other:
        request = await call(one, CONFIGURATION, "CreateSigningRequest", *asked(new_key=False))
        arguments = uploaded(authority.sign(request), authority.der)
        await call(one, CONFIGURATION, "UpdateCertificate", *arguments)
        assert await refusal(other, CONFIGURATION, "UpdateCertificate", *arguments) == "BadTransactionPending"
        assert await refusal(other, CONFIGURATION, "ApplyChanges") == "BadTransactionPending"
        await one.disconnect()
        assert await refusal(other, CONFIGURATION, "ApplyChanges") == "BadNothingToDo"
        await call(other, CONFIGURATION, "UpdateCertificate", *arguments)
        await call(other, CONFIGURATION, "CancelChanges")
    assert {len(split_chain(one)) for one in await works.shown() if one} == {1}


CALLS: dict[int, dict[str, list[ua.Variant]]] = {
    CONFIGURATION: {
        "CreateSigningRequest": asked(new_key=True),
        "UpdateCertificate": uploaded(b"x"),
        "GetCertificates": [ua.Variant(APPLICATIONS)],
        "GetRejectedList": [],
        "ApplyChanges": [],
        "CancelChanges": [],
    },
    APPLICATION_LIST: {
        "Open": [ua.Variant(1, _kinds.Byte)],
        "OpenWithMasks": [number(15)],
        "Close": [number(1)],
        "CloseAndUpdate": [number(1)],
        "Read": [number(1), ua.Variant(10, _kinds.Int32)],
        "Write": [number(1), octets(b"x")],
        "GetPosition": [number(1)],
        "SetPosition": [number(1), ua.Variant(0, _kinds.UInt64)],
        "AddCertificate": [octets(b"x"), ua.Variant(Value=True, VariantType=_kinds.Boolean)],
        "RemoveCertificate": [ua.Variant("00", _kinds.String), ua.Variant(Value=True, VariantType=_kinds.Boolean)],
    },
}


async def test_everything_is_refused_without_role_or_encryption(works: Works) -> None:
    before = sorted(str(one) for one in works.certs.rglob("*"))
    async with works.client() as admin:
        methods = [
            (ua.NodeId(owner), await member(admin, owner, name), arguments)
            for owner, calls in CALLS.items()
            for name, arguments in calls.items()
        ]
    requests = [ua.CallMethodRequest(owner, method, arguments) for owner, method, arguments in methods]
    for user, mode, answers in (
        ("operator", ENCRYPTED, {"BadUserAccessDenied"}),
        ("admin", SIGNED, {"BadSecurityModeInsufficient"}),
        ("operator", SIGNED, {"BadUserAccessDenied"}),
    ):
        async with works.client(user, mode=mode) as client:
            assert answered(await client.uaclient.call(requests)) == answers
    async with PatientClient(works.plant.url) as nobody:
        assert answered(await nobody.uaclient.call(requests)) == {"BadUserAccessDenied"}
    assert sorted(str(one) for one in works.certs.rglob("*")) == before


def answered(results: list[ua.CallMethodResult]) -> set[str]:
    """Give the names of the StatusCodes; a method of our own namespace is not even there for who may not see it."""
    return {one.StatusCode.name for one in results} - {"BadMethodInvalid"}
