"""What a simulated device's section of the configuration holds."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from core.datatypes import DataType
from core.errors import SettingError
from core.settings import PositiveDuration, Settings, nearest
from drivers.contract import DeviceSettings
from drivers.simulator.codec import SIGNALS, TYPES, Signal, can_hold


def _known_type(name: str) -> str:
    names = [datatype.symbol for datatype in TYPES]
    for known in names:
        if known.casefold() == name.casefold():
            return known
    near = nearest(name, names)
    problem = f"{name!r} is no type that the simulator makes"
    raise SettingError(problem, f"did you mean {near}?" if near else f"types are {', '.join(names)}")


def _known_signal(name: str) -> Signal:
    for signal in Signal:
        if signal.value == name:
            return signal
    near = nearest(name, SIGNALS)
    problem = f"{name!r} is no signal"
    raise SettingError(problem, f"did you mean {near}?" if near else f"signals are {', '.join(SIGNALS)}")


class Generate(Settings):
    """Tags ``t0`` … ``t<count-1>`` that the simulator offers by itself; the keys are those of an address."""

    count: int = Field(default=1000, ge=1, le=1_000_000)
    type: Annotated[str, AfterValidator(_known_type)] = DataType.DOUBLE.symbol
    signal: Annotated[str, AfterValidator(_known_signal)] = Signal.RAMP
    period: PositiveDuration = 10.0
    amplitude: float = 100.0
    offset: float = 0.0
    noise: float = Field(default=0.0, ge=0.0)
    change: float = Field(default=1.0, gt=0.0, le=1.0)

    @model_validator(mode="after")
    def _registers_hold_their_offset(self) -> Self:
        if self.signal == Signal.HOLD and not can_hold(DataType.named(self.type), self.offset):
            problem = f"{self.type} cannot hold the offset {self.offset:g}"
            raise SettingError(problem, "give an offset of that type")
        return self


class SimulatorSettings(DeviceSettings):
    """A simulated device. ``seed`` begins the random numbers: the same seed, the same numbers."""

    generate: Generate | None = None
    seed: int = Field(default=0, ge=0)
