"""Signing requests, uploads and what takes effect (Part 12 v1.05 7.10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from asyncua import ua
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from certs import changes
from certs.certificate import Certificate
from certs.errors import CertificateError
from certs.making import CertificateKind, PrivateKey, self_signed
from certs.own import OwnCertificates
from certs.store import TrustList
from server.audit.administration import CertificateUpdatedAudit
from server.audit.kinds import HIDDEN
from server.ua_stack.server_configuration.audit_records import CertificateUpdateRequestedAudit
from server.ua_stack.server_configuration.nodes import CONFIGURATION
from server.ua_stack.server_configuration.trust_list_data import encode
from tests.loop_monitor import held_each_time
from tests.unit.server.ua_stack.server_configuration.authority import Authority, client_certificate, new_key, pem
from tests.unit.server.ua_stack.server_configuration.configured import (
    APPLICATION_LIST,
    APPLICATIONS,
    EC,
    RSA,
    URI,
    USERS,
    Channel,
    Configured,
    Session,
    asked,
    number,
    uploaded,
)
from tests.waiting import until

KEY = new_key()
NOBODY = Session(roles=frozenset())
IN_THE_OPEN = Session(channel=Channel(mode=2))


def shown(configured: Configured, kind: CertificateKind = CertificateKind.RSA) -> bytes:
    return configured.own.load()[kind].details.der


async def test_a_request_is_signed_by_the_key_in_use_and_names_what_the_certificate_names(
    configured: Configured,
) -> None:
    before = shown(configured)
    request = x509.load_der_x509_csr(await configured.request())
    held = x509.load_der_x509_certificate(before)
    assert request.is_signature_valid
    assert request.public_key() == held.public_key()
    assert request.subject == held.subject
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [URI]


@pytest.mark.parametrize("kind", [RSA, EC])
async def test_a_new_key_waits_for_its_certificate_and_both_take_effect_together(
    configured: Configured, authority: Authority, kind: ua.NodeId
) -> None:
    name = CertificateKind.RSA if kind == RSA else CertificateKind.NIST_P256
    before = shown(configured, name)
    request = await configured.request(new_key=True, subject="CN=Line 1/O=Works", kind=kind)
    issued = authority.sign(request)
    assert Certificate.parse(issued).key != Certificate.parse(before).key
    assert await configured.call("UpdateCertificate", *uploaded(issued, authority.der, kind=kind)) is True
    assert shown(configured, name) == before
    assert not configured.applied
    await configured.call("ApplyChanges")
    assert shown(configured, name) == issued
    (applied,) = configured.applied
    assert applied.certificates[name].details.der == issued
    assert applied.certificates[name].chain == issued + authority.der
    assert applied.trust_lists == []
    await until(lambda: configured.hung_up)
    types, certificates = await configured.call("GetCertificates", ua.Variant(APPLICATIONS))
    assert dict(zip(types, certificates, strict=True))[kind] == issued


async def test_a_new_key_outlasts_a_restart(configured: Configured, authority: Authority) -> None:
    issued = authority.sign(await configured.request(new_key=True))
    again = OwnCertificates(configured.own.folder, configured.own.application)
    assert again.check(CertificateKind.RSA, issued, [authority.der]).certificate.der == issued


@pytest.mark.parametrize("key_format", ["PEM", "PFX"])
async def test_a_key_may_come_with_its_certificate(
    configured: Configured, authority: Authority, key_format: str
) -> None:
    key = new_key()
    issued = authority.issue("Line 1", URI, key)
    encoded = (
        pem(key)
        if key_format == "PEM"
        else pkcs12.serialize_key_and_certificates(None, key, None, None, NoEncryption())
    )
    refused = await configured.refusal(
        "UpdateCertificate", *uploaded(issued, authority.der, key_format=key_format, key=encoded)
    )
    assert refused == "BadSecurityChecksFailed"  # it is for clients only
    own = own_signed(configured, key)
    await configured.call("UpdateCertificate", *uploaded(own, key_format=key_format, key=encoded))
    await configured.call("ApplyChanges")
    assert shown(configured) == own
    told = [one.input_arguments for one in configured.records if one.input_arguments is not None]
    assert all(one.variants[-1] == HIDDEN for one in told)
    assert not any(encoded[40:80] in variant for one in told for variant in one.variants)


def own_signed(configured: Configured, key: PrivateKey) -> bytes:
    return Certificate.of(self_signed(key, configured.own.application)).der


async def test_a_chain_is_completed_by_the_trust_list_and_by_what_comes_along(
    configured: Configured, authority: Authority
) -> None:
    between = Authority("Between", authority)
    issued = between.sign(await configured.request())
    alone = uploaded(issued, between.der)
    assert await configured.refusal("UpdateCertificate", *alone) == "BadSecurityChecksFailed"
    configured.trust.add_issuer(authority.der)
    await configured.call("UpdateCertificate", *alone)
    await configured.call("UpdateCertificate", *uploaded(issued, between.der, between.der, authority.der))
    await configured.call("ApplyChanges")
    assert configured.applied[0].certificates[CertificateKind.RSA].issuers == (between.der, authority.der)


async def test_what_does_not_fit_is_refused_and_changes_nothing(configured: Configured, authority: Authority) -> None:
    before = shown(configured)
    request = await configured.request()
    sound = authority.sign(request)
    curve = ec.generate_private_key(ec.SECP256R1())
    cases = {
        "BadCertificateInvalid": [
            uploaded(b""),
            uploaded(b"no certificate"),
            uploaded(sound, b"no certificate"),
            uploaded(sound, *[authority.der] * 8),
            uploaded(authority.issue("c", URI, curve), authority.der),
            uploaded(sound, authority.der, kind=EC),
        ],
        "BadNotSupported": [
            uploaded(sound, authority.der, key_format="PEM", key=b"no key"),
            uploaded(sound, authority.der, key_format="PFX", key=b"no key"),
            uploaded(sound, authority.der, key_format="JKS", key=pem(new_key())),
            uploaded(sound, authority.der, key=pem(new_key())),
            uploaded(sound, authority.der, key_format="PEM", key=b"x" * 70_000),
        ],
        "BadSecurityChecksFailed": [
            uploaded(sound),
            uploaded(sound, Authority().der),
            uploaded(sound, authority.der, key_format="PEM", key=pem(new_key())),
            uploaded(authority.sign(request, uri="urn:another"), authority.der),
            uploaded(authority.sign(request, ends=-timedelta(days=1)), authority.der),
            uploaded(authority.sign(request, usage=False), authority.der),
            uploaded(authority.der, key_format="PEM", key=pem(authority.key)),
            uploaded(client_certificate("other", URI, new_key())),
        ],
        "BadInvalidArgument": [
            uploaded(sound, authority.der, group=USERS),
            uploaded(sound, authority.der, group=ua.NodeId(ua.Int32(85))),
            uploaded(sound, authority.der, kind=ua.NodeId(ua.Int32(12558))),
        ],
    }
    for status, calls in cases.items():
        for place, arguments in enumerate(calls):
            assert (status, place, await configured.refusal("UpdateCertificate", *arguments)) == (status, place, status)
    assert await configured.refusal("ApplyChanges") == "BadNothingToDo"
    assert shown(configured) == before


async def test_requests_that_make_no_sense_are_refused(configured: Configured) -> None:
    for arguments in (
        asked(new_key=True, nonce=b"n" * 31),
        asked(new_key=True, nonce=b"n" * 5000),
        asked(subject="nonsense"),
        asked(subject="CN=" + "x" * 2000),
        asked(group=USERS),
        asked(kind=ua.NodeId(ua.Int32(12558))),
    ):
        assert await configured.refusal("CreateSigningRequest", *arguments) == "BadInvalidArgument"
    assert not (configured.own.folder / "requested").exists()
    null = ua.NodeId()
    assert await configured.call("CreateSigningRequest", *asked(group=null, kind=null, nonce=b""))


async def test_only_an_administrator_on_an_encrypted_channel_may(configured: Configured, authority: Authority) -> None:
    calls = {
        "CreateSigningRequest": asked(),
        "UpdateCertificate": uploaded(authority.der),
        "GetCertificates": [ua.Variant(APPLICATIONS)],
        "GetRejectedList": [],
        "ApplyChanges": [],
        "CancelChanges": [],
    }
    for name, arguments in calls.items():
        assert await configured.refusal(name, *arguments, by=NOBODY) == "BadUserAccessDenied"
        assert await configured.refusal(name, *arguments, by=IN_THE_OPEN) == "BadSecurityModeInsufficient"
        node = configured.space[configured.find(CONFIGURATION, name)]
        assert node.access is not None
        assert (node.access.access_restrictions or 0) & 3 == 3
        assert [one.role for one in node.access.role_permissions or ()] == [15704]
    told = {type(one) for one in configured.records}
    assert told == {CertificateUpdateRequestedAudit}
    assert not any(one.status for one in configured.records)


async def test_one_session_at_a_time_and_it_ends_with_the_session(configured: Configured, authority: Authority) -> None:
    other = Session(client_user_id="bob")
    before = shown(configured)
    arguments = uploaded(authority.sign(await configured.request()), authority.der)
    await configured.call("UpdateCertificate", *arguments, by=other)
    assert await configured.refusal("UpdateCertificate", *arguments) == "BadTransactionPending"
    assert await configured.refusal("ApplyChanges") == "BadTransactionPending"
    assert await configured.refusal("CancelChanges") == "BadTransactionPending"
    assert await configured.refusal("CreateSigningRequest", *asked(new_key=True)) == "BadTransactionPending"
    assert await configured.request()
    other.close()
    assert await configured.refusal("ApplyChanges", by=other) == "BadSessionClosed"
    assert await configured.refusal("ApplyChanges") == "BadNothingToDo"
    assert shown(configured) == before
    assert configured.value(CONFIGURATION, "TransactionDiagnostics", "Result").name == "BadRequestCancelledByClient"
    await configured.call("UpdateCertificate", *arguments)
    assert await configured.call("CancelChanges") is None
    assert await configured.refusal("CancelChanges") == "BadNothingToDo"
    assert not configured.admin.closing
    assert shown(configured) == before


async def test_a_session_that_ends_while_its_upload_is_checked_leaves_nothing(
    configured: Configured, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = uploaded(authority.sign(await configured.request()), authority.der)
    check = configured.own.check

    def slow(*given: object, **named: object) -> object:
        configured.admin.close()
        return check(*given, **named)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(configured.own, "check", slow)
    assert await configured.refusal("UpdateCertificate", *arguments) == "BadSessionClosed"
    assert await configured.refusal("ApplyChanges", by=Session()) == "BadNothingToDo"


async def test_what_cannot_be_written_changes_nothing_and_is_told(
    configured: Configured, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shown(configured)
    await configured.call("UpdateCertificate", *uploaded(authority.sign(await configured.request()), authority.der))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(changes, "write_private", full)
        assert await configured.refusal("ApplyChanges") == "BadTransactionFailed"
    assert await configured.refusal("ApplyChanges") == "BadNothingToDo"
    assert shown(configured) == before
    assert not configured.applied
    assert configured.value(CONFIGURATION, "TransactionDiagnostics", "Result").name == "BadTransactionFailed"
    (error,) = configured.value(CONFIGURATION, "TransactionDiagnostics", "Errors")
    assert "No space left" in error.Message.Text
    (record,) = [one for one in configured.records if isinstance(one, CertificateUpdatedAudit)]
    assert not record.status
    assert record.certificate_type == 12560
    assert record.client_user_id == "ann"


async def test_the_properties_say_what_there_is(configured: Configured) -> None:
    told = {
        "ApplicationUri": URI,
        "ProductUri": "urn:product",
        "ApplicationType": 0,
        "ServerCapabilities": ["DA", "HD"],
        "SupportedPrivateKeyFormats": ["PEM", "PFX"],
        "MaxTrustListSize": 8 << 20,
        "MulticastDnsEnabled": False,
        "HasSecureElement": False,
        "SupportsTransactions": True,
        "InApplicationSetup": False,
    }
    assert {name: configured.value(CONFIGURATION, name) for name in told} == told
    groups = configured.find(CONFIGURATION, "CertificateGroups")
    assert [configured.space[key].browse_name.name for kind, key in configured.space[groups].forward if kind == 47] == [
        "DefaultApplicationGroup",
        "DefaultUserTokenGroup",
    ]
    assert configured.value(groups, "DefaultApplicationGroup", "CertificateTypes") == [RSA, EC]
    assert configured.value(groups, "DefaultUserTokenGroup", "CertificateTypes") == []


async def test_nothing_holds_the_event_loop_up(configured: Configured, authority: Authority) -> None:
    async def update() -> None:
        clients = [client_certificate(f"client {number}", f"urn:test:{number}", KEY) for number in range(150)]
        issued = authority.sign(await configured.request(new_key=True))
        handle = await configured.write(encode(TrustList(trusted=clients)))
        await configured.call("CloseAndUpdate", number(handle), on=APPLICATION_LIST)
        await configured.call("UpdateCertificate", *uploaded(issued, authority.der))
        await configured.call("ApplyChanges")
        assert len(configured.trust.trusted()) == len(clients)

    assert await held_each_time(update) == []


async def test_what_cannot_be_shown_yet_is_applied_all_the_same(
    configured: Configured, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    configured.shows = CertificateError("the disk is slow")
    issued = authority.sign(await configured.request())
    await configured.call("UpdateCertificate", *uploaded(issued, authority.der))
    await configured.call("ApplyChanges")
    assert shown(configured) == issued
    assert "the disk is slow" in caplog.text
