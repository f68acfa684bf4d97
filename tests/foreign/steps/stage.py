"""What the steps work with: the gateway, its device, a client's sessions, and subscriptions in them."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.foreign.relay import ANSWERS_WITHIN, Answer, Relay, Session
from tests.foreign.steps.described import VALUE
from tests.foreign.steps.message import Change, Message, message_of, statuses
from tests.foreign.steps.status import name
from tests.modbus_device import ModbusDevice

OWN = "urn:plantspace:tests:script"
PLANTSPACE = "https://plantspace.io/UA/"
TAGS = "urn:plantspace:line-1"
NAMESPACE_ARRAY, SERVER = "i=2255", "i=2253"
SOURCE, SERVER_TIME, BOTH, NEITHER = range(4)
INTERVAL = 50.0
"""Milliseconds: the publishing interval of most steps."""


class Subscription:
    """A subscription of a session. Its answers to Publish are taken one at a time unless a step does otherwise."""

    def __init__(self, session: Session, **asked: Any) -> None:
        """Create it; the message of the first cycle (Part 4 v1.05 5.14.1.2) is taken away."""
        self.session = session
        wanted = {
            "requestedPublishingInterval": INTERVAL,
            "requestedLifetimeCount": 1000,
            "requestedMaxKeepAliveCount": 3,
            "maxNotificationsPerPublish": 0,
            "publishingEnabled": True,
            "priority": 0,
        }
        self.revised = session.call("CreateSubscription", **wanted | asked)
        assert name(self.revised["result"]) == "Good"
        self.id: int = self.revised["subscriptionId"]

    def begun(self) -> Subscription:
        """Take the message of the first cycle."""
        assert self.publish().keeps_alive
        return self

    def create(self, *requests: dict[str, Any], timestamps: int = BOTH) -> Answer:
        """Create monitored items and give the whole answer."""
        return self.session.call(
            "CreateMonitoredItems",
            subscriptionId=self.id,
            timestampsToReturn=timestamps,
            itemsToCreate=list(requests),
        )

    def monitor(self, *requests: dict[str, Any], timestamps: int = BOTH) -> list[dict[str, Any]]:
        """Create monitored items, all of which must be Good."""
        answer = self.create(*requests, timestamps=timestamps)
        assert statuses(answer) == ["Good"] * len(requests)
        return answer["results"]

    def mode(self, mode: int, *ids: int) -> list[str]:
        """Set items' MonitoringMode."""
        given = {"subscriptionId": self.id, "monitoringMode": mode, "monitoredItemIds": list(ids)}
        answer = self.session.call("SetMonitoringMode", **given)
        return [name(one) for one in answer["results"]]

    def enable(self, *, publishing: bool) -> None:
        """Set PublishingEnabled."""
        given = {"publishingEnabled": publishing, "subscriptionIds": [self.id]}
        answer = self.session.call("SetPublishingMode", **given)
        assert [name(one) for one in answer["results"]] == ["Good"]

    def ask(self, *acks: tuple[int, int]) -> Future[Answer]:
        """Send a Publish request with acknowledgements of (subscription, sequence number)."""
        told = [{"subscriptionId": one, "sequenceNumber": sequence} for one, sequence in acks]
        return self.session.send("Publish", {"subscriptionAcknowledgements": told})

    def publish(self, *acks: tuple[int, int]) -> Message:
        """Publish once."""
        return message_of(self.ask(*acks).result(ANSWERS_WITHIN))

    def collect(self, least: int = 0) -> list[Message]:
        """Publish until a keep-alive says that nothing waits, and ``least`` notifications have come."""
        deadline = time.monotonic() + ANSWERS_WITHIN / 2
        messages: list[Message] = []
        while True:
            one = self.publish()
            assert one.result == "Good"
            if not one.keeps_alive:
                messages.append(one)
            elif sum(len(told.changes) + len(told.events) for told in messages) >= least:
                return messages
            assert time.monotonic() < deadline, f"{least} notifications were awaited, there came {messages}"

    def gather(self, least: int) -> list[Change]:
        """Publish until ``least`` values have come: for items that never rest."""
        deadline = time.monotonic() + ANSWERS_WITHIN / 2
        found: list[Change] = []
        while len(found) < least:
            found += self.publish().changes
            assert time.monotonic() < deadline, f"{least} values were awaited, there came {found}"
        return found

    def changes(self, least: int = 0) -> list[Change]:
        """Publish until a keep-alive and give the values."""
        return [change for message in self.collect(least) for change in message.changes]

    def values(self, least: int = 0) -> list[Any]:
        """Publish until a keep-alive and give the values alone."""
        return [change.value for change in self.changes(least)]


@dataclass
class Stage:
    """The parts of one step."""

    relay: Relay
    url: str
    session: Session
    device: ModbusDevice

    def other_session(self) -> AbstractContextManager[Session]:
        """Open another session of the same client application."""
        return self.relay.session(self.url)

    @cached_property
    def namespaces(self) -> list[str]:
        """The server's NamespaceArray."""
        return self.read(NAMESPACE_ARRAY)

    def node(self, text: str, namespace: str = OWN) -> str:
        """Write a NodeId with its index of the day."""
        return f"ns={self.namespaces.index(namespace)};s={text}"

    def read(self, node: str) -> Any:
        """Read a value."""
        wanted = {"nodeId": node, "attributeId": VALUE}
        answer = self.session.call("Read", maxAge=0, timestampsToReturn=BOTH, nodesToRead=[wanted])
        return answer["results"][0]["value"]

    def write(self, text: str, *values: Any, kind: str = "Double") -> None:
        """Write values to a memory point, one after the other, in one request."""
        answer = self.session.call(
            "Write",
            nodesToWrite=[
                {"nodeId": self.node(text), "attributeId": VALUE, "value": {"value": {"type": kind, "value": value}}}
                for value in values
            ],
        )
        assert [name(one) for one in answer["results"]] == ["Good"] * len(values)

    def method(self, session: Session, method: str, *inputs: int) -> tuple[str, list[Any]]:
        """Call a method of the Server object with UInt32 arguments; give its status and outputs."""
        arguments = [{"type": "UInt32", "value": one} for one in inputs]
        wanted = {"objectId": SERVER, "methodId": method, "inputArguments": arguments}
        (result,) = session.call("Call", methodsToCall=[wanted])["results"]
        return name(result["statusCode"]), [one["value"] for one in result["outputArguments"] or ()]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Look through the client until something is so."""
        deadline = time.monotonic() + ANSWERS_WITHIN / 2
        while not condition():
            assert time.monotonic() < deadline, "what was awaited did not come"

    def let_cycles_pass(self, count: int) -> None:
        """Let publishing intervals of 50 ms pass: another session's subscription counts them by keep-alives."""
        with self.other_session() as other:
            clock = Subscription(other, requestedMaxKeepAliveCount=1)
            for _ in range(count):
                assert clock.publish().keeps_alive
