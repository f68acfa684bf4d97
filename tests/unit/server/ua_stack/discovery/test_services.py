"""GetEndpoints and FindServers from bytes to bytes, as another decoder reads them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from core.security_mode import SecurityMode
from server.address_space.decoding import DecodingError
from server.ua_stack.discovery.descriptions import TRANSPORT_PROFILE, ApplicationName
from server.ua_stack.discovery.offered import OfferedEndpoint, issuer_endpoint
from server.ua_stack.discovery.own_urls import MachineNames, OwnUrls
from server.ua_stack.discovery.services import SERVICES, Discovery
from server.ua_stack.session.user_tokens import ANONYMOUS, CERTIFICATE, ISSUED, JWT, USER_NAME, TokenPolicy

SHA256 = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
NONE = "http://opcfoundation.org/UA/SecurityPolicy#None"
URL = "opc.tcp://10.0.0.7:4840"
CHAIN = b"0\x03leaf0\x03root"
GATEWAY = ApplicationName("urn:gw-1:plantspace:line-1", "https://plantspace.io/", "Plantspace line-1")
ISSUER = issuer_endpoint("https://login.example", "gateway")
IN_CHANNEL = (
    TokenPolicy("anonymous", ANONYMOUS),
    TokenPolicy("user_name", USER_NAME),
    TokenPolicy("certificate", CERTIFICATE),
    TokenPolicy("jwt", ISSUED, "", JWT, ISSUER),
)
IN_THE_CLEAR = (
    TokenPolicy("anonymous", ANONYMOUS),
    TokenPolicy("user_name_basic256sha256", USER_NAME, SHA256),
    TokenPolicy("certificate_basic256sha256", CERTIFICATE, SHA256),
    TokenPolicy("jwt_basic256sha256", ISSUED, SHA256, JWT, ISSUER),
)
OFFERED = (
    OfferedEndpoint(NONE, SecurityMode.NONE, 0, CHAIN, IN_THE_CLEAR),
    OfferedEndpoint(SHA256, SecurityMode.SIGN, 50, CHAIN, IN_CHANNEL),
    OfferedEndpoint(SHA256, SecurityMode.SIGN_AND_ENCRYPT, 70, CHAIN, IN_CHANNEL),
)


def discovery(offered: Sequence[OfferedEndpoint] = OFFERED) -> Discovery:
    made = Discovery(GATEWAY, OwnUrls(URL, ("gate.example",), lambda: MachineNames((), ())))
    made.offer(offered)
    return made


def endpoints(encoded: bytes) -> list[ua.EndpointDescription]:
    return array(ua.EndpointDescription, encoded)


def servers(encoded: bytes) -> list[ua.ApplicationDescription]:
    return array(ua.ApplicationDescription, encoded)


def array(kind: Any, encoded: bytes) -> list[Any]:
    buffer = Buffer(encoded[4:])
    told = [struct_from_binary(kind, buffer) for _ in range(int.from_bytes(encoded[:4], "little"))]
    assert len(buffer) == 0, "nothing follows"
    return told


def asking(url: str | None = URL, profiles: Sequence[str] = (), locales: Sequence[str] = ()) -> bytes:
    return struct_to_binary(
        ua.GetEndpointsParameters(EndpointUrl=url, LocaleIds=list(locales), ProfileUris=list(profiles))
    )


def finding(url: str | None = URL, uris: Sequence[str] = (), locales: Sequence[str] = ()) -> bytes:
    return struct_to_binary(ua.FindServersParameters(EndpointUrl=url, LocaleIds=list(locales), ServerUris=list(uris)))


def test_endpoints_say_all_that_a_client_needs() -> None:
    told = endpoints(discovery().get_endpoints(asking("opc.tcp://gate.example:4840", locales=["de", "en"])))
    assert [(one.SecurityMode, one.SecurityPolicyUri, one.SecurityLevel) for one in told] == [
        (ua.MessageSecurityMode.SignAndEncrypt, SHA256, 70),
        (ua.MessageSecurityMode.Sign, SHA256, 50),
        (ua.MessageSecurityMode.None_, NONE, 0),
    ]
    for one in told:
        assert one.EndpointUrl == "opc.tcp://gate.example:4840"
        assert one.TransportProfileUri == TRANSPORT_PROFILE
        assert one.ServerCertificate == CHAIN
        assert one.Server.ApplicationUri == GATEWAY.uri
        assert one.Server.ProductUri == GATEWAY.product_uri
        assert one.Server.ApplicationName.Text == GATEWAY.name
        assert one.Server.ApplicationType is ua.ApplicationType.Server
        assert one.Server.DiscoveryUrls == ["opc.tcp://gate.example:4840", URL]
        kinds = [ua.UserTokenType.Anonymous, ua.UserTokenType.UserName, ua.UserTokenType.Certificate]
        assert [token.TokenType for token in one.UserIdentityTokens] == [*kinds, ua.UserTokenType.IssuedToken]
    jwt = told[0].UserIdentityTokens[3]
    assert jwt.IssuedTokenType == JWT
    assert json.loads(jwt.IssuerEndpointUrl)["ua:authorityUrl"] == "https://login.example"


def test_threat_21_no_secret_is_asked_for_in_the_clear() -> None:
    *secured, clear = endpoints(discovery().get_endpoints(asking()))
    for endpoint in secured:
        assert all(not token.SecurityPolicyUri for token in endpoint.UserIdentityTokens)
    assert [token.SecurityPolicyUri or "" for token in clear.UserIdentityTokens] == ["", SHA256, SHA256, SHA256]
    without_key = OfferedEndpoint(NONE, SecurityMode.NONE, 0, b"", IN_THE_CLEAR)
    without_policy = OfferedEndpoint(NONE, SecurityMode.NONE, 0, CHAIN, IN_CHANNEL)
    named_none = OfferedEndpoint(NONE, SecurityMode.NONE, 0, CHAIN, (TokenPolicy("user_name", USER_NAME, NONE),))
    for endpoint in (without_key, without_policy, named_none):
        (told,) = endpoints(discovery([endpoint]).get_endpoints(asking()))
        assert {token.TokenType for token in told.UserIdentityTokens} <= {ua.UserTokenType.Anonymous}


def test_only_endpoints_of_the_profiles_asked_for_are_told() -> None:
    service = discovery()
    https = "http://opcfoundation.org/UA-Profile/Transport/https-uabinary"
    assert endpoints(service.get_endpoints(asking(profiles=[https]))) == []
    assert len(endpoints(service.get_endpoints(asking(profiles=[https, TRANSPORT_PROFILE])))) == 3
    assert len(endpoints(service.get_endpoints(asking(profiles=[""])))) == 3


def test_find_servers_gives_this_one_by_its_whole_uri() -> None:
    service = discovery()
    (told,) = servers(service.find_servers(finding()))
    assert (told.ApplicationUri, told.DiscoveryUrls) == (GATEWAY.uri, [URL, "opc.tcp://gate.example:4840"])
    assert len(servers(service.find_servers(finding(uris=["urn:other", GATEWAY.uri])))) == 1
    for other in ("urn:other", "urn", "urn:gw-1", GATEWAY.uri + ":more", GATEWAY.uri.upper()):
        assert servers(service.find_servers(finding(uris=[other]))) == []


def test_threat_11_a_foreign_host_is_not_echoed() -> None:
    service = discovery()
    for url in ("opc.tcp://evil.example:4840", None, "", "opc.tcp://"):
        assert {one.EndpointUrl for one in endpoints(service.get_endpoints(asking(url)))} == {URL}
        (told,) = servers(service.find_servers(finding(url), "opc.tcp://evil.example:4840"))
        assert told.DiscoveryUrls == [URL, "opc.tcp://gate.example:4840"]
    by_hello = endpoints(service.get_endpoints(asking("opc.tcp://evil.example:1"), "opc.tcp://gate.example:4840"))
    assert by_hello[0].EndpointUrl == "opc.tcp://gate.example:4840"
    assert service.endpoints("opc.tcp://evil.example:1") == service.endpoints(None)
    assert service.knows(URL)
    assert not service.knows("opc.tcp://evil.example:4840")


@pytest.mark.parametrize("name", ["RegisterServer", "RegisterServer2", "FindServersOnNetwork"])
def test_threat_11_it_is_no_discovery_server(name: str) -> None:
    service = SERVICES[int(getattr(ua.ObjectIds, f"{name}Request_Encoding_DefaultBinary"))]
    with pytest.raises(ServiceError) as refused:
        service.answer(discovery(), b"", "")
    assert refused.value.code == ua.StatusCodes.BadServiceUnsupported
    assert service.response == getattr(ua.ObjectIds, f"{name}Response_Encoding_DefaultBinary")


def test_services_are_found_by_their_requests() -> None:
    service = discovery()
    get = SERVICES[ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary]
    assert get.answer(service, asking(), "") == service.get_endpoints(asking())
    find = SERVICES[ua.ObjectIds.FindServersRequest_Encoding_DefaultBinary]
    assert find.answer(service, finding(), "") == service.find_servers(finding())


def test_answers_are_kept_until_something_changes() -> None:
    service = discovery()
    before = service.endpoints(URL)
    assert service.endpoints(URL) is before
    for port in range(1, 200):  # each is another URL
        service.endpoints(f"opc.tcp://gate.example:{port}")
    assert len(service._kept) == 32
    service.offer(OFFERED[:1])
    assert len(endpoints(service.endpoints(URL))) == 1
    service._urls._learn(MachineNames(("gw-2",), ()))
    assert endpoints(service.endpoints("opc.tcp://gw-2:4840"))[0].EndpointUrl == "opc.tcp://gw-2:4840"


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_are_answered_or_refused(data: bytes, cut: int) -> None:
    service = discovery()
    for body in (data, asking()[:cut], asking()[:cut] + data):
        for answer in (service.get_endpoints, service.find_servers):
            with contextlib.suppress(DecodingError, ServiceError):
                answer(body)


@given(st.text(max_size=50), st.lists(st.text(max_size=20), max_size=5), st.lists(st.text(max_size=20), max_size=5))
def test_whatever_is_asked_is_read_to_its_end(url: str, some: list[str], more: list[str]) -> None:
    service = discovery()
    service.get_endpoints(asking(url, some, more))
    service.find_servers(finding(url, some, more))


def test_a_list_longer_than_any_client_sends_is_refused() -> None:
    with pytest.raises(ServiceError):
        discovery().get_endpoints(asking(locales=["en"] * 1001))
    with pytest.raises(DecodingError):
        discovery().find_servers(b"\xff\xff\xff\xff" + b"\xff\xff\xff\x7f")
