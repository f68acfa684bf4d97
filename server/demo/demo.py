"""Puts the plant up in the right order, lets the gateway run in it, and takes it all down again."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from server.cli.stopping import StopRequested, StopSignals
from server.cli.terminal import Progress
from server.demo.devices.broker import answers, find_mosquitto
from server.demo.folder import DemoFolder, claim
from server.demo.processes import DemoError, DeviceProcess
from server.demo.telling import tell
from server.demo.watching import Watch
from server.gateway import Gateway, settle_memory
from server.plan import plan_gateway

_FILLER, _METER, _BROKER = 5020, 5021, 1883
"""Ports that the packaged configuration names."""


@dataclass(slots=True)
class Plant:
    """Where everything of this demo is. ``broker``: None where there is no MQTT broker. ``notes``: said to the user."""

    folder: DemoFolder
    port: int
    filler: int = _FILLER
    meter: int = _METER
    broker: int | None = None
    notes: list[str] = field(default_factory=list[str])


async def run(port: int | None, usual_port: int, data: Path | None, seconds: float | None) -> int:
    """Run the demo until it is asked to end, or for ``seconds``, and give the exit code.

    ``port``: the endpoint's; None takes ``usual_port``, or a free one. Raises :class:`~core.errors.PlantspaceError`.
    """
    with StopSignals(signal.SIGHUP) as signals:  # the terminal's window is closed
        async with AsyncExitStack() as stack:
            try:
                await signals.unless(_serve(stack, port, usual_port, data, seconds))
            except StopRequested:
                print("ending the demo", flush=True)
    return 0


async def _serve(
    stack: AsyncExitStack, port: int | None, usual_port: int, data: Path | None, seconds: float | None
) -> None:
    """Bring everything up, each thing with its end on ``stack``, and watch."""
    plant = Plant(claim(data), _endpoint_port(port, usual_port))
    stack.callback(plant.folder.release)
    if port is None and plant.port != usual_port:
        plant.notes.append(f"Port {usual_port} is taken, so the endpoint is at {plant.port}.")
    with Progress("starting the plant"):
        await _start_devices(stack, plant)
        addresses = _addresses(plant, usual_port)
        pubsub = plant.broker is not None
        plant.notes += await asyncio.to_thread(plant.folder.lay_out, addresses, pubsub=pubsub)
        plan = await plan_gateway(plant.folder.configuration)
        gateway = Gateway(plan)
        stack.push_async_callback(gateway.stop)
        await gateway.start()
        settle_memory()
    tell(plant, gateway.url)
    watch = Watch(gateway)
    try:
        async with asyncio.timeout(seconds):
            await watch.watch()
    except TimeoutError:
        pass
    finally:
        watch.end()


async def _start_devices(stack: AsyncExitStack, plant: Plant) -> None:
    filler, meter = DeviceProcess("filler"), DeviceProcess("meter")
    stack.push_async_callback(filler.stop)
    stack.push_async_callback(meter.stop)
    plant.filler = await filler.start("--port", str(_FILLER))
    plant.meter = await meter.start("--port", str(_METER), "--line-port", str(plant.filler))
    for name, usual, given in (("filling line", _FILLER, plant.filler), ("energy meter", _METER, plant.meter)):
        if given != usual:
            plant.notes.append(f"Port {usual} is taken, so the {name} is at {given}.")
    if await answers(_BROKER):
        plant.broker = _BROKER
    elif find_mosquitto() is not None:
        broker = DeviceProcess("broker")
        stack.push_async_callback(broker.stop)
        try:
            plant.broker = await broker.start()
        except DemoError as error:
            plant.notes.append(f"There is no MQTT here: {error}.")
    else:
        plant.notes.append(
            "There is no MQTT broker here (apt-get install mosquitto mosquitto-clients, and start again)."
        )


def _addresses(plant: Plant, usual_port: int) -> dict[str, str]:
    addresses = {
        f"opc.tcp://127.0.0.1:{usual_port}": f"opc.tcp://127.0.0.1:{plant.port}",
        f"url: tcp://127.0.0.1:{_FILLER}": f"url: tcp://127.0.0.1:{plant.filler}",
        f"url: tcp://127.0.0.1:{_METER}": f"url: tcp://127.0.0.1:{plant.meter}",
    }
    if plant.broker is not None:
        addresses[f"mqtt://127.0.0.1:{_BROKER}"] = f"mqtt://127.0.0.1:{plant.broker}"
    return addresses


def _endpoint_port(wanted: int | None, usual: int) -> int:
    """Choose the endpoint's port. Raises :class:`DemoError` where the wanted one is taken."""
    for port in (usual if wanted is None else wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as the server will: what has just ended is free
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if wanted is not None:
                    message = f"port {wanted} cannot be used: {(error.strerror or '').lower()} (give another --port)"
                    raise DemoError(message) from error
                continue
            free: int = probe.getsockname()[1]
            return free
    message = "no TCP port is free on this machine"
    raise DemoError(message)
