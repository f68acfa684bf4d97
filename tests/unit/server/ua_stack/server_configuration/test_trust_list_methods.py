"""TrustLists read, replaced and changed one by one (Part 12 v1.05 7.8.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from certs import changes
from certs.certificate import Certificate
from certs.making import CertificateKind
from certs.store import TrustList
from server.address_space.keys import NodeKey
from server.audit.administration import TrustListUpdatedAudit
from server.ua_stack.server_configuration import trust_list_file
from server.ua_stack.server_configuration.audit_records import TrustListUpdateRequestedAudit
from server.ua_stack.server_configuration.nodes import CONFIGURATION
from server.ua_stack.server_configuration.trust_list_data import encode
from tests.unit.server.ua_stack.server_configuration.authority import Authority, client_certificate, new_key
from tests.unit.server.ua_stack.server_configuration.configured import (
    APPLICATION_LIST,
    USER_LIST,
    Channel,
    Configured,
    Session,
    byte,
    flag,
    number,
    octets,
    text,
    uploaded,
)

KEY = new_key()
ANN, BOB = (client_certificate(name, f"urn:test:{name}", KEY) for name in ("ann", "bob"))


def thumbprint(der: bytes) -> str:
    return Certificate.parse(der).thumbprint


def full(*_: object) -> None:
    raise OSError(28, "full")


async def read(
    configured: Configured, *, masks: int | None = None, on: NodeKey = APPLICATION_LIST, by: Session | None = None
) -> ua.TrustListDataType:
    """Read a trust list in small pieces, and take it apart as a client does."""
    opened = ("Open", byte(1)) if masks is None else ("OpenWithMasks", number(masks))
    handle = await configured.call(*opened, on=on, by=by)
    content = b""
    while part := await configured.call("Read", number(handle), ua.Variant(700, ua.VariantType.Int32), on=on, by=by):
        assert len(part) <= 700
        content += part
        assert await configured.call("GetPosition", number(handle), on=on, by=by) == len(content)
    await configured.call("Close", number(handle), on=on, by=by)
    return struct_from_binary(ua.TrustListDataType, Buffer(content))


async def replace(configured: Configured, lists: TrustList, *, on: NodeKey = APPLICATION_LIST) -> str:
    """Write a trust list, and give how CloseAndUpdate is answered."""
    handle = await configured.write(encode(lists), on=on)
    return await configured.refusal("CloseAndUpdate", number(handle), on=on)


async def test_a_list_is_read_whole_or_in_part(configured: Configured, authority: Authority) -> None:
    revoked = authority.revocation_list()
    configured.trust.add_trusted(ANN)
    configured.trust.add_issuer(authority.der)
    configured.trust.add_crl(revoked)
    whole = await read(configured)
    assert whole.SpecifiedLists == 15
    assert (whole.TrustedCertificates, whole.IssuerCertificates, whole.IssuerCrls) == (
        [ANN],
        [authority.der],
        [revoked],
    )
    part = await read(configured, masks=4)
    assert (part.SpecifiedLists, part.TrustedCertificates, part.IssuerCertificates) == (4, [], [authority.der])
    assert (await read(configured, masks=0)).SpecifiedLists == 0
    assert await configured.refusal("OpenWithMasks", number(16), on=APPLICATION_LIST) == "BadInvalidArgument"


async def test_a_new_list_takes_effect_by_apply_changes(configured: Configured, authority: Authority) -> None:
    configured.trust.add_trusted(ANN)
    assert not configured.trust.validate([BOB], application_uri=None).is_good
    wanted = ua.TrustListDataType(
        ua.UInt32(15),
        [BOB, authority.der, BOB],
        [authority.revocation_list()],
        [],
        [],  # type: ignore[list-item]  # bytes will do
    )
    handle = await configured.write(struct_to_binary(wanted))
    assert await configured.call("CloseAndUpdate", number(handle), on=APPLICATION_LIST) is True
    assert configured.trust.judge([ANN]).is_good
    before = configured.value(APPLICATION_LIST, "LastUpdateTime")
    await configured.call("ApplyChanges")
    assert configured.trust.judge([BOB]).is_good
    assert not configured.trust.judge([ANN]).is_good
    assert configured.trust.judge([authority.issue("carol", "urn:test:carol")]).is_good
    assert configured.trust.rejected() == []  # who is trusted now is rejected no longer
    assert configured.applied[0].trust_lists == ["DefaultApplicationGroup"]
    assert configured.value(APPLICATION_LIST, "LastUpdateTime") >= before
    assert configured.value(APPLICATION_LIST, "Size") == len(encode(configured.trust.trust_list()))
    assert [(type(one), one.status) for one in configured.records] == [
        (TrustListUpdateRequestedAudit, True),
        (TrustListUpdatedAudit, True),
    ]


async def test_lists_that_are_not_specified_stay(configured: Configured, authority: Authority) -> None:
    configured.trust.add_trusted(ANN)
    assert await replace(configured, TrustList(issuers=[authority.der])) == "Good"
    await configured.call("ApplyChanges")
    assert [one.der for one in configured.trust.trusted()] == [ANN]
    assert [one.der for one in configured.trust.issuers()] == [authority.der]


async def test_lists_of_users_are_their_own(configured: Configured) -> None:
    assert await replace(configured, TrustList(trusted=[ANN]), on=USER_LIST) == "Good"
    await configured.call("ApplyChanges")
    assert configured.users.judge([ANN]).is_good
    assert not configured.trust.judge([ANN]).is_good
    assert (await read(configured, on=USER_LIST)).TrustedCertificates == [ANN]
    assert (await read(configured)).TrustedCertificates == []


async def test_certificate_and_lists_take_effect_together_or_not_at_all(
    configured: Configured, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = configured.own.load()[CertificateKind.RSA].details.der
    issued = authority.sign(await configured.request())

    async def wanted() -> None:
        assert await replace(configured, TrustList(trusted=[BOB], issuers=[authority.der])) == "Good"
        assert await replace(configured, TrustList(trusted=[ANN]), on=USER_LIST) == "Good"
        await configured.call("UpdateCertificate", *uploaded(issued))  # its issuer waits with it

    await wanted()
    with monkeypatch.context() as patch:
        patch.setattr(changes, "write_private", full)
        assert await configured.refusal("ApplyChanges") == "BadTransactionFailed"
    assert (configured.trust.trusted(), configured.users.trusted()) == ([], [])
    assert configured.own.load()[CertificateKind.RSA].details.der == before
    await wanted()
    await configured.call("ApplyChanges")
    assert configured.own.load()[CertificateKind.RSA].details.der == issued
    assert configured.trust.judge([BOB]).is_good
    assert configured.users.judge([ANN]).is_good


async def test_lists_that_are_not_sound_are_refused(configured: Configured, authority: Authority) -> None:
    between = Authority("Between", authority)
    unsound = [
        b"",
        b"\x00\x00\x00",
        b"\x10\x00\x00\x00" + b"\xff\xff\xff\xff" * 4,
        b"\x0f\x00\x00\x00" + b"\xff\xff\xff\x7f",
        b"\x0f\x00\x00\x00" + b"\x01\x00\x00\x00\xff\xff\xff\x7f",
        encode(TrustList(trusted=[ANN])) + b"\x00",
        encode(TrustList(trusted=[b"no certificate"])),
        encode(TrustList(trusted=[ANN] * 1001)),
        encode(TrustList(issuers=[ANN])),
        encode(TrustList(issuers=[between.der])),
        encode(TrustList(trusted=[between.issue("carol", "urn:test:carol")], issuers=[between.der])),
        encode(TrustList(trusted=[], trusted_crls=[authority.revocation_list()])),
        encode(TrustList(trusted_crls=[b"no list"])),
    ]
    for place, encoded in enumerate(unsound):
        handle = await configured.write(encoded)
        answer = await configured.refusal("CloseAndUpdate", number(handle), on=APPLICATION_LIST)
        assert (place, answer) == (place, "BadCertificateInvalid")
        assert configured.value(APPLICATION_LIST, "OpenCount") == 0
    assert await configured.refusal("ApplyChanges") == "BadNothingToDo"


async def test_only_so_much_is_taken(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_list_file, "MAX_SIZE", 2500)
    handle = await configured.call("Open", byte(6), on=APPLICATION_LIST)
    write = "Write", number(handle), octets(b"x" * 1000)
    answers = [await configured.refusal(*write, on=APPLICATION_LIST) for _ in range(3)]
    assert answers == ["Good", "Good", "BadRequestTooLarge"]
    assert await configured.call("GetPosition", number(handle), on=APPLICATION_LIST) == 2000


async def test_a_writer_has_the_list_alone(configured: Configured) -> None:
    other = Session(client_user_id="bob")
    handle = await configured.call("Open", byte(6), on=APPLICATION_LIST)
    assert await configured.refusal("Open", byte(1), on=APPLICATION_LIST, by=other) == "BadNotReadable"
    assert await configured.refusal("Open", byte(6), on=APPLICATION_LIST, by=other) == "BadNotWritable"
    assert await configured.refusal("Close", number(handle), on=APPLICATION_LIST, by=other) == "BadInvalidArgument"
    assert await configured.refusal("ApplyChanges") == "BadInvalidState"
    added = "AddCertificate", octets(ANN), flag(1)
    assert await configured.refusal(*added, on=APPLICATION_LIST, by=other) == "BadInvalidState"
    assert await configured.refusal("Open", byte(6), on=USER_LIST, by=other) == "Good"
    configured.admin.close()
    assert await configured.refusal("Open", byte(1), on=APPLICATION_LIST, by=other) == "Good"
    for mode in (0, 2, 3, 7, 10):
        assert await configured.refusal("Open", byte(mode), on=APPLICATION_LIST, by=other) == "BadNotSupported"


async def test_handles_are_few_and_end_when_nobody_uses_them(configured: Configured) -> None:
    clock = [0.0]
    for group in configured.configuration.groups:
        group.file.clock = lambda: clock[0]
    handles = [await configured.call("Open", byte(1), on=APPLICATION_LIST) for _ in range(8)]
    assert len(set(handles)) == 8
    assert await configured.refusal("Open", byte(1), on=APPLICATION_LIST) == "BadResourceUnavailable"
    clock[0] = 50.0
    await configured.call(
        "SetPosition", number(handles[0]), ua.Variant(1 << 40, ua.VariantType.UInt64), on=APPLICATION_LIST
    )
    clock[0] = 70.0
    assert configured.value(APPLICATION_LIST, "OpenCount") == 1
    size = configured.value(APPLICATION_LIST, "Size")
    assert await configured.call("GetPosition", number(handles[0]), on=APPLICATION_LIST) == size == 20
    assert await configured.refusal("Write", number(handles[0]), octets(b"x"), on=APPLICATION_LIST) == "BadInvalidState"
    read_it = "Read", number(handles[0]), ua.Variant(-1, ua.VariantType.Int32)
    assert await configured.refusal(*read_it, on=APPLICATION_LIST) == "BadInvalidArgument"
    assert await configured.refusal("CloseAndUpdate", number(handles[0]), on=APPLICATION_LIST) == "BadInvalidState"
    assert configured.value(APPLICATION_LIST, "ActivityTimeout") == 60_000.0


async def test_certificates_are_added_and_removed_at_once(configured: Configured, authority: Authority) -> None:
    configured.trust.validate([ANN], application_uri=None)
    assert await configured.call("GetRejectedList") == [ANN]
    await configured.call("AddCertificate", octets(ANN), flag(1), on=APPLICATION_LIST)
    await configured.call("AddCertificate", octets(ANN), flag(1), on=APPLICATION_LIST)
    assert await configured.call("GetRejectedList") == []
    assert configured.trust.judge([ANN]).is_good
    await configured.call("RemoveCertificate", text(thumbprint(ANN).lower()), flag(1), on=APPLICATION_LIST)
    assert not configured.trust.judge([ANN]).is_good
    remove = "RemoveCertificate", text(thumbprint(ANN)), flag(1)
    assert await configured.refusal(*remove, on=APPLICATION_LIST) == "BadInvalidArgument"
    expired = client_certificate("old", "urn:test:old", KEY, ends=-timedelta(days=1))
    for der, trusted in ((authority.der, True), (authority.der, False), (ANN, False), (expired, True), (b"", True)):
        answer = await configured.refusal("AddCertificate", octets(der), flag(trusted), on=APPLICATION_LIST)
        assert answer == "BadCertificateInvalid"
    carol = authority.issue("carol", "urn:test:carol")
    add = "AddCertificate", octets(carol), flag(1)
    assert await configured.refusal(*add, on=APPLICATION_LIST) == "BadCertificateInvalid"  # its issuer is not known
    configured.trust.add_issuer(authority.der)
    configured.trust.add_crl(authority.revocation_list())
    await configured.call(*add, on=APPLICATION_LIST)
    needed = "RemoveCertificate", text(thumbprint(authority.der)), flag(0)
    assert await configured.refusal(*needed, on=APPLICATION_LIST) == "BadCertificateChainIncomplete"
    await configured.call("RemoveCertificate", text(thumbprint(carol)), flag(1), on=APPLICATION_LIST)
    await configured.call(*needed, on=APPLICATION_LIST)
    assert configured.trust.lists() == []
    assert {type(one) for one in configured.records} == {TrustListUpdatedAudit}


async def test_nothing_is_added_while_changes_wait(configured: Configured) -> None:
    assert await replace(configured, TrustList(trusted=[BOB])) == "Good"
    add = "AddCertificate", octets(ANN), flag(1)
    for session in (configured.admin, Session()):
        assert await configured.refusal(*add, on=APPLICATION_LIST, by=session) == "BadTransactionPending"
    assert await configured.refusal("Open", byte(6), on=USER_LIST, by=Session()) == "BadTransactionPending"
    assert configured.value(CONFIGURATION, "TransactionDiagnostics", "AffectedTrustLists") == [
        ua.NodeId(ua.Int32(12642))
    ]


async def test_the_newest_of_those_rejected_are_told_where_not_all_fit(configured: Configured) -> None:
    for der in (ANN, BOB):
        configured.trust.validate([der], application_uri=None)
    found = [one.der for one in configured.trust.rejected()]
    small = Session(channel=Channel(most=512 + 4 + len(found[0])))
    assert await configured.call("GetRejectedList", by=small) == found[:1]
    group = configured.find(CONFIGURATION, "CertificateGroups", "DefaultUserTokenGroup")
    assert await configured.call("GetRejectedList", on=group) == []


async def test_only_an_administrator_on_an_encrypted_channel_may(configured: Configured) -> None:
    calls = {
        "Open": [byte(1)],
        "OpenWithMasks": [number(15)],
        "Close": [number(1)],
        "CloseAndUpdate": [number(1)],
        "Read": [number(1), ua.Variant(1, ua.VariantType.Int32)],
        "Write": [number(1), octets(b"")],
        "GetPosition": [number(1)],
        "SetPosition": [number(1), ua.Variant(0, ua.VariantType.UInt64)],
        "AddCertificate": [octets(ANN), flag(1)],
        "RemoveCertificate": [text("00"), flag(1)],
    }
    nobody, in_the_open = Session(roles=frozenset()), Session(channel=Channel(mode=2))
    for name, arguments in calls.items():
        for owner in (APPLICATION_LIST, USER_LIST):
            assert await configured.refusal(name, *arguments, on=owner, by=nobody) == "BadUserAccessDenied"
            assert await configured.refusal(name, *arguments, on=owner, by=in_the_open) == "BadSecurityModeInsufficient"
    assert configured.trust.trusted() == []
