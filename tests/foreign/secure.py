"""node-opcua's and gopcua's clients with security, as an asynchronous test drives them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.foreign.client import need_node
from tests.foreign.relay import Relay, Session, go_relay

ANSWERS_WITHIN = 60.0
_SCRIPT = Path(__file__).resolve().parent / "secure_client.js"

User = dict[str, str]


class SecureRelay:
    """The process of a relay whose clients take ``open`` with security."""

    def __init__(self, relay: Relay, folder: Path) -> None:
        """``folder``: where the clients keep what certificates they know."""
        self._relay = relay
        self._folder = folder
        self._names = (f"client-{number}" for number in itertools.count(1))

    async def ask(self, do: str, **given: Any) -> Any:
        """Send a command, and give its answer. Raises :class:`~tests.foreign.relay.RelayError`."""
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await asyncio.wrap_future(self._relay.ask(do, **given))

    async def know(self, authority: Path, revocations: Path) -> None:
        """Let node-opcua's side know an authority and what it has revoked (PEM)."""
        told = {"authority": str(authority), "list": str(revocations)}
        await self.ask("know", folder=str(self._folder / "pki"), **told)

    @asynccontextmanager
    async def client(
        self, url: str, files: tuple[Path, Path] | None = None, **how: Any
    ) -> AsyncGenerator[SecureClient]:
        """Connect a client and log in; ``how``: policy, mode, user and more, see secure_client.js."""
        name = next(self._names)
        if files is not None:
            how = {"certificate": str(files[0]), "key": str(files[1]), **how}
        state = await self.ask("open", client=name, url=url, folder=str(self._folder / "pki"), **how)
        try:
            yield SecureClient(self, name, state)
        finally:
            await self.ask("close", client=name)


class SecureClient:
    """One client that is logged in. ``opened``: its state then."""

    def __init__(self, relay: SecureRelay, name: str, opened: dict[str, Any]) -> None:
        self._relay = relay
        self._name = name
        self.opened = opened

    async def ask(self, do: str, **given: Any) -> Any:
        """Send a command of this client."""
        return await self._relay.ask(do, client=self._name, **given)


@contextmanager
def secure_node(folder: Path) -> Generator[SecureRelay]:
    """Run node-opcua; skips where there is none."""
    relay = Relay([need_node(), _SCRIPT], folder)
    try:
        yield SecureRelay(relay, folder)
    finally:
        relay.stop()


@contextmanager
def secure_go(folder: Path, url: str, files: tuple[Path, Path], policy: str, user: User | None) -> Generator[Session]:
    """Give a session of gopcua's client over SignAndEncrypt; skips where there is no Go."""
    key = folder / "gopcua.key.pem"  # it reads keys in PKCS #1 alone
    held = load_pem_private_key(files[1].read_bytes(), None)
    key.write_bytes(held.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    how = {"policy": policy, "mode": "SignAndEncrypt", "certificate": str(files[0]), "key": str(key), "user": user}
    with go_relay(folder) as relay, relay.session(url, secure=how) as session:
        yield session
