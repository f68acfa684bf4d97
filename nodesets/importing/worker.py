"""The process that reads: it bounds itself, reads files, and writes the model's lines to its standard output.

It is started by :mod:`nodesets.importing.child` alone. In front of the model's lines it says which file it is at:
``["reading", FILE]``; where it cannot go on it says why, ``["failed", LIMIT, REASON]``, and ends.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from nodesets.compiled.lines import compiled, line_of
from nodesets.importing.request import Request
from nodesets.limits import Limits
from nodesets.model import Model, read_model


def main() -> int:
    """Answer the one request that stands on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the gateway's to answer
    request = Request.of(sys.stdin.buffer.readline())
    bound(request.limits)
    # Whatever prints goes elsewhere: what is on standard output are lines.
    with os.fdopen(os.dup(1), "wb", 1 << 16) as out:
        os.dup2(2, 1)
        try:
            return _answer(request, out)
        except MemoryError:
            _write(out, line_of(["failed", "memory_mib", ""]))
        except Exception as error:  # noqa: BLE001 - whatever it is, the gateway tells it
            reason = f"{type(error).__name__}: {error}"[:400]
            _write(out, line_of(["failed", "", " ".join(reason.split())]))
    return 1


def bound(limits: Limits) -> None:
    """Limit this process: its memory, its time, and that it writes no file."""
    seconds = max(1, round(limits.seconds))
    _set(resource.RLIMIT_AS, limits.memory_bytes)
    _set(resource.RLIMIT_CPU, seconds)
    _set(resource.RLIMIT_FSIZE, 0)
    _set(resource.RLIMIT_CORE, 0)


def _set(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (bounded, bounded))


def _answer(request: Request, out: BinaryIO) -> int:
    def progress(file: Path) -> None:
        _write(out, line_of(["reading", str(file)]))

    _hand_over(read_model(request.resolution, request.limits, progress, request.standard), out)
    return 0


def _hand_over(model: Model, out: BinaryIO) -> None:
    for line in compiled(model):
        out.write(line)
        out.write(b"\n")
    out.flush()


def _write(out: BinaryIO, line: bytes) -> None:
    out.write(line + b"\n")
    out.flush()
