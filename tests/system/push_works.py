"""A gateway whose certificates and trust an administrator looks after over OPC UA."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from asyncua.ua.uaerrors import UaError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.store import TrustStore
from server.audit.record import AuditRecord
from server.users.administration import UserAdministration
from server.users.passwords import Passwords
from server.users.store import UserStore
from tests.system.patient import PatientClient
from tests.system.plant import Plant, lay_down, running
from tests.unit.server.ua_stack.server_configuration.authority import Authority, Key, new_key

PASSWORD = "correct horse battery"
URI = "urn:test:gds"
ENCRYPTED, SIGNED = ua.MessageSecurityMode.SignAndEncrypt, ua.MessageSecurityMode.Sign


class Works:
    """A gateway, the authority of its plant, and the administrator's client."""

    def __init__(self, plant: Plant, folder: Path, authority: Authority) -> None:
        self.plant = plant
        self.authority = authority
        self.folder = folder
        self.certs = plant.gateway.plan.data_dir / "certs"
        self.records: list[AuditRecord] = []
        plant.gateway.doors.auditing.trail.on_record(lambda record, _moment: self.records.append(record))
        self.trust = TrustStore(self.certs)
        self.key = new_key()
        self.trust.add_trusted(authority.der)
        self.trust.add_crl(authority.revocation_list())
        self.certificate = authority.issue("GDS", URI, self.key)

    @asynccontextmanager
    async def client(
        self,
        user: str = "admin",
        *,
        mode: ua.MessageSecurityMode | None = ENCRYPTED,
        certificate: bytes | None = None,
        key: Key | None = None,
        server: bytes | None = None,
    ) -> AsyncGenerator[Client]:
        """Log a user in. ``server``: the certificate that the client holds for the gateway's, else the one it shows."""
        client = PatientClient(self.plant.url)
        client.application_uri = URI
        if mode is not None:
            await client.set_security(
                SecurityPolicyAes256Sha256RsaPss,
                certificate or self.certificate,
                private_der(key or self.key),
                server_certificate=server,
                mode=mode,
            )
        client.set_user(user)
        client.set_password(PASSWORD)
        await client.connect()
        try:
            yield client
        finally:
            with suppress(ConnectionError, UaError, TimeoutError):  # the gateway hangs up once its certificate changes
                await client.disconnect()

    async def shown(self) -> list[bytes]:
        """Give the chains that the endpoints show."""
        endpoints = await PatientClient(self.plant.url).connect_and_get_server_endpoints()
        return [bytes(one.ServerCertificate) for one in endpoints]


def private_der(key: Key) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@asynccontextmanager
async def serving(folder: Path, port: int, authority: Authority) -> AsyncGenerator[Works]:
    """Run a gateway with ``admin``, who looks after its security, and ``operator``, who does not."""
    security = '["None", "Sign", "SignAndEncrypt"]'
    config = lay_down(folder, port=port, security=security, anonymous="Operator")
    (folder / "var").mkdir(mode=0o700)
    store = UserStore(folder / "var")
    await store.start(watch=False)
    users = UserAdministration(store, Passwords(64, 1))
    await users.add("admin", PASSWORD, roles=["SecurityAdmin"])
    await users.add("operator", PASSWORD, roles=["Operator", "Engineer", "ConfigureAdmin"])
    await store.stop()
    async with running(config) as plant:
        yield Works(plant, folder, authority)
