"""Fixtures that every test may ask for, and the leak check that every test is under."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.broker import Broker, find_mosquitto
from tests.broker import free_port as find_free_port
from tests.leaks import no_task_left, nothing_left_behind, tasks_left
from tests.loop_monitor import LoopMonitor
from tests.thorough import THOROUGH

__all__ = ["no_task_left", "nothing_left_behind", "tasks_left"]

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent

# Hypothesis gives each example 200 ms by the wall clock, and the making of the first ten a second, unless it is told
# otherwise: a machine that stands still for so long is no fault of what is tested. What must be quick is measured where
# a test says so. The same examples come in every run: what a random one finds belongs to nobody's change, and is looked
# for by `make torture`.
settings.register_profile(
    "plantspace", deadline=None, derandomize=not THOROUGH, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("plantspace")


def pytest_collection_finish() -> None:
    """Take what imports and collection made out of the collector's sight: each test collects only its own."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Folder of NodeSets, register maps and CAN logs that others published; not part of the source."""
    folder = Path(os.environ.get("PLANTSPACE_CORPUS", ROOT.parent / "shared" / "corpus")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no corpus at {folder}: set PLANTSPACE_CORPUS to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Give a function that names a free TCP port of 127.0.0.1, another one at each call."""
    given: set[int] = set()

    def choose() -> int:
        while (port := find_free_port()) in given:
            pass
        given.add(port)
        return port

    return choose


@pytest.fixture
async def loop_monitor() -> AsyncIterator[LoopMonitor]:
    """Watch the test's loop for callbacks over 5 ms; the test asserts on what it recorded."""
    with LoopMonitor(asyncio.get_running_loop()) as monitor:
        yield monitor


def _need_mosquitto() -> None:
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto): no real broker to talk to")


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One real broker for all tests that only talk to it. Use topics of your own."""
    _need_mosquitto()
    broker = Broker(tmp_path_factory.mktemp("mosquitto"))
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def new_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Start brokers of the test's own, which it may stop, kill and start again: ``new_mosquitto(persistence=True)``."""
    _need_mosquitto()
    brokers: list[Broker] = []

    def start(*, persistence: bool = False) -> Broker:
        broker = Broker(tmp_path / f"mosquitto-{len(brokers)}", persistence=persistence)
        brokers.append(broker)
        broker.start()
        return broker

    try:
        yield start
    finally:
        for broker in brokers:
            broker.stop()
