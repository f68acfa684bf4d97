"""The leak check itself: each kind of thing left behind fails the test that left it, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.conftest import ROOT

INNER = """
import asyncio
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

KEPT = []


async def test_task():
    KEPT.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))


@pytest.mark.parametrize("daemon", [True, False])
def test_thread(daemon):
    KEPT.append(threading.Event())
    threading.Thread(target=KEPT[-1].wait, name="forgotten", daemon=daemon).start()


def test_socket():
    KEPT.append(socket.create_server(("127.0.0.1", 0)))


async def test_server():
    KEPT.append(await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0))


def test_file(tmp_path):
    KEPT.append((tmp_path / "open").open("w"))


def test_child():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))


def test_zombie():
    KEPT.append(subprocess.Popen([sys.executable, "-c", ""]))
    os.waitid(os.P_PID, KEPT[-1].pid, os.WEXITED | os.WNOWAIT)


def test_dropped_socket():
    socket.socket()


def test_dropped_in_a_cycle(tmp_path):
    cycle = [(tmp_path / "open").open("w")]
    cycle.append(cycle)


def test_dies_in_a_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()


@pytest.fixture
async def leaking_fixture():
    KEPT.append(asyncio.create_task(asyncio.Event().wait(), name="of the fixture"))
    yield


async def test_fixture(leaking_fixture):
    pass


@pytest.fixture(scope="session")
def held_by_the_session():
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        thread = threading.Thread(target=stop.wait)
        thread.start()
        yield server
        stop.set()
        thread.join()


@pytest.fixture
async def closing_fixture():
    async with await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0) as server:
        task = asyncio.create_task(asyncio.Event().wait())
        yield server
        task.cancel()


async def test_clean(held_by_the_session, closing_fixture):
    await asyncio.to_thread(int)
    reader, writer = await asyncio.open_connection(*closing_fixture.sockets[0].getsockname())
    writer.close()
    await writer.wait_closed()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()


def test_clean_without_a_loop():
    assert not KEPT or KEPT


def test_ends_in_a_moment():
    threading.Thread(target=time.sleep, args=(0.05,)).start()


def teardown_module():
    for kept in KEPT:
        if isinstance(kept, threading.Event):
            kept.set()
"""

CONFTEST = """
from tests import leaks
from tests.conftest import no_task_left, nothing_left_behind, pytest_collection_finish, tasks_left

leaks.GRACE = 0.5
"""

SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

ERRORS = {
    "test_task": "task forgotten <coroutine object Event.wait",
    "test_thread[True]": "thread forgotten (daemon)",
    "test_thread[False]": "thread forgotten (not daemon)",
    "test_socket": "AF_INET SOCK_STREAM ('127.0.0.1', ",
    "test_server": "AF_INET SOCK_STREAM ('127.0.0.1', ",
    "test_file": "test_file0/open",
    "test_child": "-c input()",
    "test_zombie": "has ended and was not waited for",
    "test_dropped_socket": "ResourceWarning: unclosed <socket",
    "test_dropped_in_a_cycle": "ResourceWarning: unclosed file",
    "test_dies_in_a_thread": "ZeroDivisionError",
    "test_fixture": "task of the fixture",
}
CLEAN = ["test_clean", "test_clean_without_a_loop", "test_ends_in_a_moment"]


@pytest.fixture
def report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """Run the inner tests under our own conftest and settings; outcome and text of each by its name."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    pytester.makeini(SETTINGS)
    pytester.makepyfile(test_inner=INNER)
    told = pytester.path / "told.xml"
    pytester.runpytest_subprocess("-p", "no:cacheprovider", f"--junit-xml={told}", timeout=180)
    return _read(told)


def _read(told: Path) -> dict[str, tuple[str, str]]:
    read: dict[str, tuple[str, str]] = {}
    for case in ET.parse(told).iter("testcase"):  # noqa: S314 - pytest wrote it
        outcome, text = "passed", ""
        for part in case:
            if part.tag in {"error", "failure"}:
                outcome = part.tag
                text += (part.get("message") or "") + (part.text or "")
        read[case.attrib["name"]] = (outcome, text)
    return read


def test_what_is_left_behind_fails_the_test_that_left_it(report: dict[str, tuple[str, str]]) -> None:
    assert set(report) == {*ERRORS, *CLEAN}
    for name, expected in ERRORS.items():
        outcome, text = report[name]
        assert outcome != "passed", name
        assert expected in text, name
    for name in CLEAN:
        assert report[name] == ("passed", ""), name
