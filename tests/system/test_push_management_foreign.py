"""Certificates and trust looked after by node-opcua's client (Part 12 v1.05 7.10)."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate

from certs.certificate import Certificate
from tests.foreign.client import ForeignClient, ForeignError, need_node
from tests.system.push_works import PASSWORD, URI, Works, serving
from tests.unit.server.ua_stack.server_configuration.authority import Authority, client_certificate, new_key

FOREIGN = Path(__file__).resolve().parent.parent / "foreign"
LIBRARY = "node-opcua-server-configuration"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("Plant CA")


@pytest.fixture
async def works(tmp_path: Path, free_port: Callable[[], int], authority: Authority) -> AsyncIterator[Works]:
    async with serving(tmp_path, free_port(), authority) as held:
        yield held


@asynccontextmanager
async def push_client(folder: Path) -> AsyncGenerator[ForeignClient]:
    """Start the client, and end it."""
    process = await asyncio.create_subprocess_exec(
        need_node(),
        str(FOREIGN / "push_client.js"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    assert process.stdin is not None
    try:
        yield ForeignClient(process, folder)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 30)
        except TimeoutError:
            process.kill()
            await process.wait()


async def connect(client: ForeignClient, works: Works, user: str = "admin", *, library: bool = False) -> Any:
    certificate, key = works.folder / "foreign.pem", works.folder / "foreign.key"
    certificate.write_bytes(load_der_x509_certificate(works.certificate).public_bytes(Encoding.PEM))
    key.write_bytes(works.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return await client.ask(
        "connect",
        url=works.plant.url,
        certificate=str(certificate),
        key=str(key),
        folder=str(works.folder / "pki"),
        uri=URI,
        user=user,
        password=PASSWORD,
        library=library,
    )


def need_library() -> None:
    where = [FOREIGN / "node_modules", *map(Path, os.environ.get("NODE_PATH", "").split(os.pathsep))]
    if not any((one / LIBRARY).is_dir() for one in where):
        pytest.skip(f"{LIBRARY} is not installed: npm install --no-save {LIBRARY} in tests/foreign, or set NODE_PATH")


def told(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("library", [False, True], ids=["calls", "ClientPushCertificateManagement"])
async def test_it_exchanges_the_certificate_and_looks_after_trust(
    works: Works, authority: Authority, tmp_path: Path, *, library: bool
) -> None:
    if library:
        need_library()
    shutil.rmtree(works.certs / "rejected")
    stranger = client_certificate("stranger", URI, new_key())
    works.trust.validate([stranger], application_uri=None)
    async with push_client(tmp_path) as client:
        await connect(client, works, library=library)
        assert await client.ask("rejected") == [told(stranger)]
        await client.ask("add", certificate=told(stranger))
        assert set(await client.ask("trusted")) == {told(stranger), told(authority.der)}
        await client.ask("remove", thumbprint=Certificate.parse(stranger).thumbprint)
        assert await client.ask("trusted") == [told(authority.der)]
        request = base64.b64decode(await client.ask("request", nonce=told(b"n" * 32)))
        issued = authority.sign(request)
        assert await client.ask("update", certificate=told(issued), issuers=[told(authority.der)]) is True
        await client.ask("apply")
        assert set(await works.shown()) == {issued + authority.der}
    async with push_client(tmp_path) as again:
        await connect(again, works)
        assert await again.ask("rejected") == []


async def test_it_is_told_that_it_may_not(works: Works, tmp_path: Path) -> None:
    async with push_client(tmp_path) as client:
        await connect(client, works, "operator")
        for ask in ("rejected", "apply", "trusted"):
            with pytest.raises(ForeignError, match=r"BadUserAccessDenied|there is no"):
                await client.ask(ask)
