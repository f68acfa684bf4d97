from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from nodesets.built_in_types import LocalizedText
from nodesets.nodes import NodeClass
from server.address_space.keys import NodeKey, numeric_key
from server.address_space.node import BrowseName, SpaceNode
from server.address_space.space import AddressSpace
from server.events.notifiers import Notifiers
from server.subscriptions.limits import SubscriptionLimits
from server.subscriptions.requests import Asked
from server.ua_stack.diagnostics.ledger import SessionLedger
from server.ua_stack.diagnostics.summary import Summary
from server.ua_stack.subscription_service import SubscriptionService
from tests.unit.server.subscriptions.ua_service import Client

VIEWS = numeric_key(0, ua.ObjectIds.ViewsFolder)
ORGANIZES = numeric_key(0, ua.ObjectIds.Organizes)


def space_of(*nodes: tuple[NodeKey, NodeClass, NodeKey | None]) -> AddressSpace:
    space = AddressSpace()
    for key, node_class, _ in nodes:
        space.add(SpaceNode(key, node_class, BrowseName(0, "node"), (LocalizedText(None, "node"),)))
    for key, _, above in nodes:
        if above is not None:
            space.refer(above, ORGANIZES, key)
    return space


def decoded(summary: Summary) -> Any:
    return struct_from_binary(ua.ServerDiagnosticsSummaryDataType, Buffer(summary.encoded()))


def test_every_field_is_in_its_place() -> None:
    # Part 5 v1.05 12.9
    space, ledger = space_of((VIEWS, NodeClass.OBJECT, None)), SessionLedger()
    summary = Summary(space, SubscriptionService(Notifiers(space), SubscriptionLimits()), ledger)
    ledger.cumulated_sessions = 1
    ledger.security_rejected_sessions = 2
    ledger.rejected_sessions = 3
    ledger.timed_out_sessions = 4
    ledger.aborted_sessions = 5
    ledger.security_rejected_requests = 6
    ledger.rejected_requests = 2**32 + 7
    assert decoded(summary) == ua.ServerDiagnosticsSummaryDataType(0, 0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 7)
    told = decoded(summary)
    for name, count in summary.counters.items():
        assert (name, getattr(told, name)) == (name, count() & 0xFFFF_FFFF)


async def test_subscriptions_and_their_publishing_intervals_are_counted() -> None:
    space = space_of((VIEWS, NodeClass.OBJECT, None))
    service = SubscriptionService(Notifiers(space), SubscriptionLimits())
    summary, client = Summary(space, service, SessionLedger()), Client()
    cores = [service.create(client, Asked(interval, 100, 30, 0, 0)) for interval in (100.0, 100.0, 250.0)]
    told = decoded(summary)
    assert (told.CurrentSubscriptionCount, told.CumulatedSubscriptionCount, told.PublishingIntervalCount) == (3, 3, 2)
    service.delete(client, [cores[2].id])
    told = decoded(summary)
    assert (told.CurrentSubscriptionCount, told.CumulatedSubscriptionCount, told.PublishingIntervalCount) == (2, 3, 1)
    service.stop()


def test_views_are_counted_once_wherever_their_folders_are() -> None:
    # Part 5 v1.05 8.2.5
    folder, view, inner, unrelated = 900, 901, 902, 903
    space = space_of(
        (VIEWS, NodeClass.OBJECT, None),
        (folder, NodeClass.OBJECT, VIEWS),
        (view, NodeClass.VIEW, VIEWS),
        (inner, NodeClass.VIEW, folder),
        (unrelated, NodeClass.VIEW, None),
    )
    space.refer(folder, ORGANIZES, view)
    space.refer(folder, ORGANIZES, VIEWS)
    summary = Summary(space, SubscriptionService(Notifiers(space), SubscriptionLimits()), SessionLedger())
    assert decoded(summary).ServerViewCount == 2
