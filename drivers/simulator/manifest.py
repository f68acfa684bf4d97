"""The simulator's card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.datatypes import DataType
from drivers.contract import BoundPoint, Capability, Driver, DriverContext, Manifest, TagOffer
from drivers.simulator.codec import Signal, SimulatorAddress, parse_address
from drivers.simulator.settings import SimulatorSettings


def _make(settings: Any, points: Sequence[BoundPoint], context: DriverContext) -> Driver:  # noqa: ANN401 - MakeDriver's signature
    from drivers.simulator.driver import SimulatorDriver  # noqa: PLC0415 - loaded when a device needs it

    return SimulatorDriver(settings, points, context)


def _datatype_of(address: SimulatorAddress) -> DataType:
    return address.datatype


def _discover(settings: SimulatorSettings, _base: Path) -> list[TagOffer]:
    """Offer the generated tags; their phases are spread evenly, so that they do not all show the same value."""
    generate = settings.generate
    if generate is None:
        return []
    signal, datatype = Signal(generate.signal), DataType.named(generate.type)
    offers: list[TagOffer] = []
    for number in range(generate.count):
        address = SimulatorAddress(
            signal,
            datatype,
            generate.period,
            generate.amplitude,
            generate.offset,
            generate.noise,
            number / generate.count if signal in {Signal.RAMP, Signal.SINE, Signal.SQUARE} else 0.0,
            generate.change,
        )
        low, high = address.span or (None, None)
        offers.append(
            TagOffer(
                f"t{number}",
                str(address),
                datatype,
                minimum=low,
                maximum=high,
                description=f"simulated {signal.value}",
                writable=signal is Signal.HOLD,
            )
        )
    return offers


MANIFEST = Manifest(
    name="simulator",
    title="Simulator",
    settings=SimulatorSettings,
    capabilities=Capability.POLLED | Capability.WRITABLE | Capability.READ_BACK | Capability.SIMULATED,
    make=_make,
    parse_address=parse_address,
    datatype_of=_datatype_of,
    discover=_discover,
    address_examples=(
        "ramp",
        "ramp(period=10s,amplitude=100)",
        "sine(offset=20,noise=0.5)",
        "counter",
        "hold(offset=50)",
    ),
)
