"""What the server tells of itself, its sessions and their subscriptions, and the methods that help to find back."""

# asyncua's annotations are partial and call a plain int or float wrong where it takes one.
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from server.events.emitter import Emitter
from server.events.event import BASE_EVENT_TYPE, SERVER
from server.ua_stack.diagnostics.requests import SERVICES, kind_of
from server.ua_stack.publish import encode_statuses
from tests.system.patient import PatientClient
from tests.system.plant import Plant, connected, lay_down, running
from tests.system.raw_requests import ask, parameters
from tests.waiting import until

IDS = ua.ObjectIds
KIND = ua.VariantType
NOTHING = encode_statuses([])[:4]
SUMMARY = "ServerDiagnosticsSummary"
SUBSCRIPTIONS = "SubscriptionDiagnosticsArray"
SESSIONS = "SessionsDiagnosticsSummary_SessionDiagnosticsArray"
SECURITY = "SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray"
NOBODY = 1_000_000_000


@pytest.fixture
async def plant(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Plant]:
    async with running(lay_down(tmp_path, port=free_port(), anonymous="Observer")) as held:
        yield held


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[Client]:
    async with connected(plant) as held:
        yield held


def node(name: str) -> ua.NodeId:
    return ua.NodeId(getattr(IDS, f"Server_ServerDiagnostics_{name}"))


async def told(client: Client, name: str) -> Any:
    return await client.get_node(node(name)).read_value()


async def session_of(client: Client, name: str = "") -> Any:
    """Give the record of the client's own session, or of the one with a name."""
    records = await told(client, SESSIONS)
    wanted = name or f"{client.description} Session{client._session_counter}"  # type: ignore[reportPrivateUsage]  # the name that it gave
    (record,) = [one for one in records if one.SessionName == wanted]
    return record


async def subscription_of(client: Client, subscription_id: int) -> Any:
    (record,) = [one for one in await told(client, SUBSCRIPTIONS) if one.SubscriptionId == subscription_id]
    return record


@asynccontextmanager
async def bare(plant: Plant, **said: Any) -> AsyncGenerator[Client]:
    """Connect without a session of the client's own making, which would send requests by itself."""
    client = PatientClient(plant.url)
    await client.connect_socket()
    try:
        await client.send_hello()
        await client.open_secure_channel()
        params = ua.CreateSessionParameters(EndpointUrl=plant.url, ClientNonce=b"n" * 32)
        params.RequestedSessionTimeout = said.pop("timeout", 60_000.0)
        for name, value in said.items():
            setattr(params, name, value)
        await client.uaclient.create_session(params)
        yield client
    finally:
        with suppress(Exception):  # the connection may be gone
            await client.close_secure_channel()
        client.disconnect_socket()


async def activate(client: Client, token: Any = None, locales: list[str] | None = None) -> None:
    params = ua.ActivateSessionParameters(LocaleIds=locales or [])
    params.UserIdentityToken = ua.AnonymousIdentityToken(PolicyId="anonymous") if token is None else token
    await client.uaclient.activate_session(params)


async def create_subscription(client: Client, **asked: Any) -> int:
    return (await revised_subscription(client, **asked))[0]


async def revised_subscription(client: Client, **asked: Any) -> tuple[int, float, int, int]:
    """Give SubscriptionId, interval (ms), lifetime and keep-alive count."""
    params = ua.CreateSubscriptionParameters(RequestedPublishingInterval=3_600_000.0)
    params.RequestedLifetimeCount, params.RequestedMaxKeepAliveCount = 30_000, 10_000
    for name, value in asked.items():
        setattr(params, name, value)
    body = (await ask(client, kind_of("CreateSubscription"), parameters(params))).body
    return body.uint32(), body.double(), body.uint32(), body.uint32()


def item(target: ua.NodeId, handle: int, **more: Any) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = target
    request.ItemToMonitor.AttributeId = more.get("attribute", ua.AttributeIds.Value)
    request.MonitoringMode = ua.MonitoringMode(more.get("mode", 2))
    request.RequestedParameters.ClientHandle = handle
    request.RequestedParameters.QueueSize = more.get("size", 2)
    request.RequestedParameters.DiscardOldest = True
    if "filter" in more:
        request.RequestedParameters.Filter = more["filter"]
    return request


async def monitor(client: Client, subscription: int, *items: ua.MonitoredItemCreateRequest) -> list[int]:
    params = ua.CreateMonitoredItemsParameters(SubscriptionId=subscription, ItemsToCreate=list(items))
    params.TimestampsToReturn = ua.TimestampsToReturn.Both
    body = (await ask(client, kind_of("CreateMonitoredItems"), parameters(params))).body
    ids: list[int] = []
    for _ in range(body.uint32()):
        assert body.uint32() == 0
        ids.append(body.uint32())
        body.take(8 + 4 + 3)
    return ids


async def delete_items(client: Client, subscription: int, items: list[int]) -> None:
    params = ua.DeleteMonitoredItemsParameters(SubscriptionId=subscription, MonitoredItemIds=items)
    answer = await ask(client, kind_of("DeleteMonitoredItems"), parameters(params))
    assert (answer.status, answer.body.uint32()) == ("Good", len(items))
    assert [answer.body.uint32() for _ in items] == [0] * len(items)


async def call(client: Client, name: str, *arguments: int) -> tuple[str, list[Any]]:
    request = ua.CallMethodRequest(ObjectId=ua.NodeId(IDS.Server), MethodId=ua.NodeId(getattr(IDS, f"Server_{name}")))
    request.InputArguments = [ua.Variant(argument, KIND.UInt32) for argument in arguments]
    (result,) = await client.uaclient.call([request])
    return result.StatusCode.name, [output.Value for output in result.OutputArguments]


async def test_the_summary_tells_how_sessions_come_and_go(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.9
    internal = plant.gateway.plan.stack.internal
    first = await told(client, SUMMARY)
    assert (first.CurrentSessionCount, first.CumulatedSessionCount) == (1, 1)
    async with connected(plant):
        summary = await told(client, SUMMARY)
        assert (summary.CurrentSessionCount, summary.CumulatedSessionCount) == (2, 2)
    summary = await told(client, SUMMARY)
    assert (summary.CurrentSessionCount, summary.CumulatedSessionCount) == (1, 2)
    assert (summary.SessionTimeoutCount, summary.SessionAbortCount) == (0, 0)
    async with bare(plant) as lost:
        await activate(lost)
        lost.uaclient.protocol.transport.abort()
    await until(lambda: internal.ledger.aborted_sessions)
    async with bare(plant) as silent:
        await activate(silent)
        (session,) = (one for one in internal.session_service.registry if one.session_timeout == 60.0)
        session.last_activity -= 61.0  # so long was nothing heard of it
        internal.session_service.tick()
        assert internal.ledger.timed_out_sessions == 1
    summary = await told(client, SUMMARY)
    assert (summary.SessionTimeoutCount, summary.SessionAbortCount) == (1, 1)
    assert (summary.CurrentSessionCount, summary.CumulatedSessionCount) == (1, 4)
    for field in fields(summary):  # each is a variable too
        assert (field.name, await told(client, f"{SUMMARY}_{field.name}")) == (
            field.name,
            getattr(await told(client, SUMMARY), field.name),
        )


async def test_the_summary_tells_what_was_rejected(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.9: what was rejected for security is part of what was rejected
    async with bare(plant) as refused:
        with pytest.raises(UaStatusCodeError):
            await activate(refused, ua.UserNameIdentityToken(PolicyId="username", UserName="root", Password=b"secret"))
        assert (await ask(refused, kind_of("Read"), b"")).status == "BadSessionNotActivated"
    summary = await told(client, SUMMARY)
    assert (summary.RejectedSessionCount, summary.SecurityRejectedSessionCount) == (1, 1)
    assert (summary.RejectedRequestsCount, summary.SecurityRejectedRequestsCount) == (2, 1)
    for kind, body, token, status in (
        (kind_of("Browse"), b"", None, "BadDecodingError"),
        (kind_of("Call"), b"", None, "BadDecodingError"),
        (kind_of("Read"), b"", ua.NodeId(1), "BadSessionIdInvalid"),
        (kind_of("Call"), NOTHING, ua.NodeId(1), "BadSessionIdInvalid"),
        (kind_of("AddNodes"), NOTHING, None, "BadServiceUnsupported"),
        (kind_of("Publish"), NOTHING, None, "BadNoSubscription"),
    ):
        assert (await ask(client, kind, body, token=token)).status == status
    summary = await told(client, SUMMARY)
    assert (summary.RejectedRequestsCount, summary.SecurityRejectedRequestsCount) == (8, 1)
    assert (summary.RejectedSessionCount, summary.SecurityRejectedSessionCount) == (1, 1)


async def test_subscriptions_are_counted(plant: Plant, client: Client) -> None:
    async with connected(plant) as other:
        for owner, interval in ((client, 1000.0), (client, 1000.0), (other, 500.0)):
            await create_subscription(owner, RequestedPublishingInterval=interval)
        summary = await told(client, SUMMARY)
        assert (summary.CurrentSubscriptionCount, summary.CumulatedSubscriptionCount) == (3, 3)
        assert summary.PublishingIntervalCount == 2
        records = await told(client, SUBSCRIPTIONS)
        sessions = {record.SessionId: record for record in await told(client, SESSIONS)}
        assert [sessions[record.SessionId].CurrentSubscriptionsCount for record in records] == [2, 2, 1]
    summary = await told(client, SUMMARY)
    assert (summary.CurrentSubscriptionCount, summary.CumulatedSubscriptionCount) == (2, 3)
    assert summary.PublishingIntervalCount == 1


async def test_a_session_tells_who_it_is(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.11
    who = ua.ApplicationDescription(ApplicationUri="urn:panel", ApplicationName=ua.LocalizedText("Panel"))
    async with bare(
        plant,
        SessionName="shift 1",
        ClientDescription=who,
        ServerUri="urn:asked",
        timeout=61_000.0,
        MaxResponseMessageSize=70_000,
    ) as other:
        await activate(other, locales=["de", "en"])
        record = await session_of(client, "shift 1")
        assert (record.ClientDescription, record.ServerUri, record.EndpointUrl) == (who, "urn:asked", plant.url)
        assert (record.LocaleIds, record.ActualSessionTimeout) == (["de", "en"], 61_000.0)
        assert record.MaxResponseMessageSize == 70_000
        assert record.ClientConnectionTime <= record.ClientLastContactTime
        before = record.ClientLastContactTime
        await ask(other, kind_of("Read"), b"")
        record = await session_of(client, "shift 1")
        assert record.ClientLastContactTime > before


async def test_a_session_tells_what_it_asked(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.11: requests of every service, and those that were refused as a whole
    async with bare(plant, SessionName="counted") as other:
        await activate(other)
        first = await session_of(client, "counted")
        assert (first.TotalRequestCount.TotalCount, first.TotalRequestCount.ErrorCount) == (1, 0)
        expected: dict[str, tuple[int, int]] = {}
        for service in SERVICES:
            # A body that is empty, or an empty array, is refused by all of them in one way or another.
            for body in (b"", NOTHING, NOTHING):
                failed = (await ask(other, kind_of(service), body)).status != "Good"
                total, errors = expected.get(service, (0, 0))
                expected[service] = total + 1, errors + failed
        record = await session_of(client, "counted")
        counters = {service: getattr(record, f"{service}Count") for service in SERVICES}
        assert {name: (one.TotalCount, one.ErrorCount) for name, one in counters.items()} == expected
        assert record.TotalRequestCount.TotalCount == 1 + 3 * len(SERVICES)
        assert record.TotalRequestCount.ErrorCount == sum(errors for _, errors in expected.values())
        assert record.UnauthorizedRequestCount == 0
        assert (await told(client, SUMMARY)).RejectedRequestsCount == record.TotalRequestCount.ErrorCount


async def test_publish_requests_that_wait_and_those_too_many_are_counted(plant: Plant, client: Client) -> None:
    async with bare(plant, SessionName="eager") as other:
        await activate(other)
        subscription = await create_subscription(other)
        waiting = plant.gateway.plan.stack.internal.subscriptions.held[subscription].owner.publishing
        for _ in range(14):
            other.uaclient.protocol._send_request(ua.PublishRequest())  # type: ignore[reportPrivateUsage]  # not waited for
        await until(lambda: len(waiting) == 11)
        await ask(other, kind_of("Read"), b"")  # answered behind the others
        record = await session_of(client, "eager")
        assert record.CurrentPublishRequestsInQueue == 11
        assert (record.PublishCount.TotalCount, record.PublishCount.ErrorCount) == (14, 3)


async def test_a_subscription_tells_what_it_does(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.15
    subscription, *revised = await revised_subscription(client, Priority=9, MaxNotificationsPerPublish=77)
    first = await subscription_of(client, subscription)
    session = await session_of(client)
    assert (first.SessionId, first.Priority) == (session.SessionId, 9)
    assert [first.PublishingInterval, first.MaxLifetimeCount, first.MaxKeepAliveCount] == revised
    assert (first.MaxNotificationsPerPublish, first.PublishingEnabled, first.NextSequenceNumber) == (77, True, 1)
    level, count = plant.node("Level"), plant.node("Count")
    items = await monitor(client, subscription, item(level, 1), item(count, 2, mode=0), item(count, 3, mode=1, size=5))
    for value in (1.0, 2.0, 3.0):
        plant.put("Level", value)
    record = await subscription_of(client, subscription)
    assert (record.MonitoredItemCount, record.DisabledMonitoredItemCount) == (3, 1)
    assert (await session_of(client)).CurrentMonitoredItemsCount == 3
    for enabled in (False, True, True):
        body = bytes((enabled,)) + encode_statuses([subscription])[:8]
        await ask(client, kind_of("SetPublishingMode"), body)
    for sequence in (1, 5):
        republish = parameters(ua.RepublishParameters(SubscriptionId=subscription, RetransmitSequenceNumber=sequence))
        assert (await ask(client, kind_of("Republish"), republish)).status == "BadMessageNotAvailable"
    changed = ua.ModifySubscriptionParameters(SubscriptionId=subscription, RequestedPublishingInterval=50.0)
    changed.RequestedLifetimeCount, changed.RequestedMaxKeepAliveCount = 30_000, 10_000
    await ask(client, kind_of("ModifySubscription"), parameters(changed))
    published = await ask(client, kind_of("Publish"), NOTHING)
    assert published.status == "Good"
    record = await subscription_of(client, subscription)
    assert (record.ModifyCount, record.EnableCount, record.DisableCount) == (1, 2, 1)
    assert (record.RepublishRequestCount, record.RepublishMessageRequestCount) == (2, 2)
    assert (record.RepublishMessageCount, record.PublishRequestCount) == (0, 1)
    assert (record.DataChangeNotificationsCount, record.NotificationsCount) == (2, 2)
    assert (record.UnacknowledgedMessageCount, record.NextSequenceNumber) == (1, 2)
    assert record.MonitoringQueueOverflowCount == 2
    await delete_items(client, subscription, items[:2])
    record = await subscription_of(client, subscription)
    assert (record.MonitoredItemCount, record.DisabledMonitoredItemCount) == (1, 0)
    assert record.MonitoringQueueOverflowCount == 2, "counts never fall"
    plant.put("Count", 1)
    mode = ua.SetMonitoringModeParameters(SubscriptionId=subscription, MonitoredItemIds=items[2:])
    mode.MonitoringMode = ua.MonitoringMode.Reporting
    await ask(client, kind_of("SetMonitoringMode"), parameters(mode))
    await until(lambda: _late(plant, subscription))
    record = await subscription_of(client, subscription)
    assert record.LatePublishRequestCount == 1
    assert record.CurrentLifetimeCount > 0
    same = ua.ApplicationDescription(ApplicationUri=client.application_uri)
    async with bare(plant, SessionName="taking", ClientDescription=same) as taking:
        await activate(taking)
        moved = ua.TransferSubscriptionsParameters(SubscriptionIds=[subscription], SendInitialValues=False)
        assert (await ask(taking, kind_of("TransferSubscriptions"), parameters(moved))).status == "Good"
        record = await subscription_of(taking, subscription)
        assert record.SessionId == (await session_of(taking, "taking")).SessionId != session.SessionId
        assert (record.TransferRequestCount, record.TransferredToSameClientCount) == (1, 1)
        assert record.TransferredToAltClientCount == 0


def _late(plant: Plant, subscription: int) -> int:
    return plant.gateway.plan.stack.internal.subscriptions.held[subscription].core.counters.late


def _name(client: Client) -> str:
    return f"{client.description} Session{client._session_counter}"  # type: ignore[reportPrivateUsage]  # as above


async def test_lost_events_are_counted_and_told(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 12.15 EventQueueOverflowCount
    subscription = await create_subscription(client)
    clause = ua.SimpleAttributeOperand(ua.NodeId(IDS.BaseEventType), [ua.QualifiedName("Severity")])
    clause.AttributeId = ua.AttributeIds.Value
    chosen = ua.EventFilter(SelectClauses=[clause])
    events = item(ua.NodeId(IDS.Server), 1, attribute=ua.AttributeIds.EventNotifier, filter=chosen, size=2)
    items = await monitor(client, subscription, events)
    server = plant.gateway.plan.stack.internal
    emitter = Emitter(server.events, abstract=True)
    for _ in range(5):
        server.subscriptions.happened(emitter.make(BASE_EVENT_TYPE, SERVER, "something happened", 100))
    held = server.subscriptions.held[subscription].core
    await until(lambda: held.waiting)
    record = await subscription_of(client, subscription)
    assert (record.MonitoringQueueOverflowCount, record.EventQueueOverflowCount) == (3, 1)
    await delete_items(client, subscription, items)
    record = await subscription_of(client, subscription)
    assert (record.MonitoringQueueOverflowCount, record.EventQueueOverflowCount) == (3, 1)


async def test_diagnostics_can_be_monitored(plant: Plant, client: Client) -> None:
    seen: list[int] = []

    class Seen:
        def datachange_notification(self, _node: Any, value: Any, _data: Any) -> None:
            seen.append(value)

    subscription = await client.create_subscription(50, Seen())
    await subscription.subscribe_data_change(client.get_node(node(f"{SUMMARY}_CurrentSessionCount")))
    await until(lambda: seen == [1])
    async with connected(plant):
        await until(lambda: seen == [1, 2])
    await until(lambda: seen == [1, 2, 1])
    await subscription.delete()


async def test_who_is_on_the_other_end_is_nobodys_to_know(client: Client) -> None:
    # Part 5 v1.05 6.3.5: SessionSecurityDiagnosticsArray is for administrators
    with pytest.raises(UaStatusCodeError) as refused:
        await told(client, SECURITY)
    assert refused.value.code == ua.StatusCodes.BadUserAccessDenied
    with pytest.raises(UaStatusCodeError) as refused:
        await client.get_node(node(SECURITY)).read_attribute(ua.AttributeIds.UserAccessLevel)
    assert refused.value.code == ua.StatusCodes.BadUserAccessDenied


async def test_diagnostics_are_always_on(client: Client) -> None:
    # Part 5 v1.05 6.3.3 EnabledFlag
    assert await told(client, "EnabledFlag") is True
    assert await told(client, "SamplingIntervalDiagnosticsArray") == []
    with pytest.raises(UaStatusCodeError) as refused:
        await client.get_node(node("EnabledFlag")).write_value(ua.DataValue(ua.Variant(Value=False)))
    assert refused.value.code == ua.StatusCodes.BadNotWritable


async def test_threat_18_what_a_client_says_of_itself_hides_nobody(plant: Plant, client: Client) -> None:
    with pytest.raises(UaStatusCodeError) as refused:
        async with bare(plant, SessionName="\udcff\udcfe"):
            pass
    assert refused.value.code == ua.StatusCodes.BadDecodingError
    async with bare(plant, SessionName="n" * 10_000, ServerUri="s" * 50_000) as other:
        await activate(other)
        names = [record.SessionName for record in await told(client, SESSIONS)]
        assert names == [_name(client), "n" * 512]


async def test_monitored_items_are_listed_for_their_session_alone(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 9.1; an Observer calls it too
    subscription = await create_subscription(client)
    empty: list[int] = []
    assert await call(client, "GetMonitoredItems", subscription) == ("Good", [empty, empty])
    level, name = plant.node("Level"), plant.node("Name")
    items = await monitor(client, subscription, item(level, 11), item(name, 4_000_000_000, mode=0))
    assert await call(client, "GetMonitoredItems", subscription) == ("Good", [items, [11, 4_000_000_000]])
    assert await call(client, "GetMonitoredItems", NOBODY) == ("BadSubscriptionIdInvalid", [])
    assert await call(client, "GetMonitoredItems") == ("BadArgumentsMissing", [])
    async with connected(plant) as other:
        assert await call(other, "GetMonitoredItems", subscription) == ("BadUserAccessDenied", [])


async def test_reporting_items_send_their_values_again(plant: Plant, client: Client) -> None:
    # Part 5 v1.05 9.2
    seen: list[Any] = []

    class Seen:
        def datachange_notification(self, node: Any, value: Any, _data: Any) -> None:
            seen.append((node.nodeid, value))

    subscription = await client.create_subscription(50, Seen())
    level, name = plant.node("Level"), plant.node("Name")
    await subscription.subscribe_data_change([client.get_node(level), client.get_node(name)])
    silent = await monitor(client, subscription.subscription_id, item(plant.node("Count"), 3, mode=1))
    assert silent
    await until(lambda: sorted(seen, key=str) == sorted([(level, 12.5), (name, "Fräse")], key=str))
    seen.clear()
    assert await call(client, "ResendData", subscription.subscription_id) == ("Good", [])
    await until(lambda: sorted(seen, key=str) == sorted([(level, 12.5), (name, "Fräse")], key=str))
    assert await call(client, "ResendData", NOBODY) == ("BadSubscriptionIdInvalid", [])
    async with connected(plant) as other:
        assert await call(other, "ResendData", subscription.subscription_id) == ("BadUserAccessDenied", [])
    await subscription.delete()


@pytest.mark.parametrize("name", ["GetMonitoredItems", "ResendData", "SetSubscriptionDurable"])
async def test_the_methods_show_that_an_observer_may_call_them(client: Client, name: str) -> None:
    for owner in ("Server", "ServerType"):
        method = client.get_node(ua.NodeId(getattr(IDS, f"{owner}_{name}")))
        for attribute in (ua.AttributeIds.Executable, ua.AttributeIds.UserExecutable):
            assert (await method.read_attribute(attribute)).Value.Value is True
