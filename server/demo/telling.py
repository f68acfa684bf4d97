"""What the demo says once it is up: what to open, where to look, and what will happen."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Protocol

from server.cli.terminal import paint
from server.demo.devices.filling_line import FAULT_EVERY, FAULT_LASTS, FIRST_FAULT
from server.demo.folder import DemoFolder


class Told(Protocol):
    """What there is to tell of a plant."""

    folder: DemoFolder
    filler: int
    meter: int
    broker: int | None
    notes: list[str]


def tell(plant: Told, url: str) -> None:
    """Say it on standard output."""
    out = sys.stdout
    folder = plant.folder
    warning = "No security and everyone is Operator: a demo, on this machine only. Never run a plant like this."
    print(paint("Plantspace demo: a filling line is running", "bold", out))
    print(paint(f"  !! {warning}", "yellow", out))
    for note in plant.notes:
        print(f"  note: {note}")
    say = _Lines()
    say("OPC UA", paint(url, "cyan", out), "any client, such as UaExpert: security None, anonymous")
    if plant.broker is not None:
        say("MQTT", f"mosquitto_sub -h 127.0.0.1 -p {plant.broker} -v -t 'opcua/#'", "")
        say(
            "", "Sparkplug B, Unified Namespace: encoding: sparkplug or unified-namespace in Settings, below pubsub", ""
        )
    data = shlex.quote(str(folder.data))
    say("History", f"plantspace history query /Objects/Line1/Filler/Temperature --data {data} --start -5min", "")
    own = Path(sys.executable).with_name("plantspace")
    if shutil.which("plantspace") is None and own.exists():  # as after `make demo`
        say("", f"plantspace is {shlex.quote(str(own))} here", "")
    say("Settings", str(folder.configuration), "the configuration that runs here, with its models and bindings")
    say(
        "Devices",
        f"Modbus TCP: filling line 127.0.0.1:{plant.filler}, energy meter (SDM630) 127.0.0.1:{plant.meter}; CAN: a log",
        "",
    )
    print("Look at, beneath Objects:")
    say(
        "Line1/Filler",
        "Temperature, State, FaultCode, FillLevel, BottlesFilled; beside Temperature its anomaly score",
        "",
    )
    say("", "write SpeedSetpoint (0..600), write RunCommand false and true, call ResetFault", "")
    say("Line1/EnergyMeter", "TotalActivePower follows the line", "")
    say("conveyor-drive", "signals of a CAN bus as its DBC names them", "")
    print("What will happen:")
    times = f"{FIRST_FAULT:.0f} s from the start, and every {FAULT_EVERY / 60:.0f} minutes"
    print(f"  {times}, a fault stops the filler for {FAULT_LASTS:.0f} s:")
    print("  State is Faulted, FaultCode says why, temperature and belt current rise, the anomaly score leaps.")
    print(paint("Ctrl-C ends all of it.", "dim", out), flush=True)


class _Lines:
    """Lines with their names in a column."""

    _WIDTH = 18

    def __call__(self, name: str, text: str, more: str) -> None:
        tail = f"   ({more})" if more else ""
        print(f"  {name:<{self._WIDTH}}{text}{tail}")
