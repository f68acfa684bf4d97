"""Serves ``FOLDER/jwks.json`` until its standard input ends: ``python -m tests.jwt_issuer_process FOLDER``.

It is given as ``/keys``; with ``--tls`` over HTTPS, by the certificate and key in the folder.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

JWKS: Final = "jwks.json"
ASKED: Final = "asked"
"""A byte for each time that somebody asked."""
CERTIFICATE: Final = "ca.pem"
KEY: Final = "key.pem"


def serve(folder: Path, *, tls: bool) -> None:
    """Serve until standard input ends; tell the port on standard output."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Give the keys, and nothing else."""
            with (folder / ASKED).open("ab") as asked:
                asked.write(b"x")
            content = (folder / JWKS).read_bytes() if self.path == "/keys" else b""
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
            """Say nothing."""
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    os.write(sys.stdout.fileno(), b"%d\n" % server.server_port)
    sys.stdin.buffer.read()
    server.shutdown()
    thread.join()
    server.server_close()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), tls="--tls" in sys.argv[2:])
