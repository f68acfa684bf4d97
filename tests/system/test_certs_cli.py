"""``plantspace certs …`` as an engineer uses it, with an authority that openssl plays."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from asyncua import ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.ua.uaerrors import UaError

from certs.certificate import Certificate
from certs.encoded import to_pem
from certs.making import Application, CertificateKind, make_key, self_signed, to_private_pem
from tests.command import plantspace
from tests.system.patient import PatientClient
from tests.system.running_gateway import RunningGateway
from tests.unit.certs.openssl import CLIENT, Authority, need_openssl

COMMANDS = ("show", "list", "trust", "reject", "import", "renew", "csr", "install")
URI = "urn:plant:client"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "plant.yaml"
    file.write_text("name: line-1\n", encoding="utf-8")
    return file


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """Lay down a client's ``client.der`` and ``client.pem``; give the certificate."""
    key = make_key(CertificateKind.RSA)
    file = tmp_path / "client.der"
    file.write_bytes(Certificate.of(self_signed(key, Application(URI, "client", ("host",), ()))).der)
    (tmp_path / "client.pem").write_bytes(to_private_pem(key))
    return file


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    need_openssl()
    return Authority(tmp_path, "Plant Root")


@pytest.fixture
def certs(config: Path) -> Callable[..., CompletedProcess[str]]:
    """Run a command of ``plantspace certs`` on the configuration; it must end as ``code`` says."""

    def run(command: str, *more: str | Path, code: int = 0) -> CompletedProcess[str]:
        done = plantspace("certs", command, str(config), *map(str, more), cwd=config.parent)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str) -> None:
    done = plantspace("certs", command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "examples:" in done.stdout
    assert f"plantspace certs {command} plant.yaml" in done.stdout


def test_own_certificates_are_made_shown_renewed_and_taken_again(
    certs: Callable[..., CompletedProcess[str]], config: Path
) -> None:
    assert "there is no certificate yet" in certs("show").stdout
    assert not (config.parent / "var").exists()
    made = certs("renew").stdout
    shown = certs("show").stdout
    thumbprint = made.split("(")[1].split(")")[0]
    assert thumbprint in shown
    assert ":plantspace:line-1" in shown
    assert stat.S_IMODE((config.parent / "var").stat().st_mode) == 0o700
    certs("renew", "--kind", "nistP256")
    assert "secp256r1" in certs("show").stdout
    renewed = certs("renew", "--new-key", "--rsa-bits", "3072").stdout
    assert thumbprint not in renewed
    assert "RSA 3072 bits" in certs("show").stdout
    assert thumbprint in certs("renew", "--back").stdout


def test_a_client_is_trusted_and_rejected(certs: Callable[..., CompletedProcess[str]], client: Path) -> None:
    thumbprint = Certificate.parse(client.read_bytes()).thumbprint
    assert "nothing is trusted" in certs("list").stdout
    assert f"trusted: O=Plantspace,CN=Plantspace client ({thumbprint})" in certs("trust", client).stdout
    assert "verdict      Good" in certs("show", thumbprint[:8]).stdout
    assert "rejected:" in certs("reject", thumbprint[:8]).stdout
    shown = certs("show", thumbprint).stdout
    assert "BadCertificateUntrusted" in shown
    assert f"plant.yaml {thumbprint}" in shown
    certs("trust", thumbprint)
    assert "the list is empty" in certs("list", "--only", "rejected").stdout
    assert thumbprint in certs("list", "--only", "trusted").stdout


def test_errors_say_what_mends_them(
    certs: Callable[..., CompletedProcess[str]], client: Path, config: Path, tmp_path: Path
) -> None:
    assert "plantspace certs list" in certs("trust", "3F09AB", code=1).stderr
    assert "no certificate" in certs("show", "3F09AB", code=1).stderr
    assert "certs trust" in certs("import", client, code=1).stderr
    (tmp_path / "junk.pem").write_text("junk", encoding="ascii")
    assert "junk.pem: it is neither a certificate nor a revocation list" in certs("import", "junk.pem", code=1).stderr
    assert "does not belong to the gateway's key" in certs("install", client, code=1).stderr
    assert "no pair to go back to" in certs("renew", "--back", code=1).stderr
    config.write_text("name: line-1\nserver: {data_dir: 7}\n", encoding="utf-8")
    assert "plant.yaml:2:" in certs("list", code=1).stderr


def test_the_gateway_is_certified_by_an_authority(
    certs: Callable[..., CompletedProcess[str]], authority: Authority, config: Path
) -> None:
    uri = next(
        line.split()[-1] for line in (certs("renew"), certs("show"))[1].stdout.splitlines() if "application" in line
    )
    request, signed = config.parent / "line-1.csr", config.parent / "line-1.pem"
    certs("csr", "--new-key", "-o", request)
    der = authority.sign(request, signed, CLIENT + f"subjectAltName=URI:{uri},DNS:localhost\n")
    assert "give its issuers" in certs("install", signed, code=1).stderr
    certs("import", authority.file)
    assert Certificate.parse(der).thumbprint in certs("install", signed).stdout
    assert "CN=Plant Root" in certs("show").stdout
    assert "certs csr" in certs("renew", code=1).stderr
    assert "BEGIN CERTIFICATE REQUEST" in certs("csr").stdout


def test_authorities_and_lists_are_taken_in(
    certs: Callable[..., CompletedProcess[str]], authority: Authority, tmp_path: Path
) -> None:
    client = Certificate.parse(authority.issue())
    both = tmp_path / "both.pem"
    both.write_bytes(authority.file.read_bytes() + to_pem("X509 CRL", [authority.revocation_list()]))
    assert "issuer: CN=Plant Root" in certs("import", both).stdout
    assert certs("list", "--only", "crl").stdout.count("CN=Plant Root") == 1
    certs("trust", authority.folder / "client.pem")
    assert "verdict      Good" in certs("show", client.thumbprint).stdout
    certs("reject", client.thumbprint)
    assert "BadCertificateUntrusted" in certs("show", client.thumbprint).stdout
    assert "forgotten: CN=Plant Root" in certs("reject", Certificate.parse(authority.der).thumbprint).stdout
    noted = certs("import", both, "--trust")
    assert "trusted: CN=Plant Root" in noted.stdout
    assert "verdict      Good" in certs("show", client.thumbprint).stdout
    authority.revoke("client")
    authority.revocation_list()
    certs("import", authority.folder / "ca.crl")
    assert "BadCertificateRevoked" in certs("show", client.thumbprint).stdout


def _thumbprint(file: Path) -> str:
    return Certificate.parse(file.read_bytes()).thumbprint


async def _connect(gateway: RunningGateway, client: Path) -> None:
    """Open a session with encryption and close it."""
    connection = PatientClient(gateway.url)
    connection.application_uri = URI
    key = client.with_suffix(".pem")
    policy = SecurityPolicyBasic256Sha256
    await connection.set_security(policy, client, key, mode=ua.MessageSecurityMode.SignAndEncrypt)
    async with asyncio.timeout(60), connection:
        await connection.nodes.objects.get_children()


async def test_a_running_gateway_heeds_it_at_once(tmp_path: Path, client: Path) -> None:
    gateway = RunningGateway(tmp_path / "plant", "", security="SignAndEncrypt")
    thumbprint = _thumbprint(client)

    async def certs(*arguments: str) -> str:
        done = await asyncio.to_thread(plantspace, "certs", arguments[0], str(gateway.config), *arguments[1:])
        assert done.returncode == 0, done.stderr
        return done.stdout

    with gateway:
        with pytest.raises((UaError, TimeoutError, ConnectionError)):
            await _connect(gateway, client)
        assert thumbprint in await certs("list", "--only", "rejected")
        await certs("trust", thumbprint)
        await _connect(gateway, client)
        await certs("reject", thumbprint)
        with pytest.raises((UaError, TimeoutError, ConnectionError)):
            await _connect(gateway, client)
