"""The metrics endpoint, asked over a real socket."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from server.metrics.endpoint import MOST_CONNECTIONS, MetricsEndpoint, MetricsError
from server.metrics.exposition import Family, write
from server.metrics.scrape import FRESH, Scrape
from server.metrics.settings import MetricsSettings
from tests.clock import ManualClock


def _families() -> Iterator[Family]:
    labels = (("device", 'say "hi"\n\\'),)
    yield Family("plantspace", "info", "The gateway.", [((("name", "x"),), 1)])
    yield Family("plantspace_samples_acquired", "counter", "Samples.", [(labels, 12345678901234)])
    yield Family("plantspace_rate", "gauge", "A rate.", [((), 0.5)])
    yield Family("plantspace_nothing", "gauge", "Nobody.", [])


@asynccontextmanager
async def _serving() -> AsyncGenerator[tuple[str, int]]:
    endpoint = MetricsEndpoint(MetricsSettings(listen="127.0.0.1:0"), _families)
    await endpoint.start()
    try:
        parts = urlsplit(endpoint.url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port
    finally:
        await endpoint.stop()


async def _ask(address: tuple[str, int], request: str) -> tuple[str, str]:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request.encode())
        answer = (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return head, body


async def _refused(address: tuple[str, int], request: str) -> bool:
    """Tell whether the endpoint hangs up without a word."""
    try:
        return await _ask(address, request) == ("", "")
    except ConnectionError:
        return True


async def test_both_formats_are_served() -> None:
    async with _serving() as address:
        head, body = await _ask(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert head.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
        assert "# TYPE plantspace_samples_acquired_total counter\n" in body
        assert 'plantspace_samples_acquired_total{device="say \\"hi\\"\\n\\\\"} 12345678901234\n' in body
        assert "plantspace_rate 0.5\n" in body
        assert "plantspace_nothing" not in body
        accept = "Accept: application/openmetrics-text; version=1.0.0\r\n"
        head, body = await _ask(address, f"GET /metrics HTTP/1.1\r\nHost: x\r\n{accept}\r\n")
        assert "Content-Type: application/openmetrics-text" in head
        assert "# TYPE plantspace info\n" in body
        assert "# TYPE plantspace_samples_acquired counter\n" in body
        assert body.endswith("\n# EOF\n")
        head, body = await _ask(address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (head.partition("\r\n")[0], body) == ("HTTP/1.1 200 OK", "")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("GET /metrics/../x HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("hello\r\n\r\n", "400 Bad Request"),
    ],
)
async def test_nothing_else_is_served(request_: str, status: str) -> None:
    async with _serving() as address:
        head, body = await _ask(address, request_)
        assert (head.partition("\r\n")[0], body) == (f"HTTP/1.1 {status}", "")


async def test_silent_connections_make_room_for_who_asks() -> None:
    async with _serving() as address:
        held = [await asyncio.open_connection(*address) for _ in range(MOST_CONNECTIONS + 1)]
        head, _ = await _ask(address, "GET /metrics HTTP/1.1\r\n\r\n")
        assert head.startswith("HTTP/1.1 200")
        for reader, _ in held[:2]:  # the oldest
            with suppress(ConnectionError):
                assert await reader.read() == b""
        _, writer = held[-1]
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await held[-1][0].read()).startswith(b"HTTP/1.1 200")
        for _, writer in held:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        assert await _refused(address, f"GET /metrics HTTP/1.1\r\nX: {'x' * 100_000}")


async def test_collectors_that_ask_within_a_second_are_told_the_same() -> None:
    looks: list[int] = []

    def looked() -> Iterator[Family]:
        looks.append(threading.get_ident())
        yield Family("plantspace_looks", "gauge", "Looks.", [((), len(looks))])

    clock = ManualClock()
    scrape = Scrape(looked, clock.monotonic)
    first = await scrape.text(openmetrics=True)
    assert b"plantspace_looks 1\n" in first
    assert await scrape.text(openmetrics=True) is first
    assert b"plantspace_looks 1\n" in await scrape.text(openmetrics=False)
    await clock.advance(FRESH)
    assert b"plantspace_looks 2\n" in await scrape.text(openmetrics=True)
    assert set(looks) == {threading.get_ident()}, "the books belong to the event loop"


async def test_text_is_written_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    writers: list[int] = []

    def written(families: Iterable[Family], *, openmetrics: bool) -> bytes:
        writers.append(threading.get_ident())
        return write(families, openmetrics=openmetrics)

    monkeypatch.setattr("server.metrics.scrape.write", written)
    await Scrape(_families, ManualClock().monotonic).text(openmetrics=False)
    assert threading.get_ident() not in writers


@pytest.mark.parametrize(("value", "text"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (2.0, "2")])
def test_numbers_that_are_none_are_written_as_the_format_says(value: float, text: str) -> None:
    body = write([Family("x", "gauge", "X.", [((), value)])], openmetrics=True).decode()
    assert f"\nx {text}\n" in body


async def test_a_port_that_is_taken_is_told() -> None:
    async with _serving() as (host, port):
        with pytest.raises(MetricsError, match=r"metrics: listen:"):
            await MetricsEndpoint(MetricsSettings(listen=f"{host}:{port}"), _families).start()


def test_settings_keep_to_loopback_unless_told_otherwise() -> None:
    assert MetricsSettings().address == ("127.0.0.1", 9464)
    assert MetricsSettings(listen="[::1]:1").address == ("::1", 1)
    for text in ("9464", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1"):
        with pytest.raises(ValidationError, match="an address and a port"):
            MetricsSettings(listen=text)
