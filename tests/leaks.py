"""Fail a test that leaves something behind: tasks, threads, sockets, files of its own, child processes.

Two fixtures, both ``autouse`` through ``tests/conftest.py``:

``nothing_left_behind``
    is set up before every other fixture of the test's own scope and finishes after them, so after the event loop of an
    asynchronous test has been closed too. What module, class or session fixtures hold was there before, and is not
    counted.
``no_task_left``
    looks at the tasks of an asynchronous test while its loop still runs: closing the loop would cancel them unseen.

What ends by itself within :data:`GRACE` is not a leak: a thread that was told to stop needs a moment. Objects that were
dropped unclosed are collected here, so that their ResourceWarning, an error under our pytest settings, is told under
the name of the test that made it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import multiprocessing.resource_tracker
import os
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from pytest_asyncio import is_async_test

GRACE = 5.0
"""Seconds within which what is already ending has to be gone; on a machine that stands still now and then."""

_LOOK_AGAIN = 0.01
_WHOLE_EVERY = 500
"""Tests between two collections of everything."""
_collections = itertools.count(1)
_DESCRIPTORS = Path("/proc/self/fd")
_TEMPORARY = str(Path(tempfile.gettempdir()).resolve())


@dataclass(frozen=True)
class Held:
    """What the process holds at one moment, each thing by what tells it from every other."""

    threads: frozenset[threading.Thread]
    descriptors: frozenset[tuple[str, str]]
    """(number, target) of sockets and of files in the temporary folder."""
    children: frozenset[psutil.Process]

    @classmethod
    def now(cls) -> Held:
        """Look at the process."""
        return cls(frozenset(_threads()), frozenset(_descriptors()), frozenset(_children()))

    def since(self, before: Held) -> Held:
        """Keep what is held now and was not before."""
        return Held(
            self.threads - before.threads,
            self.descriptors - before.descriptors,
            self.children - before.children,
        )

    def __bool__(self) -> bool:
        return bool(self.threads or self.descriptors or self.children)

    def __str__(self) -> str:
        lines = [f"thread {thread.name} ({'daemon' if thread.daemon else 'not daemon'})" for thread in self.threads]
        lines += [_describe_descriptor(number, target) for number, target in self.descriptors]
        lines += [_describe_child(child) for child in self.children]
        return "\n".join(f"  {line}" for line in sorted(lines))


def _threads() -> Iterator[threading.Thread]:
    """Give the running threads, less those the interpreter names itself: C code that called Python once."""
    for thread in threading.enumerate():
        if not thread.name.startswith("Dummy-"):
            yield thread


def _descriptors() -> Iterator[tuple[str, str]]:
    """Give number and target of open sockets and temporary files."""
    for number in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - os.listdir does not hold the folder open meanwhile
        # A descriptor may be gone by the time it is looked at: that of the listing itself always is.
        with contextlib.suppress(OSError):
            target = os.readlink(_DESCRIPTORS / number)  # noqa: PTH115 - the target is no path: socket:[4711]
            if target.startswith(("socket:", _TEMPORARY)) and not target.endswith("(deleted)"):
                yield number, target


def _children() -> Iterator[psutil.Process]:
    """Give the direct child processes, zombies included, less multiprocessing's own tracker."""
    tracker: object = getattr(multiprocessing.resource_tracker, "_resource_tracker", None)
    own = getattr(tracker, "_pid", None)
    for child in psutil.Process().children():
        if child.pid != own:
            yield child


def _describe_descriptor(number: str, target: str) -> str:
    """Name a socket by its two ends, a file by its path."""
    if not target.startswith("socket:"):
        return f"file {target}"
    try:
        # A duplicate is asked, so that the leaked descriptor itself stays as it is.
        with socket.socket(fileno=os.dup(int(number))) as duplicate:
            ends = [str(duplicate.getsockname() or "-")]
            with contextlib.suppress(OSError):
                ends.append(str(duplicate.getpeername() or "-"))
            return f"socket {number} {duplicate.family.name} {duplicate.type.name} {' -> '.join(ends)}"
    except OSError as error:
        return f"socket {number} ({error})"


def _describe_child(child: psutil.Process) -> str:
    """Name a child by its command line, or say that it ended and was never waited for."""
    try:
        if child.status() == psutil.STATUS_ZOMBIE:
            return f"child process {child.pid} has ended and was not waited for"
        return f"child process {child.pid} {' '.join(child.cmdline())}"
    except psutil.NoSuchProcess:
        return f"child process {child.pid}"


def _settled(look: Callable[[], Held]) -> Held:
    """Give what is still held when nothing is, or when the grace is over."""
    deadline = time.monotonic() + GRACE
    while (held := look()) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN)
    return held


def _collect() -> None:
    """Collect what the test made, and nothing else: models that fixtures and caches hold would be gone over each time.

    Now and then everything is looked at, so that what fixtures of a module held does not stay for ever.
    """
    if next(_collections) % _WHOLE_EVERY == 0:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the test when a thread, socket, temporary file or child process outlives it."""
    before = Held.now()
    yield
    _collect()
    left = _settled(lambda: Held.now().since(before))
    if left:
        told = f"the test left behind:\n{left}"  # before they are killed: the dead look like what was not waited for
        for child in left.children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        pytest.fail(told, pytrace=False)


@pytest.fixture
async def tasks_left() -> AsyncIterator[None]:
    """Fail the test when a task that it started outlives it."""
    before = asyncio.all_tasks()
    yield
    own = asyncio.current_task()
    left = {task for task in asyncio.all_tasks() if task is not own} - before
    if left:
        _, left = await asyncio.wait(left, timeout=GRACE)
    if left:
        lines = "\n".join(f"  {line}" for line in sorted(_describe_task(task) for task in left))
        pytest.fail(f"the test left tasks running:\n{lines}", pytrace=False)


def _describe_task(task: asyncio.Task[object]) -> str:
    """Name a task and the line that it waits on."""
    frames = task.get_stack(limit=1)
    place = f" at {frames[0].f_code.co_filename}:{frames[0].f_lineno}" if frames else ""
    return f"task {task.get_name()} {task.get_coro()!r}{place}"


@pytest.fixture(autouse=True)
def no_task_left(nothing_left_behind: None, request: pytest.FixtureRequest) -> None:  # noqa: ARG001 - the order of set-up
    """Watch the tasks of asynchronous tests; the others have no loop of their own."""
    if is_async_test(request.node):
        request.getfixturevalue("tasks_left")
