"""A gateway in a process of its own that offers every policy, with users, and a cable to it that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from urllib.parse import urlparse

from certs.certificate import Certificate
from certs.own import own_certificate
from server.cli.main import main
from tests.broker import free_port
from tests.command import Running
from tests.jwt_issuer import JwtIssuer
from tests.system.log_in import APPLICATION, add_user
from tests.system.patient import PatientClient
from tests.system.plant import URI, lay_down

SECURITY = '["None", Sign, SignAndEncrypt]'
READY_WITHIN = 60.0


@dataclass(frozen=True)
class SecuredGateway:
    """It runs. ``files``: certificate (DER) and key (PEM) of a client that it trusts."""

    folder: Path
    url: str
    files: tuple[Path, Path]
    user_files: tuple[Path, Path]
    """Of a person, ``vera``, whose certificate is an Operator's."""
    level: str
    """NodeId of a Double that Operators write and Observers read."""

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.folder / "plant.yaml"

    @property
    def certs(self) -> Path:
        """The folder of its certificates."""
        return self.folder / "var" / "certs"

    def rejected(self) -> set[bytes]:
        """Give the certificates (DER) that were put aside."""
        return {file.read_bytes() for file in (self.certs / "rejected").glob("*.der")}

    async def command(self, *arguments: str | Path) -> None:
        """Run ``plantspace certs …`` on it."""
        name, *more = map(str, arguments)
        assert await asyncio.to_thread(main, ["certs", name, str(self.config), *more]) == 0


@contextmanager
def secured_gateway(folder: Path, issuer: JwtIssuer | None = None) -> Generator[SecuredGateway]:
    """Run one: anonymous clients are Observers; ann is an Operator, olga an Observer, mike has to change his password.

    Tokens of ``issuer`` with the role ``op`` are an Operator's, and so is the certificate of ``user_files``.
    """
    config = lay_down(folder, port=free_port(), security=SECURITY, anonymous="Observer")
    own_certificate(folder / "user", "urn:user:vera", "vera")
    person = Certificate.parse((folder / "user" / "own.der").read_bytes())
    issuers = {} if issuer is None else {"plant": issuer.settings()}
    users = {"issuers": issuers, "lock_out": {"source_failures": 1000}}
    roles = {"Operator": {"claims": ["op"], "certificates": [person.thumbprint]}}
    more = f"users: {json.dumps(users)}\nroles: {json.dumps(roles)}\n"
    config.write_text(config.read_text(encoding="utf-8") + more, encoding="utf-8")
    asyncio.run(_add_users(folder / "var"))
    own_certificate(folder / "client", APPLICATION, "client")
    certs = folder / "var" / "certs"
    for to, der in (("trusted/client.der", folder / "client"), ("users/trusted/vera.der", folder / "user")):
        (certs / to).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (certs / to).write_bytes((der / "own.der").read_bytes())
    command = Running("run", str(config), errors=folder / "gateway.log")
    deadline = Timer(READY_WITHIN, command.process.kill)
    deadline.start()
    try:
        url = command.until_line("ready ").split()[1]
        deadline.cancel()
        client, user = ((folder / one / "own.der", folder / one / "own.key.pem") for one in ("client", "user"))
        yield SecuredGateway(folder, url, client, user, asyncio.run(_level(url)))
    finally:
        deadline.cancel()
        deadline.join()
        command.end()


async def _add_users(data: Path) -> None:
    for name, role in (("ann", "Operator"), ("olga", "Observer")):
        await add_user(data, name, role)
    await add_user(data, "mike", "Operator", must_change=True)


async def _level(url: str) -> str:
    async with PatientClient(url) as client:
        return f"ns={await client.get_namespace_index(URI)};s=Level"


class Cable:
    """A relay of bytes. ``sent`` and ``received``: by the clients, through it; ``url``: where it begins."""

    def __init__(self, url: str) -> None:
        """Lead to ``url``."""
        self._to = urlparse(url)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent = bytearray()
        self.received = bytearray()
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        onward_reader, onward = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open |= {writer, onward}
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, onward, self.sent))
                both.create_task(self._carry(onward_reader, writer, self.received))
        finally:
            for end in (writer, onward):
                self._open.discard(end)
                end.transport.abort()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._tasks.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65_536):
                seen += part
                writer.write(part)
                await writer.drain()
        writer.transport.abort()

    def cut(self) -> None:
        """Cut all connections, on both sides at once."""
        for one in self._open:
            one.transport.abort()

    async def end(self) -> None:
        """Cut, and wait until all is over."""
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def cable_to(url: str) -> AsyncGenerator[Cable]:
    """Lay a cable to a gateway."""
    cable = Cable(url)
    server = await asyncio.start_server(cable.take, "127.0.0.1", 0)
    cable.url = f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield cable
    finally:
        server.close()
        await cable.end()
        await server.wait_closed()
