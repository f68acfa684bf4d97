"""PubSub configured by a client of other hands (node-opcua), to a real broker, over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_der_x509_certificate

from certs.own import own_certificate
from server.pubsub.uadp.security import MessageKeys
from server.pubsub.uadp.subscriber import UadpSubscriber
from server.users.administration import UserAdministration
from server.users.passwords import Passwords
from server.users.store import UserStore
from tests.broker import Broker
from tests.foreign.client import ForeignClient, ForeignError, need_node
from tests.system.log_in import APPLICATION, PASSWORD, trusted_client
from tests.system.plant import Plant, lay_down, running
from tests.unit.server.pubsub.consumer import Consumer
from tests.waiting import until

SCRIPT = Path(__file__).resolve().parent.parent / "foreign" / "pubsub_client.js"
PROFILE = "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-json"


@asynccontextmanager
async def foreign(plant: Plant, folder: Path) -> AsyncGenerator[Callable[[str], Awaitable[ForeignClient]]]:
    """Start node-opcua; gives what logs a user in with it over an encrypted channel."""
    own_certificate(folder / "client", APPLICATION, "client")
    der, key = trusted_client(plant, folder / "client")
    certificate, plain = folder / "foreign.pem", folder / "foreign.key"
    certificate.write_bytes(load_der_x509_certificate(der.read_bytes()).public_bytes(Encoding.PEM))
    held = load_pem_private_key(key.read_bytes(), None)
    plain.write_bytes(held.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    process = await asyncio.create_subprocess_exec(
        need_node(), str(SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24
    )
    assert process.stdin is not None
    client = ForeignClient(process, folder)
    files = {"certificate": str(certificate), "key": str(plain), "folder": str(folder / "pki")}

    async def log_in(user: str) -> ForeignClient:
        await client.ask("disconnect")
        await client.ask("connect", url=plant.url, uri=APPLICATION, user=user, password=PASSWORD, **files)
        return client

    try:
        yield log_in
        await client.ask("disconnect")
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 60)


async def add_users(data: Path, **roles: str) -> None:
    """Add users whose passwords are quickly checked."""
    await asyncio.to_thread(data.mkdir, 0o700)
    store = UserStore(data)
    await store.start(watch=False)
    users = UserAdministration(store, Passwords(64, 1))
    for name, role in roles.items():
        await users.add(name, PASSWORD, roles=[role])
    await store.stop()


async def test_an_engineer_publishes_and_an_operator_does_not(
    mosquitto: Broker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port(), security='["SignAndEncrypt"]', anonymous="none")
    await add_users(tmp_path / "var", engineer="ConfigureAdmin", operator="Operator")
    file = tmp_path / "var" / "pubsub.yaml"
    connection: dict[str, Any] = {"name": "cloud", "broker": mosquitto.url, "profile": PROFILE}
    async with Consumer(mosquitto, tmp_path, "opcua/json/data/works/fast/#") as consumer:
        async with running(config) as plant:
            nodes = [f"ns={plant.index('urn:plantspace:test')};s=sim.t{number}" for number in (3, 4)]
            async with foreign(plant, tmp_path) as log_in:
                client = await log_in("operator")
                with pytest.raises(ForeignError, match="BadUserAccessDenied"):
                    await client.ask("connection", **connection)
                assert not file.exists()
                client = await log_in("engineer")
                made = await client.ask("items", name="Ramps", nodes=[*nodes, "i=99999"], aliases=["Up", "", ""])
                assert made["results"] == ["Good", "Good", "BadNodeIdUnknown"]
                cloud = await client.ask("connection", **connection)
                with pytest.raises(ForeignError, match="BadBrowseNameDuplicated"):
                    await client.ask("connection", **connection)
                group = await client.ask("group", connection=cloud, name="fast", interval=100.0)
                with pytest.raises(ForeignError, match="BadDataSetIdInvalid"):
                    await client.ask("writer", group=group, name="ramps", dataset="Nothing")
                writer = await client.ask("writer", group=group, name="ramps", dataset="Ramps")
                await until(lambda: consumer.messages)
                (message,) = consumer.messages[0].json["Messages"]
                assert set(message["Payload"]) == {"Up", "t4"}
                queue = await client.ask("read", node=writer, path=["TransportSettings", "QueueName"])
                assert queue == consumer.messages[0].topic == "opcua/json/data/works/fast/ramps"
                assert await client.ask("read", node=cloud, path=["Status", "State"]) == 2
                version = await client.ask("read", node=made["dataset"], path=["ConfigurationVersion"])
                assert version["majorVersion"] == message["MetaDataVersion"]["MajorVersion"]
        written = file.read_text(encoding="utf-8")

        def both_since(seen: int) -> bool:
            told = [one for received in consumer.messages[seen:] for one in received.json["Messages"]]
            return any(set(one.get("Payload", {})) == {"Up", "t4"} for one in told)

        async with running(config):
            seen = len(consumer.messages)
            await until(lambda: both_since(seen))
        assert file.read_text(encoding="utf-8") == written


SECURED = """\
pubsub:
  broker: {broker}
  encoding: uadp
  datasets:
    ramps: {{nodes: [/Objects/sim/t3], publish: 50ms, uadp: {{security: {{group: plant, key_lifetime: 1h}}}}}}
"""


async def test_who_has_the_role_gets_the_keys_and_reads_with_them(
    mosquitto: Broker, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = lay_down(tmp_path, port=free_port(), security='["SignAndEncrypt"]', anonymous="none")
    with config.open("a", encoding="utf-8") as file:
        file.write(SECURED.format(broker=mosquitto.url))
    await add_users(tmp_path / "var", reader="SecurityKeyServerAccess", engineer="ConfigureAdmin")
    as_hex = ("-F", "%t\t%r\t%x")
    async with (
        Consumer(mosquitto, tmp_path, "opcua/uadp/+/test/default/ramps", *as_hex) as consumer,
        running(config) as plant,
        foreign(plant, tmp_path) as log_in,
    ):
        client = await log_in("engineer")
        for group in ("plant", "nothing"):  # nor does it learn which groups there are
            with pytest.raises(ForeignError, match="BadUserAccessDenied"):
                await client.ask("keys", group=group, token=0, count=1)
        client = await log_in("reader")
        with pytest.raises(ForeignError, match="BadNotFound"):
            await client.ask("keys", group="nothing", token=0, count=1)
        given = await client.ask("keys", group="plant", token=0, count=2)
        assert given["policy"] == "http://opcfoundation.org/UA/SecurityPolicy#PubSub-Aes256-CTR"
        assert given["lifetime"] == 3_600_000
        assert 0 < given["next"] <= given["lifetime"]
        known = {
            given["first"] + place: MessageKeys(given["first"] + place, "PubSub-Aes256-CTR", bytes.fromhex(key))
            for place, key in enumerate(given["keys"])
        }
        assert len(known) == 2
        await until(lambda: len(consumer.messages) > 2)
    subscriber = UadpSubscriber(keys=KeysAtHand(known), required="SignAndEncrypt")
    read = [subscriber.receive(bytes.fromhex(message.payload), 0.0) for message in consumer.messages]
    data = [one.payload for one in read if one is not None and isinstance(one.payload, tuple)]
    assert data
    assert all(len(message.fields) == 1 for payload in data for message in payload)


@dataclass(frozen=True)
class KeysAtHand:
    """What a subscriber was given."""

    keys: dict[int, MessageKeys]

    def find(self, token: int) -> MessageKeys | None:
        return self.keys.get(token)
