"""What the PublishSubscribe object asks of the PubSub that runs beneath it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from server.plan.datasets import PlannedConnection
from server.pubsub.frames import PubSubState, WriterIdentity

if TYPE_CHECKING:
    from server.pubsub.component import ConnectionCounts
    from server.pubsub.uadp.keys import SecurityKeys


class RunningPubSub(Protocol):
    """Publishes what is planned, and something else from one moment to the next."""

    async def apply(self, planned: Mapping[str, PlannedConnection], paused: Collection[str] = ()) -> None:
        """Publish what ``planned`` says from now on; connections that stay as they are do not notice.

        What waits for a connection that is in neither is forgotten.

        Raises what stands in the way; then what runs need not be what ran before, and is applied anew.
        """
        ...

    def state(self, connection: str) -> PubSubState:
        """Give the state of a connection that is planned."""
        ...

    def identity(self, connection: str, writer: str) -> WriterIdentity | None:
        """Give a DataSetWriter as its messages name it; None for one that does not run."""
        ...

    def counts(self, connection: str) -> ConnectionCounts:
        """Count what a connection has done."""
        ...

    def messages(self, connection: str, writer: str) -> tuple[int, int]:
        """Count the messages of a DataSetWriter that were accepted, and the values of which none could be made."""
        ...

    def security_keys(self, group: str, starting_token: int, count: int) -> SecurityKeys | None:
        """Give the keys of a SecurityGroup (Part 14 v1.05 8.3.2); None where there is none of that name."""
        ...
