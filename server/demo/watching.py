"""Watches the running plant: one line that tells how it goes, and what happens as it happens."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from typing import Any

from core.quality import is_bad
from server.alarms import Alarm
from server.cli.terminal import is_terminal, paint
from server.demo.devices.filling_line import JAM, NO_COOLING, State
from server.gateway import Gateway

_LOOK_EVERY = 0.25
_SAY_EVERY = 30.0
"""Seconds between two lines where no one can be shown one that changes."""
_REDRAW_EVERY = 1.0
_AT_REST, _LOST = 200, 800
"""Severities that end and begin a device's being lost."""
_WHY = {JAM: "bottles are jammed at the infeed", NO_COOLING: "the cooler has lost its water"}
_FILLER = "/Objects/Line1/Filler"
_SHOWN = {
    "state": f"{_FILLER}/State",
    "fault": f"{_FILLER}/FaultCode",
    "speed": f"{_FILLER}/Speed",
    "filled": f"{_FILLER}/BottlesFilled",
    "temperature": f"{_FILLER}/Temperature",
    "power": "/Objects/Line1/EnergyMeter/TotalActivePower",
    "score": "nsu=urn:plantspace:demo;s=analytics.temperature-anomaly.Score",
}


class Watch:
    """Looks at the gateway's values as a client would, and tells on standard output."""

    def __init__(self, gateway: Gateway) -> None:
        """Watch ``gateway``, which runs."""
        self._gateway = gateway
        self._slots = {name: gateway.plan.slot_of(node) for name, node in _SHOWN.items()}
        self._live = is_terminal(sys.stdout)
        self._fault = 0
        self._fault_since = 0.0
        self._lost: set[object] = set()
        self._ended = False
        gateway.alarms.listen(self._alarm)

    async def watch(self) -> None:
        """Tell until cancelled."""
        said = time.monotonic() if not self._live else 0.0
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            self._look_for_faults()
            now = time.monotonic()
            if now - said >= (_REDRAW_EVERY if self._live else _SAY_EVERY):
                said = now
                self._status()

    def end(self) -> None:
        """Tell nothing more, and leave the terminal with whole lines."""
        self._ended = True
        if self._live:
            print(flush=True)

    def _look_for_faults(self) -> None:
        fault = self._value("fault")
        if not isinstance(fault, int) or fault == self._fault:
            return
        now = time.monotonic()
        if fault:
            self._fault_since = now
            self._say(paint(f"FAULT {fault}: {_WHY.get(fault, 'unknown')}; the filler stands", "red", sys.stdout))
        else:
            lasted = now - self._fault_since
            self._say(paint(f"fault cleared after {lasted:.0f} s; the filler starts again", "green", sys.stdout))
        self._fault = fault

    def _alarm(self, alarm: Alarm) -> None:
        """Tell an alarm; of devices that they are lost and that they are back, not how they start and end."""
        if self._ended:
            return
        if alarm.type_name == "DeviceHealthEventType":
            if alarm.severity >= _LOST:
                self._lost.add(alarm.source)
            elif alarm.severity < _AT_REST and alarm.source in self._lost:
                self._lost.remove(alarm.source)
            else:
                return
        self._say(paint(f"event: {alarm.message}", "yellow", sys.stdout))

    def _status(self) -> None:
        text = self._summary()
        if self._live:
            width = max(20, shutil.get_terminal_size().columns - 1)
            sys.stdout.write(f"\r\x1b[2K{text[:width]}")
            sys.stdout.flush()
        else:
            print(text, flush=True)

    def _say(self, text: str) -> None:
        erase = "\r\x1b[2K" if self._live else ""
        print(f"{erase}{time.strftime('%H:%M:%S')}  {text}", flush=True)

    def _summary(self) -> str:
        counters = self._gateway.counters()
        state = self._value("state")
        parts = [
            time.strftime("%H:%M:%S"),
            "no contact" if state is None else State(state).name.capitalize(),
            self._number("speed", "{:.0f} bottles/min"),
            self._number("filled", "{:d} filled"),
            self._number("temperature", "{:.1f} °C") + self._number("score", " (score {:+.1f})"),
            self._number("power", "{:.0f} W"),
            *(f"{counters[name]} {name}" for name in ("stored", "published", "dropped")),
        ]
        return "  ".join(part for part in parts if part)

    def _number(self, name: str, form: str) -> str:
        value = self._value(name)
        return "" if value is None else form.format(value)

    def _value(self, name: str) -> Any:  # noqa: ANN401 - whatever the point's type is
        slot = self._slots[name]
        if slot is None:
            return None
        reading = self._gateway.read(slot)
        return None if is_bad(reading.status) else reading.value
