"""Logs on standard error, written by a thread: a terminal that stands still holds up no scan."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

LEVELS: Final = ("debug", "info", "warning", "error")
_WAITING = 10_000


class _Bounded(logging.handlers.QueueHandler):
    """Drops records that nobody takes, and counts them."""

    dropped = 0
    traces = False
    """Whether libraries' tracebacks are kept; at other levels than debug their one line is enough."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Make a record fit to be written by another thread."""
        record.msg, record.args = _one_line(record.getMessage()), None
        if not self.traces and not record.name.startswith("plantspace"):
            record.exc_info = record.exc_text = record.stack_info = None
        return super().prepare(record)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Hand a record to the writing thread, or count it."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


def _one_line(message: str) -> str:
    """Write what cannot be printed as escapes: what a client sends must not look like lines of the gateway's own."""
    if message.isprintable():
        return message
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)


class _Writer(logging.handlers.QueueListener):
    """Writes what waits, and ends behind it."""

    def __init__(self, waiting: queue.Queue[logging.LogRecord | None], handler: logging.Handler) -> None:
        """Write to ``handler``."""
        super().__init__(waiting, handler)
        self._waiting = waiting

    def enqueue_sentinel(self) -> None:
        """Wait for room where the queue is full; the one inherited would raise."""
        self._waiting.put(None)


@contextmanager
def logging_to_stderr(level: str) -> Generator[None]:
    """Let Plantspace log from ``level`` on, and the libraries their warnings.

    What was dropped is told at the end.
    """
    waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(_WAITING)
    entry = _Bounded(waiting)
    entry.traces = level == "debug"
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    listener = _Writer(waiting, writer)
    root, own = logging.getLogger(), logging.getLogger("plantspace")
    before = root.level, own.level
    root.addHandler(entry)
    root.setLevel(logging.WARNING)
    own.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(entry)
        root.setLevel(before[0])
        own.setLevel(before[1])
        listener.stop()
        if entry.dropped:
            print(f"plantspace: {entry.dropped} lines of log were dropped", file=sys.stderr)
