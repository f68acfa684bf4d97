"""An issuer of JSON Web Tokens: a process of its own serves its keys over HTTP or HTTPS, the test signs with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import select
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.jwt_issuer_process import ASKED, CERTIFICATE, JWKS, KEY

ROOT = Path(__file__).resolve().parent.parent
NAME: Final = "https://login.example.com"
AUDIENCE: Final = "urn:plantspace:test"
RSA, EC, UNPUBLISHED = "rsa-1", "ec-1", "rsa-unpublished"
ALGORITHMS: Final = {RSA: "RS256", EC: "ES256", UNPUBLISHED: "RS256"}
_STARTS_WITHIN: Final = 20.0
Claims = dict[str, Any]


class JwtIssuer:
    """Serves while it is entered. ``name`` is the ``iss`` of its tokens, ``url`` where its keys are."""

    name = NAME

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        """Make keys in ``folder``: one for RS256 and one for ES256 that are published, one that is not."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.keys: dict[str, Any] = {
            RSA: rsa.generate_private_key(public_exponent=65_537, key_size=2048),
            EC: ec.generate_private_key(ec.SECP256R1()),
            UNPUBLISHED: rsa.generate_private_key(public_exponent=65_537, key_size=2048),
        }
        self.publish(RSA, EC)
        if tls:
            _make_certificate(folder)

    def __enter__(self) -> Self:
        """Start the process, and wait until it serves."""
        command = [
            sys.executable,
            "-m",
            "tests.jwt_issuer_process",
            str(self._folder),
            *(["--tls"] if self._tls else []),
        ]
        self._process = process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], _STARTS_WITHIN)
            port = process.stdout.readline().strip() if ready else b""
            assert port, f"the issuer does not serve within {_STARTS_WITHIN} s"
        except BaseException:
            self._end()
            raise
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{int(port)}/keys"
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()  # the end of its input is the sign to go
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def ca_file(self) -> Path:
        """PEM file with the authority of its HTTPS certificate."""
        return self._folder / CERTIFICATE

    @property
    def asked(self) -> int:
        """How often its keys were asked for."""
        file = self._folder / ASKED
        return file.stat().st_size if file.exists() else 0

    def settings(self, **more: object) -> dict[str, object]:
        """Give the section of a configuration's ``users: issuers:`` that trusts it."""
        given: dict[str, object] = {"issuer": self.name, "audience": AUDIENCE, "keys": self.url}
        return {**given, **({"ca_file": str(self.ca_file)} if self._tls else {}), **more}

    def publish(self, *key_ids: str) -> None:
        """Give out these keys from now on, and no others."""
        made = self._folder / f"{JWKS}.new"
        made.write_bytes(self.jwks(*key_ids))
        made.replace(self._folder / JWKS)

    def jwks(self, *key_ids: str) -> bytes:
        """Write keys as a JWK Set (RFC 7517 5)."""
        return json.dumps({"keys": [self.jwk(key_id) for key_id in key_ids]}).encode()

    def jwk(self, key_id: str) -> dict[str, Any]:
        """Give a public key as a JWK."""
        public = self.keys[key_id].public_key()
        if isinstance(public, rsa.RSAPublicKey):
            written = RSAAlgorithm.to_jwk(public, as_dict=True)
        else:
            written = ECAlgorithm.to_jwk(public, as_dict=True)
        return {**written, "kid": key_id, "use": "sig"}

    def claims(self, **more: object) -> Claims:
        """Give sound claims of the user ``ann``; ``more`` replaces some, None leaves one out."""
        now = int(time.time())
        sound = {
            "iss": self.name, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": now, "exp": now + 300,
            "roles": ["op"], "groups": ["line-1"],
        }  # fmt: skip
        return {key: value for key, value in (sound | more).items() if value is not None}

    def token(self, claims: Claims | None = None, key_id: str = RSA, **header: object) -> bytes:
        """Sign claims with a key. ``header`` replaces some of the token's, None leaves one out."""
        headers = {"typ": "JWT", "kid": key_id, **header}
        written = {key: value for key, value in headers.items() if value is not None}
        content = json.dumps(self.claims() if claims is None else claims).encode()
        return jwt.PyJWS().encode(content, self.keys[key_id], ALGORITHMS[key_id], written).encode()

    def wrong_tokens(self) -> dict[str, bytes]:
        """Give tokens that must be refused, by what is wrong with each."""
        return {**self._wrong_claims(), **self._wrong_signatures(), **self._wrong_headers()}

    def _wrong_claims(self) -> dict[str, bytes]:
        now = int(time.time())
        wrong: dict[str, Claims] = {
            "expired": {"exp": now - 100, "iat": now - 400, "nbf": now - 400},
            "not valid yet": {"nbf": now + 1000},
            "issued in the future": {"iat": now + 1000, "exp": now + 2000, "nbf": None},
            "valid for years": {"exp": now + 10**8},
            "never expires": {"exp": None},
            "other audience": {"aud": "urn:plantspace:other"},
            "no audience": {"aud": None},
            "other issuer": {"iss": "https://evil.example.com"},
            "no issuer": {"iss": None},
            "nobody": {"sub": None},
            "roles that are no list": {"roles": {"SecurityAdmin": True}},
        }
        return {what: self.token(self.claims(**more)) for what, more in wrong.items()}

    def _wrong_signatures(self) -> dict[str, bytes]:
        head, body, signature = self.token().split(b".")
        other_body = _encoded(self.claims(sub="admin", roles=["SecurityAdmin"]))
        pem = (
            self.keys[RSA]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return {
            "no algorithm": _by_hand({"alg": "none", "kid": RSA}, self.claims()),
            "no algorithm in capitals": _by_hand({"alg": "NONE", "kid": RSA}, self.claims()),
            "HS256 with the public key": _by_hand({"alg": "HS256", "kid": RSA}, self.claims(), pem),
            "HS256 with the JWK Set": _by_hand({"alg": "HS256", "kid": RSA}, self.claims(), self.jwks(RSA, EC)),
            "another key under the published name": self.token(key_id=UNPUBLISHED, kid=RSA),
            "another key of the set": self.token(key_id=EC, kid=RSA),
            "a key that is not published": self.token(key_id=UNPUBLISHED),
            "claims changed after signing": b".".join((head, other_body, signature)),
            "signature left out": b".".join((head, body, b"")),
            "signature of another token": b".".join((head, body, self.token(self.claims(sub="bob")).split(b".")[2])),
            "signature cut short": b".".join((head, body, signature[:-8])),
        }

    def _wrong_headers(self) -> dict[str, bytes]:
        return {
            "brings its own key": self.token(key_id=UNPUBLISHED, jwk=self.jwk(UNPUBLISHED)),
            "points to another JWK Set": self.token(key_id=UNPUBLISHED, kid=RSA, jku=f"{self.url}/evil"),
            "names a file as its key": self.token(key_id=UNPUBLISHED, kid="../../../dev/null"),
            "asks for what nobody knows": self.token(crit=["exp"], exp=1),
            "no token": b"a.b.c",
            "nothing": b"",
            "far too long": self.token(self.claims(more="x" * 20_000)),
        }


def _encoded(part: Claims) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def _by_hand(header: Claims, claims: Claims, key: bytes = b"") -> bytes:
    signed = _encoded(header) + b"." + _encoded(claims)
    signature = hmac.new(key, signed, hashlib.sha256).digest() if key else b""
    return signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def _make_certificate(folder: Path) -> None:
    """Make the certificate of 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer of tokens")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(begin + timedelta(days=2))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    encryption = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    (folder / KEY).write_bytes(pem)
