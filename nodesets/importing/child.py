"""Starts the process that reads, bounds its time, and makes a model of what it says.

It is a Python of its own, started by the path of this package: the product's own way in would first load the command
line. It is given no part of the environment that secrets may be in.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from core.collecting import no_collection
from core.errors import Finding, Place
from nodesets.compiled.lines import ModelLines, raw_of
from nodesets.compiled.problems import CompiledError
from nodesets.importing.request import Request
from nodesets.limits import MEBIBYTE
from nodesets.model import Model, read_model
from nodesets.resolver import PACKAGED_MODELS, Resolution

Progress = Callable[[Path], None]
_HOME = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from nodesets.importing.worker import main; sys.exit(main())"
)
_ENVIRONMENT = frozenset(
    {
        "LANG",
        "LC_ALL",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONPYCACHEPREFIX",
        "TZ",
    }
)
# One text of a file has at most ten million characters, each of up to four bytes.
_LONGEST_LINE = 64 * MEBIBYTE
_IF_SOUND = "raise model.limits.{} if the file is what it should be"


class ReadingChild:
    """One reading. :meth:`run` blocks its thread, :meth:`kill` may be called from any other one."""

    def __init__(self, request: Request, progress: Progress | None = None) -> None:
        """Take what to read; ``progress`` is called, in the thread of :meth:`run`, with each file as it is begun."""
        self._request = request
        self._progress = progress
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._killed = False
        self._late = False
        self._code = 0
        """How the process ended by itself, once it has."""
        self._file = request.resolution.files[0].file if request.resolution.files else request.standard.file
        self._failed: tuple[str, str] | None = None
        self.lines: list[bytes] = []
        """The lines of the model that was read."""

    def kill(self) -> None:
        """End the reading now; :meth:`run` then gives a model with a finding."""
        with self._lock:
            self._killed = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()

    def run(self) -> Model:
        """Read. What goes wrong with the process is a finding of the model, which is then what came with Plantspace."""
        try:
            return self._run()
        except CompiledError as error:
            finding = self._finding(error)
        except OSError as error:
            mend = "look whether the system is short of memory or processes"
            problem = f"the process that reads models cannot be started: {error.strerror or error}"
            finding = Finding(Place.of(self._file), problem, mend)
        self.lines = []
        resolution = self._request.resolution
        ours = tuple(header for header in resolution.files if header.file.is_relative_to(PACKAGED_MODELS))
        model = read_model(Resolution(ours), standard=self._request.standard)
        return replace(model, findings=(*resolution.findings, finding), warnings=resolution.warnings)

    def _run(self) -> Model:
        # In a running gateway the collector, looking at the records as they come or at all of them afterwards, would
        # hold the event loop for 100 ms. Records hold no circles: they go when nobody has them any more.
        with self._started() as process, no_collection(freeze=True):
            made = ModelLines(self._request.limits)
            for line in self._spoken(cast("BinaryIO", process.stdout)):
                made.take(line)
                self.lines.append(line)
            self._code = process.wait()
            return made.model()

    @contextlib.contextmanager
    def _started(self) -> Generator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-P", "-c", _PROGRAM, _HOME]
        environment = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
        with self._lock:
            process = subprocess.Popen(  # noqa: S603 - our own Python and program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
            self._process = process
            if self._killed:
                process.kill()
        deadline = threading.Timer(self._request.limits.seconds, self._too_late)
        deadline.start()
        try:
            stdin = cast("BinaryIO", process.stdin)
            with contextlib.suppress(BrokenPipeError), stdin:
                stdin.write(self._request.line() + b"\n")
            yield process
        finally:
            process.kill()
            process.wait()
            cast("BinaryIO", process.stdout).close()
            deadline.cancel()
            deadline.join()

    def _too_late(self) -> None:
        self._late = True
        self.kill()

    def _spoken(self, out: BinaryIO) -> Iterator[bytes]:
        """Give the lines of the model; they end with the process."""
        left = 4 * self._request.limits.total_bytes
        while line := out.readline(_LONGEST_LINE):
            left -= len(line)
            if left < 0 or not line.endswith(b"\n"):
                message = "it says too much" if left < 0 or len(line) == _LONGEST_LINE else "a line breaks off"
                raise CompiledError(message)
            if line.startswith((b'["reading",', b'["failed",')):
                self._hear(line)
            else:
                yield line[:-1]

    def _hear(self, line: bytes) -> None:
        kind, *words = map(str, raw_of(line))
        if kind == "reading" and words:
            self._file = Path(words[0])
            if self._progress is not None:
                self._progress(self._file)
        elif len(words) > 1:
            self._failed = words[0], words[1]

    def _finding(self, error: CompiledError) -> Finding:
        limits = self._request.limits
        took_memory = f"reading it takes more than {limits.memory_bytes / MEBIBYTE:g} MiB of memory"
        if self._late or self._code == -signal.SIGXCPU:
            problem, mend = f"the model was not read within {limits.seconds:g} s", _IF_SOUND.format("time")
        elif self._failed is not None and self._failed[0]:
            problem, mend = took_memory, _IF_SOUND.format(self._failed[0])
        elif self._failed is not None:
            problem, mend = f"reading it failed: {self._failed[1]}", "leave the file out, and report it"
        elif self._killed:
            problem, mend = "the reading was broken off", ""
        elif self._code < 0:
            problem = f"the process that reads it was ended by {signal.Signals(-self._code).name}"
            mend = "leave the file out: it may be made to do harm"
        else:
            problem, mend = f"the process that reads it is not to be trusted: {error}", "leave the file out"
        return Finding(Place.of(self._file), problem, mend)
