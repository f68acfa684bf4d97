"""GetEndpoints and FindServers from bytes to bytes (Part 4 v1.05 5.5), for anyone who asks, before any session.

FindServersOnNetwork, RegisterServer and RegisterServer2 are those of a discovery server, which this is not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from asyncua import ua
from asyncua.common.utils import ServiceError

from server.address_space.decoding import Cursor
from server.address_space.encoding import encode_array
from server.ua_stack.discovery.descriptions import (
    TRANSPORT_PROFILE,
    ApplicationName,
    encode_application,
    encode_endpoints,
)
from server.ua_stack.discovery.offered import OfferedEndpoint
from server.ua_stack.discovery.own_urls import OwnUrls

_LEAST_STRING = 4
_MOST_STRINGS = 1000
_MOST_KEPT = 32
"""Answers that are kept encoded: one for each URL by which clients come."""
_NOTHING: Final = encode_array(())
_ids = ua.ObjectIds


class Answer(NamedTuple):
    """What is kept for a URL: the ApplicationDescription and the array of EndpointDescriptions."""

    application: bytes
    endpoints: bytes


class Discovery:
    """Tells clients what there is to connect to. Nothing in an answer is a client's word."""

    def __init__(self, application: ApplicationName, urls: OwnUrls) -> None:
        """Begin without endpoints."""
        self._application = application
        self._urls = urls
        self._offered: tuple[OfferedEndpoint, ...] = ()
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        urls.on_change = self._kept.clear

    def offer(self, offered: Sequence[OfferedEndpoint]) -> None:
        """Tell of these endpoints from now on; again whenever certificates or ways to log in change."""
        self._offered = tuple(offered)
        self._kept.clear()

    def knows(self, url: str | None) -> bool:
        """Tell whether a URL names a host of ours."""
        return self._urls.knows(url)

    def endpoints(self, *urls: str | None) -> bytes:
        """Give the encoded array of EndpointDescriptions, as CreateSession's answer has it (Part 4 v1.05 5.7.2.2).

        ``urls``: what the client says it came by, the more telling one first.
        """
        return self._answer(*urls).endpoints

    def get_endpoints(self, body: bytes, hello_url: str = "") -> bytes:
        """Answer a GetEndpointsRequest's parameters (5.5.4). Raises :class:`DecodingError`, :class:`ServiceError`."""
        cursor = Cursor(body)
        url = cursor.string()
        for _ in _strings(cursor):  # LocaleIds: the application's name is the same in every language
            pass
        profiles = {uri.rstrip("/") for uri in _strings(cursor) if uri}
        if profiles and TRANSPORT_PROFILE not in profiles:
            return _NOTHING
        return self.endpoints(url, hello_url)

    def find_servers(self, body: bytes, hello_url: str = "") -> bytes:
        """Answer a FindServersRequest's parameters (5.5.2): this server. Raises likewise."""
        cursor = Cursor(body)
        url = cursor.string()
        for _ in _strings(cursor):  # LocaleIds
            pass
        wanted = set(_strings(cursor))
        if wanted and self._application.uri not in wanted:
            return _NOTHING
        return encode_array((self._answer(url, hello_url).application,))

    def _answer(self, *asked: str | None) -> Answer:
        url = self._urls.answer(*asked)
        kept = self._kept.get(url)
        if kept is None:
            urls = self._urls.discovery_urls(url)
            application = encode_application(self._application, urls)
            kept = self._kept[url] = Answer(application, encode_endpoints(self._application, urls, self._offered))
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(url)
        return kept


class DiscoveryService(NamedTuple):
    """``response``: the type of the answer; ``answer``: takes the request's parameters and Hello's URL."""

    response: int
    answer: Callable[[Discovery, bytes, str], bytes]


def _refuse(discovery: Discovery, body: bytes, hello_url: str) -> bytes:
    del discovery, body, hello_url
    raise ServiceError(ua.StatusCodes.BadServiceUnsupported)


SERVICES: Final = {
    int(request): DiscoveryService(int(response), answer)
    for request, response, answer in (
        (
            _ids.GetEndpointsRequest_Encoding_DefaultBinary,
            _ids.GetEndpointsResponse_Encoding_DefaultBinary,
            Discovery.get_endpoints,
        ),
        (
            _ids.FindServersRequest_Encoding_DefaultBinary,
            _ids.FindServersResponse_Encoding_DefaultBinary,
            Discovery.find_servers,
        ),
        (
            _ids.FindServersOnNetworkRequest_Encoding_DefaultBinary,
            _ids.FindServersOnNetworkResponse_Encoding_DefaultBinary,
            _refuse,
        ),
        (
            _ids.RegisterServerRequest_Encoding_DefaultBinary,
            _ids.RegisterServerResponse_Encoding_DefaultBinary,
            _refuse,
        ),
        (
            _ids.RegisterServer2Request_Encoding_DefaultBinary,
            _ids.RegisterServer2Response_Encoding_DefaultBinary,
            _refuse,
        ),
    )
}
"""The services that need no session, by the type of their request."""


def _strings(cursor: Cursor) -> Iterator[str]:
    """Read an array of Strings; null ones are empty."""
    count = cursor.count(_LEAST_STRING)
    if count > _MOST_STRINGS:
        raise ServiceError(ua.StatusCodes.BadTooManyOperations)
    for _ in range(count):
        yield cursor.string() or ""
