"""A real InfluxDB 1.x server in another process, on free loopback ports."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.settings import Secret
from historian.influx.settings import InfluxSettings
from tests.broker import free_port
from tests.server_process import ServerProcess

STARTS_WITHIN = 60.0
STOPS_WITHIN = 60.0


class InfluxServer:
    """One ``influxd`` with its folder. May be killed and started again on the same port, as after an outage."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, program: str) -> None:
        """Lay down the configuration in ``folder``; nothing runs before :meth:`start`."""
        self.folder = folder
        self.port = free_port()
        self._program = program
        self._process = ServerProcess(
            f"influxd on port {self.port}",
            folder / "influxd.log",
            starts_within=STARTS_WITHIN,
            stops_within=STOPS_WITHIN,
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._configuration = folder / "influxdb.conf"
        self._configuration.write_text(
            f"""
reporting-disabled = true
bind-address = "{self.host}:{free_port()}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[coordinator]
[monitor]
store-enabled = false
[subscriber]
enabled = false
[continuous_queries]
enabled = false
[http]
bind-address = "{self.host}:{self.port}"
log-enabled = false
[logging]
level = "warn"
suppress-logo = true
""",
            encoding="utf-8",
        )

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process; 0 while none runs."""
        return self._process.pid

    def start(self) -> None:
        """Start it, and return once it answers. Raises :class:`RuntimeError` with its log if it does not."""
        environment = {"HOME": str(self.folder), "PATH": os.environ.get("PATH", "")}
        self._process.start([self._program, "-config", str(self._configuration)], self.answers, environment)

    def stop(self) -> None:
        """End it as an operator would. Harmless when it does not run."""
        self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()

    def answers(self) -> bool:
        """Tell whether it answers a ping."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.NO_CONTENT
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def find_influxd() -> str | None:
    """Give the path of the server's program."""
    return shutil.which("influxd") or shutil.which("influxd", path="/usr/bin:/usr/local/bin")


@contextmanager
def running(folder: Path) -> Generator[InfluxServer]:
    """Run a server for a while; skips the test, and says so, where none is installed."""
    program = find_influxd()
    if program is None:
        pytest.skip("influxd is not installed (apt-get install influxdb)")
    server = InfluxServer(folder, program)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def settings_for(url: str, place: Path, **more: Any) -> InfluxSettings:
    """Give settings for a database, or on 2.x a measurement, that belongs to the folder ``place`` alone.

    PLANTSPACE_INFLUXDB2_URL, _TOKEN and _ORG (and _BUCKET, by default ``plantspace``) turn the same tests on a 2.x or
    3.x server, where ``url`` is not looked at.
    """
    name = f"t{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
    second = os.environ.get("PLANTSPACE_INFLUXDB2_URL")
    if second:
        return InfluxSettings(
            url=second,
            api="v2",
            org=os.environ["PLANTSPACE_INFLUXDB2_ORG"],
            bucket=os.environ.get("PLANTSPACE_INFLUXDB2_BUCKET", "plantspace"),
            token=Secret(os.environ["PLANTSPACE_INFLUXDB2_TOKEN"]),
            measurement=f"{name}_{os.getpid()}",
            **more,
        )
    return InfluxSettings(url=url, database=name, create=True, **more)
