from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from historian.contract import HistoryStore
from historian.influx.store import InfluxStore
from tests.conformance.store import StoreConformance
from tests.influxdb import InfluxServer, running, settings_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxServer]:
    with running(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


class TestInfluxStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def _on(self, server: InfluxServer) -> None:
        self.url = server.url

    def make(self, folder: Path) -> HistoryStore:
        return InfluxStore(settings_for(self.url, folder))
