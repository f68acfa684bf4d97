"""A gateway in this process that takes commands from a real broker, and a foreign client that sends them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from server.audit.record import AuditRecord
from server.pubsub.commands.caller import Origin
from server.pubsub.commands.settings import CommandSettings, SubscribedSettings
from server.pubsub.commands.store import CommandStore
from server.pubsub.commands.way_back import Surroundings, WayBack
from server.pubsub.contract import MqttMessage, Subscription
from server.pubsub.mqtt.connection import BrokerConnection
from server.pubsub.mqtt.settings import BrokerSettings
from server.users.records import UserRecord
from server.users.tables import put_user
from tests.broker import Broker
from tests.system.plant import URI, Plant
from tests.waiting import until

ANSWERS_WITHIN = 60.0


def node(name: str) -> str:
    """Give the NodeId text of a node of the plant's tank."""
    return f"nsu={URI};s={name}"


@dataclass
class Session:
    """What a connection's session does for its way back, and nothing else (:class:`BrokerSession`)."""

    way_back: WayBack | None = None
    others: list[MqttMessage] = field(default_factory=list[MqttMessage])

    def will(self) -> MqttMessage | None:
        return None

    def subscriptions(self) -> Sequence[Subscription]:
        return () if self.way_back is None else self.way_back.subscriptions()

    def greeting(self) -> Sequence[MqttMessage]:
        return ()

    async def admitted(self) -> None:
        return

    def finish(self, message: MqttMessage, *, replayed: bool) -> MqttMessage:
        assert not replayed
        return message

    def received(self, message: MqttMessage) -> None:
        if self.way_back is None or not self.way_back.received(message):
            self.others.append(message)

    def lost(self) -> None:
        return

    def farewell(self) -> Sequence[MqttMessage]:
        return ()


@dataclass
class Commanded:
    """A plant with the way back of one connection."""

    plant: Plant
    broker: Broker
    topic: str
    way_back: WayBack
    store: CommandStore
    audit: list[AuditRecord]
    sent: list[MqttMessage]

    @property
    def administration(self) -> Any:
        return self.plant.gateway.doors.access.logins.administration

    def value(self, name: str) -> Any:
        return self.plant.gateway.read(self.plant.gateway.image.slot_of[node(name)]).value

    async def ask(self, command: dict[str, Any] | bytes, response: str | None = None) -> dict[str, Any]:
        """Send a command with ``mosquitto_rr``, which is another's client, and give the answer."""
        text = command if isinstance(command, bytes) else json.dumps(command).encode()
        response = response or f"{self.topic}/answers/rr"
        if b"\0" in text:  # mosquitto_rr takes the message as an argument alone
            return await self.answer_to(text, "-D", "publish", "response-topic", response)
        options = ["-e", response, "-D", "publish", "correlation-data", "c-1", "-W", str(ANSWERS_WITHIN), "-q", "1"]
        return json.loads(await self._run("mosquitto_rr", *options, payload=text))

    async def tell(self, payload: bytes, *options: str, topic: str = "") -> None:
        """Publish something with ``mosquitto_pub``."""
        await self._run("mosquitto_pub", *options, payload=payload, topic=topic)

    async def answer_to(self, payload: bytes, *options: str) -> dict[str, Any]:
        """Publish a command without a response topic, and give the next answer."""
        before = len(self.sent)
        await self.tell(payload, *options)
        await until(lambda: len(self.sent) > before)
        return json.loads(self.sent[-1].payload)

    async def _run(self, program: str, *options: str, payload: bytes, topic: str = "") -> bytes:
        what: list[str | bytes] = ["-n"]
        if program == "mosquitto_rr":
            what = ["-m", payload]
        elif payload:
            file = self.plant.gateway.plan.data_dir / "payload"
            await asyncio.to_thread(file.write_bytes, payload)
            what = ["-f", str(file)]
        where = ["-h", self.broker.host, "-p", str(self.broker.port), "-V", "5", "-t", topic or self.topic]
        process = await asyncio.create_subprocess_exec(
            program, *where, *options, *what, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        told, problems = await process.communicate()
        assert process.returncode == 0, problems.decode()
        return told

    def records(self, kind: type[AuditRecord]) -> list[Any]:
        return [record for record in self.audit if isinstance(record, kind)]


async def add_user(plant: Plant, name: str, *roles: str) -> None:
    """Add a user while the gateway runs, whom no password lets in."""
    access = plant.gateway.doors.access
    await access.store.change(lambda connection, _: put_user(connection, UserRecord(name, "")))
    await access.logins.administration.set_roles(name, add=roles)


@asynccontextmanager
async def commanded(
    plant: Plant,
    broker: Broker,
    name: str,
    *,
    settings: CommandSettings | None,
    subscribed: dict[str, SubscribedSettings] | None = None,
    secure: bool = False,
) -> AsyncGenerator[Commanded]:
    """Let a plant take commands by a broker on topics of its own. ``secure``: as if the connection had TLS."""
    gateway = plant.gateway
    stack, audit, sent, topic = gateway.plan.stack, list[AuditRecord](), list[MqttMessage](), f"{name}/json/commands/p"
    router = gateway._router  # pyright: ignore[reportPrivateUsage] - what the composition root hands on
    stack.internal.writing.foresee(router.refusal)
    stack.internal.use_audit.record = audit.append
    store = CommandStore(gateway.plan.data_dir)
    session = Session()
    link = BrokerConnection(BrokerSettings(broker=broker.url, client_id=name), session)

    def send(messages: Sequence[MqttMessage]) -> None:
        sent.extend(messages)
        if link.present is not None:
            link.present.fly(messages)

    around = Surroundings(
        stack, gateway.plan.nodeids, gateway.plan.directory, router, gateway.doors.access, store, audit.append
    )
    way_back = session.way_back = WayBack(around, Origin(name, broker.url, secure=secure), send)
    if settings is not None:
        way_back.take_commands(settings, topic, [f"{name}/"])
    way_back.read_datasets(subscribed or {})
    await store.start()
    await way_back.start()
    await link.start()
    try:
        await link.link()
        yield Commanded(plant, broker, topic, way_back, store, audit, sent)
    finally:
        await link.stop()
        await way_back.stop()
        await store.stop()
