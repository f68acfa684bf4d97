from __future__ import annotations

from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary

from core.time import now, to_datetime
from nodesets.built_in_types import LocalizedText
from server.address_space.session_context import SessionContext
from server.ua_stack.diagnostics.requests import SERVICES, kind_of
from server.ua_stack.diagnostics.session_record import SessionRecord
from server.ua_stack.session.requests import ApplicationDescription
from tests.unit.server.ua_stack.diagnostics.sessions import Session, created


def decoded(body: bytes) -> Any:
    buffer = Buffer(body)
    told = struct_from_binary(ua.SessionDiagnosticsDataType, buffer)
    assert not len(buffer)
    return told


def test_every_field_is_in_its_place() -> None:
    # Part 5 v1.05 12.11
    session = Session(context=SessionContext(locales=("de", "en")), session_timeout=12.5, idle=30.0)
    session.publishing += [1, 2, 3]
    for position, service in enumerate(SERVICES):
        for _ in range(position + 1):
            session.requests.received(kind_of(service))
    session.requests.failed(kind_of("Write"), ua.StatusCodes.BadUserAccessDenied)
    client = ApplicationDescription(
        "urn:client",
        "urn:product",
        LocalizedText("en", "Panel"),
        1,
        "urn:between",
        "urn:profile",
        ("opc.tcp://a", "opc.tcp://b"),
    )
    before = to_datetime(now())
    record = SessionRecord(
        session.real,
        created(
            name="shift 1",
            client=client,
            server_uri="urn:server",
            endpoint_url="opc.tcp://here",
            most_response=65536,
        ),
    )
    after = to_datetime(now())
    told = decoded(record.encoded(4, 5))
    assert (told.SessionId, told.SessionName) == (ua.NodeId(ua.Int32(77)), "shift 1")
    assert told.ClientDescription == ua.ApplicationDescription(
        ApplicationUri="urn:client",
        ProductUri="urn:product",
        ApplicationName=ua.LocalizedText("Panel", "en"),
        ApplicationType=ua.ApplicationType.Client,
        GatewayServerUri="urn:between",
        DiscoveryProfileUri="urn:profile",
        DiscoveryUrls=["opc.tcp://a", "opc.tcp://b"],
    )
    assert (told.ServerUri, told.EndpointUrl, told.LocaleIds) == ("urn:server", "opc.tcp://here", ["de", "en"])
    assert (told.ActualSessionTimeout, told.MaxResponseMessageSize) == (12_500.0, 65536)
    assert before <= told.ClientConnectionTime <= after
    assert 29.0 < (told.ClientConnectionTime - told.ClientLastContactTime).total_seconds() <= 30.0
    assert told.CurrentSubscriptionsCount == 4
    assert told.CurrentMonitoredItemsCount == 5
    assert told.CurrentPublishRequestsInQueue == 3
    assert told.UnauthorizedRequestCount == 1
    assert told.TotalRequestCount == ua.ServiceCounterDataType(sum(range(1, len(SERVICES) + 1)), 1)
    for position, service in enumerate(SERVICES):
        counter = getattr(told, f"{service}Count")
        assert (service, counter.TotalCount, counter.ErrorCount) == (service, position + 1, int(service == "Write"))


def test_threat_18_little_is_kept_of_what_is_too_much() -> None:
    client = ApplicationDescription(
        "u" * 1_000_000, name=LocalizedText(None, "n" * 1_000_000), discovery_urls=("x",) * 100_000
    )
    session = Session(context=SessionContext(locales=("l" * 1000,) * 1000))
    encoded = SessionRecord(session.real, created("s" * 1_000_000, client)).encoded(0, 0)
    assert len(encoded) < 20_000
    told = decoded(encoded)
    assert told.SessionName == "s" * 512
    assert len(told.LocaleIds) == len(told.ClientDescription.DiscoveryUrls) == 16


def test_counters_begin_anew_where_their_type_ends() -> None:
    session = Session()
    session.requests.unauthorized = 2**32 + 5
    assert decoded(SessionRecord(session.real, created()).encoded(0, 0)).UnauthorizedRequestCount == 5
