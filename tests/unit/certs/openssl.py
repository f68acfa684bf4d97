"""Foreign authorities: certificates and revocation lists that openssl makes, with a database of what it issued."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

URI = "urn:plant:client"
CLIENT = (
    "basicConstraints=critical,CA:FALSE\n"
    "keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment\n"
    "extendedKeyUsage=clientAuth,serverAuth\n"
    "subjectKeyIdentifier=hash\n"
    "authorityKeyIdentifier=keyid\n"
)
NAMES = f"subjectAltName=URI:{URI},DNS:client.plant.example,IP:10.1.2.3\n"
AUTHORITY = (
    "basicConstraints=critical,CA:TRUE\n"
    "keyUsage=critical,keyCertSign,cRLSign\n"
    "subjectKeyIdentifier=hash\n"
    "authorityKeyIdentifier=keyid\n"
)
_SETTINGS = """\
[ca]
default_ca = here
[here]
dir = {folder}
database = $dir/index.txt
serial = $dir/serial
crlnumber = $dir/crlnumber
new_certs_dir = $dir/issued
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[list]
authorityKeyIdentifier = keyid
"""


def need_openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed (apt-get install openssl): no foreign authority to be had")


def openssl(*arguments: str | Path) -> None:
    done = subprocess.run(
        ["openssl", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def der(file: Path) -> bytes:
    return x509.load_pem_x509_certificate(file.read_bytes()).public_bytes(Encoding.DER)


class Authority:
    """One authority in a folder of its own. ``above``: who signs its certificate; itself where nobody does."""

    def __init__(
        self,
        folder: Path,
        name: str,
        above: Authority | None = None,
        *,
        extensions: str = AUTHORITY,
        key: str = "rsa:2048",
    ) -> None:
        self.folder = folder / name
        self.name = name
        (self.folder / "issued").mkdir(parents=True)
        for file, content in (("index.txt", ""), ("serial", "1000\n"), ("crlnumber", "01\n")):
            (self.folder / file).write_text(content, encoding="ascii")
        self._settings = self.folder / "openssl.cnf"
        self._settings.write_text(_SETTINGS.format(folder=self.folder), encoding="utf-8")
        self.request = self.folder / "ca.csr"
        self.key = self.folder / "ca.key"
        openssl(
            "req", "-new", "-newkey", key, "-nodes", "-keyout", self.key, "-out", self.request, "-subj", f"/CN={name}"
        )
        self.file = self.folder / "ca.pem"
        if above is None:
            self._sign(self.request, self.file, extensions, "-selfsign", "-keyfile", self.key)
        else:
            above.sign(self.request, self.file, extensions)
        self.der = der(self.file)

    def sign(
        self,
        request: Path,
        to: Path,
        extensions: str,
        *,
        begins: str = "20200101000000Z",
        ends: str = "20400101000000Z",
        digest: str = "sha256",
    ) -> bytes:
        self._sign(request, to, extensions, "-startdate", begins, "-enddate", ends, "-md", digest)
        return der(to)

    def issue(
        self,
        name: str = "client",
        extensions: str = CLIENT + NAMES,
        *,
        key: str = "rsa:2048",
        begins: str = "20200101000000Z",
        ends: str = "20400101000000Z",
        digest: str = "sha256",
    ) -> bytes:
        """Issue a certificate for a key of its own, and give its DER. Its files are ``name.pem`` and ``name.key``."""
        request = self.folder / f"{name}.csr"
        keep = ["-newkey", key] if key.startswith("rsa") else ["-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{key}"]
        private = self.folder / f"{name}.key"
        openssl("req", "-new", *keep, "-nodes", "-keyout", private, "-out", request, "-subj", f"/CN={name}")
        to = self.folder / f"{name}.pem"
        return self.sign(request, to, extensions, begins=begins, ends=ends, digest=digest)

    def revoke(self, name: str) -> None:
        openssl("ca", "-config", self._settings, "-batch", "-revoke", self.folder / f"{name}.pem")

    def revocation_list(self, *options: str) -> bytes:
        """Give the list as it stands; ``options``: ``-crl_lastupdate TIME -crl_nextupdate TIME``."""
        to = self.folder / "ca.crl"
        openssl("ca", "-config", self._settings, "-gencrl", "-crlexts", "list", "-out", to, *options)
        return x509.load_pem_x509_crl(to.read_bytes()).public_bytes(Encoding.DER)

    def _sign(self, request: Path, to: Path, extensions: str, *options: str | Path) -> None:
        file = self.folder / "extensions.cnf"
        file.write_text(extensions, encoding="utf-8")
        openssl(
            "ca", "-config", self._settings, "-batch", "-notext", "-in", request, "-out", to, "-extfile", file,
            *(options if "-startdate" in options else (*options, "-days", "7300")),
        )  # fmt: skip
