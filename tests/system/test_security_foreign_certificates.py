"""An authority that openssl plays: whom it lets in to a running gateway, and what the others are told (threat 22)."""

# asyncua's annotations call a plain int wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaStatusCodeError

from certs.certificate import Certificate
from tests.foreign.relay import RelayError
from tests.foreign.secure import SecureRelay, secure_node
from tests.system.log_in import APPLICATION, ENCRYPTED, PASSWORD
from tests.system.patient import PatientClient
from tests.system.secured_gateway import SecuredGateway, cable_to, secured_gateway
from tests.unit.certs.openssl import AUTHORITY, CLIENT, NAMES, URI, Authority, der, need_openssl
from tests.unit.server.ua_stack.secure_channel.peer import KINDS
from tests.waiting import until

CHANNEL = {"policy": "Basic256Sha256", "mode": "SignAndEncrypt"}
CHECKS = "BadSecurityChecksFailed"
SIGNS_ONLY = CLIENT.replace(",keyEncipherment,dataEncipherment", "") + NAMES
SERVES_ONLY = CLIENT.replace("clientAuth,serverAuth", "critical,serverAuth") + NAMES
NO_URI = CLIENT + "subjectAltName=DNS:client.plant.example\n"


@dataclass(frozen=True)
class Holder:
    """A client's files (PEM), and what they begin with."""

    files: tuple[Path, Path]
    der: bytes

    @property
    def thumbprint(self) -> str:
        return Certificate.parse(self.der).thumbprint


def holder(authority: Authority, name: str, *given: str, chain: tuple[Path, ...] = (), **more: str) -> Holder:
    """Have a certificate issued; ``chain``: what the client sends along."""
    leaf = authority.issue(name, *given, **more)
    file = authority.folder / f"{name}.pem"
    sent, key = authority.folder / f"{name}-chain.pem", authority.folder / f"{name}-key.pem"
    sent.write_bytes(b"".join(one.read_bytes() for one in (file, *chain)))
    (authority.folder / f"{name}.key").rename(key)
    return Holder((sent, key), leaf)


class Pki:
    """A root, an authority beneath it, and a client that the latter has issued."""

    def __init__(self, folder: Path) -> None:
        self.root = Authority(folder, "Root")
        self.lower = Authority(folder, "Lower", self.root)
        self.client = holder(self.lower, "client", chain=(self.lower.file,))
        for authority in (self.root, self.lower):
            authority.revocation_list()

    def crl(self, authority: Authority) -> Path:
        return authority.folder / "ca.crl"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    need_openssl()
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def gateway(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Generator[SecuredGateway]:
    del pki  # nothing is begun where there is no openssl
    with secured_gateway(tmp_path_factory.mktemp("gateway")) as held:
        yield held


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Generator[SecureRelay]:
    with secure_node(tmp_path_factory.mktemp("node")) as held:
        yield held


async def outcome(node: SecureRelay, gateway: SecuredGateway, given: Holder) -> str:
    """Connect with a certificate and read; give the name of the StatusCode that the client is told.

    node-opcua does not say what an Error message says, so it is looked at on its way.
    """
    async with cable_to(gateway.url) as cable:
        try:
            async with node.client(cable.url, given.files, **CHANNEL) as client:
                await client.ask("read", node=gateway.level)
        except RelayError:
            at = cable.received.rindex(b"ERRF") + 8
            return ua.StatusCode(int.from_bytes(cable.received[at : at + 4], "little")).name
    return "Good"


async def test_threat_22_from_an_unknown_issuer_to_a_revoked_certificate(
    pki: Pki, gateway: SecuredGateway, node: SecureRelay
) -> None:
    client = pki.client
    assert await outcome(node, gateway, client) == CHECKS, "nobody knows who has issued it"
    assert client.der in gateway.rejected()
    await gateway.command("import", pki.root.file, "--trust")
    assert await outcome(node, gateway, client) == CHECKS, "whether it was revoked is not known"
    await gateway.command("import", pki.crl(pki.root))
    assert await outcome(node, gateway, client) == CHECKS, "what the lower authority has revoked is not known"
    alone = Holder((pki.lower.folder / "client.pem", client.files[1]), client.der)
    assert await outcome(node, gateway, alone) == CHECKS, "without the lower authority the chain is not whole"
    await gateway.command("import", pki.lower.file, pki.crl(pki.lower))
    assert await outcome(node, gateway, client) == "Good"
    assert await outcome(node, gateway, alone) == "Good"
    pki.lower.revoke("client")
    pki.lower.revocation_list()
    await gateway.command("import", pki.crl(pki.lower))
    assert await outcome(node, gateway, client) == CHECKS, "it is revoked"
    pki.root.revoke("../Lower/ca")
    other = holder(pki.lower, "other", chain=(pki.lower.file,))
    assert await outcome(node, gateway, other) == "Good"
    pki.root.revocation_list()
    await gateway.command("import", pki.crl(pki.root))
    assert await outcome(node, gateway, other) == CHECKS, "its issuer is revoked"


async def test_threat_22_what_a_trusted_authority_has_issued_and_may_not_come_in(
    gateway: SecuredGateway, node: SecureRelay, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "Strict")
    stale = Authority(tmp_path, "Stale")
    for one in (authority, stale):
        one.revocation_list()
    old = ("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
    (tmp_path / "stale.crl").write_bytes(stale.revocation_list(*old))
    await gateway.command("import", authority.file, authority.folder / "ca.crl", "--trust")
    await gateway.command("import", stale.file, tmp_path / "stale.crl", "--trust")
    good = holder(authority, "good")
    assert await outcome(node, gateway, good) == "Good"
    wrong = {
        "expired": (holder(authority, "expired", ends="20210101000000Z"), "BadCertificateTimeInvalid"),
        "not yet valid": (holder(authority, "early", begins="20390101000000Z"), "BadCertificateTimeInvalid"),
        "does not encrypt": (holder(authority, "signs", SIGNS_ONLY), "BadCertificateUseNotAllowed"),
        "is a server's": (holder(authority, "serves", SERVES_ONLY), "BadCertificateUseNotAllowed"),
        "is an authority": (holder(authority, "lower", AUTHORITY + NAMES), "BadCertificateUseNotAllowed"),
        "SHA-1": (holder(authority, "sha1", digest="sha1"), CHECKS),
        "RSA 1024": (holder(authority, "weak", key="rsa:1024"), CHECKS),
        "a list of 2020": (holder(stale, "stale"), CHECKS),
    }
    told = {what: await outcome(node, gateway, given) for what, (given, _) in wrong.items()}
    assert told == {what: status for what, (_, status) in wrong.items()}
    assert {given.der for given, _ in wrong.values()} <= gateway.rejected()
    assert good.der not in gateway.rejected()


async def test_threat_22_chains_that_come_back_to_themselves(
    gateway: SecuredGateway, node: SecureRelay, tmp_path: Path
) -> None:
    one = Authority(tmp_path, "One")
    two = Authority(tmp_path, "Two", one)
    again = tmp_path / "again.pem"
    two.sign(one.request, again, AUTHORITY)
    looped = holder(one, "looped", chain=(again, two.file))
    long = holder(one, "long", chain=(again, two.file) * 4)
    assert der(again) != one.der
    for given in (looped, long):
        assert await outcome(node, gateway, given) in (CHECKS, "BadCertificateInvalid")
    await gateway.command("import", two.file)
    assert await outcome(node, gateway, looped) in (CHECKS, "BadCertificateInvalid")
    assert looped.der in gateway.rejected()


async def test_threat_22_one_that_was_put_aside_is_trusted_and_no_more(
    gateway: SecuredGateway, node: SecureRelay, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "Not Ours")
    client = holder(authority, "client")
    assert await outcome(node, gateway, client) == CHECKS
    await gateway.command("import", authority.file)  # known now, and not trusted
    authority.revocation_list()
    await gateway.command("import", authority.folder / "ca.crl")
    assert await outcome(node, gateway, client) == CHECKS
    await gateway.command("trust", client.thumbprint)
    assert client.der not in gateway.rejected()
    assert await outcome(node, gateway, client) == "Good"
    assert await outcome(node, gateway, holder(authority, "neighbour")) == CHECKS, "its neighbour is not"
    await gateway.command("reject", client.thumbprint)
    assert await outcome(node, gateway, client) == CHECKS
    assert await outcome(node, gateway, Holder(gateway.files, b"")) == "Good", "others are served all the while"


@pytest.mark.parametrize("extensions", [CLIENT + NAMES, NO_URI], ids=["another", "none"])
async def test_threat_22_an_application_uri_that_is_not_the_certificates(
    gateway: SecuredGateway, tmp_path: Path, extensions: str
) -> None:
    authority = Authority(tmp_path, "Names")
    authority.revocation_list()
    await gateway.command("import", authority.file, authority.folder / "ca.crl", "--trust")
    client = holder(authority, "client", extensions)
    for uri in (URI, "urn:somebody:else"):
        connection = PatientClient(gateway.url)
        connection.application_uri = uri
        certificate, key = authority.folder / "client.pem", client.files[1]
        await connection.set_security(
            SecurityPolicyBasic256Sha256, certificate, key, mode=ua.MessageSecurityMode.SignAndEncrypt
        )
        if uri == URI and extensions != NO_URI:
            async with connection:
                assert await connection.get_node(gateway.level).read_value() is not None
            continue
        with pytest.raises(UaStatusCodeError) as refused:
            async with connection:
                pass
        assert refused.value.code == ua.StatusCodes.BadCertificateUriInvalid


async def test_threat_22_certificates_of_persons(gateway: SecuredGateway, node: SecureRelay, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "Persons")
    person = CLIENT.replace(",keyEncipherment,dataEncipherment", "")
    good, late, gone = (holder(authority, name, person) for name in ("good", "late", "gone"))
    expired = holder(authority, "expired", person, ends="20210101000000Z")
    folder = gateway.certs / "users"

    refused = "BadIdentityTokenRejected"

    async def log_in(given: Holder) -> str:
        certificate = tmp_path / "person.der"
        certificate.write_bytes(given.der)
        user = {"certificate": str(certificate), "key": str(given.files[1])}
        try:
            async with node.client(gateway.url, gateway.files, user=user, **CHANNEL) as client:
                return str(await client.ask("read", node="i=2259"))
        except RelayError as error:
            return refused if refused in str(error) else str(error)

    assert await log_in(good) == refused
    assert good.der in {file.read_bytes() for file in (folder / "rejected").glob("*.der")}
    assert good.der not in gateway.rejected(), "what is trusted as a client is another list"
    (folder / "trusted" / "certs" / "persons.der").write_bytes(authority.der)
    authority.revoke("gone")
    (folder / "trusted" / "crl" / "persons.crl").write_bytes(authority.revocation_list())
    told = [await log_in(one) for one in (good, late, gone, expired)]
    assert told == ["0", "0", refused, refused]
    (folder / "trusted" / "certs" / "persons.der").unlink()
    assert await log_in(late) == refused
    vera = Holder((gateway.user_files[0], late.files[1]), gateway.user_files[0].read_bytes())
    assert "BadUserSignatureInvalid" in await log_in(vera), "the certificate of one who may, with another one's key"


async def test_the_gateways_own_certificate_comes_from_an_authority_while_it_runs(
    pki: Pki, gateway: SecuredGateway, node: SecureRelay, tmp_path: Path
) -> None:
    """What is shown is a chain; clients that compute signatures over the chain and over the leaf are both let in."""
    above = Authority(tmp_path, "Above", pki.root)
    request, signed = tmp_path / "gateway.csr", tmp_path / "gateway.pem"
    await gateway.command("csr", "--new-key", "-o", request)
    own = Certificate.parse((gateway.certs / "own.der").read_bytes())
    names = f"subjectAltName=URI:{own.uris[0]},DNS:localhost,IP:127.0.0.1\n"
    issued = above.sign(request, signed, CLIENT + names)
    await gateway.command("import", pki.root.file, above.file)
    await gateway.command("install", signed, above.file, pki.root.file)

    async def shown() -> bytes:
        endpoints = await PatientClient(gateway.url).connect_and_get_server_endpoints()
        return bytes(endpoints[-1].ServerCertificate)

    async def is_shown() -> bool:
        return (await shown()).startswith(issued)

    await until(is_shown, seconds=30, every=0.2)
    assert len(await shown()) == len(issued) + len(above.der) + len(pki.root.der)
    user = {"name": "ann", "password": PASSWORD}
    with pytest.raises(RelayError, match="server Certificate verification failed"):
        async with node.client(gateway.url, gateway.files, user=user, **CHANNEL):
            pass
    for authority in (pki.root, above):
        authority.revocation_list()
        await node.know(authority.file, authority.folder / "ca.crl")
    certificate, key = map(str, gateway.user_files)
    for policy in KINDS:
        for who in (user, {"certificate": certificate, "key": key}):
            how = {"policy": policy, "mode": "SignAndEncrypt", "user": who}
            async with node.client(gateway.url, gateway.files, **how) as client:
                assert await client.ask("write", node=gateway.level, type="Double", value=3.0) == "Good"
        connection = PatientClient(gateway.url)
        connection.application_uri = APPLICATION
        await connection.set_security(KINDS[policy], *gateway.files, mode=ENCRYPTED)
        connection.set_user("ann")
        connection.set_password(PASSWORD)
        async with connection:
            assert await connection.get_node(gateway.level).read_value() == 3.0
    async with node.client(gateway.url, user=user) as client:
        assert await client.ask("read", node=gateway.level) == 3.0, "the password is encrypted for the new key"
