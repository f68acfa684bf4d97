"""An issuer of tokens: a small HTTP server that gives its keys, and what it signs."""

from __future__ import annotations

import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "urn:plantspace:line-1"


class Issuer:
    """Serves ``/keys`` on a free port of 127.0.0.1. ``answer`` replaces the JWK Set; ``asked`` counts."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self.answer: bytes | None = None
        self.status = 200
        self.add_rsa("rsa-1")
        self.add_ec("ec-1")
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                content = issuer.answer if issuer.answer is not None else issuer.jwks()
                self.send_response(issuer.status)
                if issuer.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/keys"
        self.name = "https://login.example.com"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_rsa(self, key_id: str, bits: int = 2048) -> None:
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65_537, key_size=bits)

    def add_ec(self, key_id: str) -> None:
        self.keys[key_id] = ec.generate_private_key(ec.SECP256R1())

    def jwk(self, key_id: str) -> dict[str, Any]:
        public = self.keys[key_id].public_key()
        if isinstance(public, rsa.RSAPublicKey):
            return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": key_id, "use": "sig"}
        return {**ECAlgorithm.to_jwk(public, as_dict=True), "kid": key_id, "use": "sig"}

    def jwks(self) -> bytes:
        return json.dumps({"keys": [self.jwk(key_id) for key_id in self.keys]}).encode()

    def claims(self, **more: object) -> dict[str, object]:
        """Give sound claims; ``more`` replaces some, None leaves one out."""
        now = int(time.time())
        sound: dict[str, object] = {
            "iss": self.name, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": now, "exp": now + 300,
            "roles": ["op"], "groups": ["operators", "line-1"],
        }  # fmt: skip
        return {key: value for key, value in (sound | more).items() if value is not None}

    def token(
        self,
        claims: dict[str, object] | None = None,
        key_id: str = "rsa-1",
        algorithm: str = "RS256",
        more: dict[str, object] | None = None,
    ) -> bytes:
        """Sign claims. ``more`` of the header replaces some of it, None leaves one out."""
        headers = {"typ": "JWT", "kid": key_id, **(more or {})}
        written = {key: value for key, value in headers.items() if value is not None}
        content = json.dumps(claims or self.claims()).encode()  # whatever they are: jwt.encode would look at them
        return jwt.PyJWS().encode(content, self.keys[key_id], algorithm, written).encode()
