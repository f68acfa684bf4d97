"""A Modbus TCP device in another process, with switches for misbehaving.

``ModbusDevice`` starts it, changes its registers and reads its counters over a control channel of its own (JSON lines
on a second port). It shares no code with the driver. With ``library=True`` pymodbus's own server serves instead, which
has no control channel and cannot misbehave. ``python -m tests.modbus_device_process --help`` starts one by hand.
"""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

Kind = Literal["coil", "discrete", "holding", "input"]

STARTS_WITHIN = 60.0
ANSWERS_WITHIN = 60.0

_ROOT = Path(__file__).resolve().parent.parent


class ModbusDevice:
    """The device's process as a test holds it. Addresses are protocol addresses, from 0.

    The calls block for the moment that loopback takes; :meth:`stop` is safe twice.
    """

    host = "127.0.0.1"

    def __init__(self, *, port: int = 0, unit: int = 1, library: bool = False) -> None:
        """Describe the device; nothing runs before :meth:`start`. Port 0 takes a free one."""
        self.port = port
        self.unit = unit
        self.library = library
        self.pid = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def url(self) -> str:
        """The device's address as the configuration writes it."""
        return f"tcp://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and return once it serves; on the same port again after :meth:`stop`."""
        module = "tests.modbus_library_device" if self.library else "tests.modbus_device_process"
        command = [sys.executable, "-m", module, "--port", str(self.port), "--unit", str(self.unit)]
        process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process = process
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], STARTS_WITHIN)
        line = process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            message = f"the Modbus device did not start within {STARTS_WITHIN} s"
            raise RuntimeError(message)
        told = json.loads(line)
        self.port = told["port"]
        self.pid = process.pid
        if told["control"]:
            self._control = socket.create_connection((self.host, told["control"]), ANSWERS_WITHIN)

    def stop(self) -> None:
        """Kill the process: its connections are reset, its port is free again."""
        if self._control is not None:
            self._control.close()
            self._control = None
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def freeze(self) -> None:
        """Stop the process as it stands: the kernel goes on acknowledging, nothing answers (half-open TCP)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on; what waited is answered now."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send one command to the control channel and give its answer."""
        assert self._control is not None, "the device does not run, or has no control channel"
        self._control.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self._control.recv(1 << 20)
            if not part:
                message = "the Modbus device has gone"
                raise RuntimeError(message)
            answer += part
        told = json.loads(answer)
        if "error" in told:
            raise RuntimeError(told["error"])
        return told["answer"]

    def put(self, kind: Kind, address: int, values: Sequence[int]) -> None:
        """Set registers (0..65535) or bits (0, 1)."""
        self.ask("put", kind=kind, address=address, values=list(values))

    def get(self, kind: Kind, address: int, count: int = 1) -> list[int]:
        """Give registers or bits as the device holds them."""
        return self.ask("get", kind=kind, address=address, count=count)

    def refuse(self, kind: Kind, first: int, last: int, code: int, *, times: int = 0) -> None:
        """Answer requests that touch ``first`` to ``last`` with exception ``code``, ``times`` times or (0) for ever."""
        self.ask("refuse", kind=kind, first=first, last=last, code=code, times=times)

    def mute(self, kind: Kind, first: int, last: int) -> None:
        """Never answer requests that touch ``first`` to ``last``."""
        self.ask("refuse", kind=kind, first=first, last=last, code=0, times=0)

    def behave(self) -> None:
        """Refuse nothing and misbehave no more; counters and registers stay."""
        self.ask("behave")

    def switch(self, **switches: float) -> None:
        """Turn switches; they are explained at :class:`tests.modbus_device_process.Switches`."""
        self.ask("switch", **switches)

    def ramp(self, points: int, every: float) -> None:
        """Let the first ``points`` float32 (abcd) holding registers change every ``every`` seconds."""
        self.ask("ramp", points=points, every=every)

    def counters(self) -> dict[str, Any]:
        """Give ``requests``, ``functions`` by code, last ``reads`` and ``writes`` (kind, address, count), and links.

        Links: how many are ``open`` and how many were ``accepted``.
        """
        return self.ask("counters")

    def cut(self) -> None:
        """Reset every connection."""
        self.ask("cut")
