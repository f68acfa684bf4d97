"""A real server for the tests of this folder, and a way to it that can be disturbed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.influx_proxy import InfluxProxy
from tests.influxdb import InfluxServer, running


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    with running(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


@pytest.fixture
async def proxy(server: InfluxServer) -> AsyncIterator[InfluxProxy]:
    async with InfluxProxy(server).listening() as proxy:
        yield proxy
