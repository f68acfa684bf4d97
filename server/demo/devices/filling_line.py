"""A filling line: a state machine, thermal lag, ripple, a saw-tooth level, counters, and a fault now and then."""

from __future__ import annotations

import enum
import math
import random
from dataclasses import dataclass
from typing import Final

FIRST_FAULT: Final = 60.0
"""Seconds from the start to the first fault."""
FAULT_EVERY: Final = 180.0
"""Seconds from one fault to the next."""
FAULT_LASTS: Final = 20.0
"""Seconds until someone at the line clears the fault, where nobody writes ResetFault before."""
JAM: Final = 101
"""FaultCode: bottles are jammed at the infeed and the belt pushes against them."""
NO_COOLING: Final = 202
"""FaultCode: the product cooler has lost its water."""

_FASTEST = 600.0
_RAMP = 60.0
"""Bottles a minute that the filler gains in a second."""
_HOLD_AFTER: Final = (95.0, 130.0)
_HOLD_LASTS: Final = 6.0
_LEVEL_LOW, _LEVEL_HIGH = 45.0, 80.0


class State(enum.IntEnum):
    """What the filler is doing (FillerState of the model)."""

    STOPPED = 0
    STARTING = 1
    RUNNING = 2
    HELD = 3
    FAULTED = 4


@dataclass(slots=True)
class FillingLine:
    """The line's state; :meth:`step` moves it on.

    ``temperature`` °C, ``pressure`` bar, ``level`` %, ``flow`` l/min, ``speed`` and ``setpoint`` bottles a minute,
    ``belt`` m/s, ``current`` A of the belt's drive.
    """

    chance: random.Random
    run: bool = True
    setpoint: float = 300.0
    state: State = State.STOPPED
    fault: int = 0
    temperature: float = 72.0
    pressure: float = 2.4
    level: float = 65.0
    flow: float = 0.0
    speed: float = 0.0
    belt: float = 0.0
    current: float = 0.0
    filled: int = 184_220
    rejected: int = 1_406
    _clock: float = 0.0
    _next_fault: float = FIRST_FAULT
    _fault_ends: float = 0.0
    _next_code: int = JAM
    _hold_at: float = 0.0
    _hold_ends: float = 0.0
    _filling: bool = False
    _bottle: float = 0.0
    _product: float = 72.0

    def __post_init__(self) -> None:
        """Choose when bottles are first missing."""
        self._hold_at = self.chance.uniform(*_HOLD_AFTER)

    @property
    def running(self) -> bool:
        """Whether bottles are being filled."""
        return self.state in (State.STARTING, State.RUNNING) and self.speed > 1.0

    @property
    def power(self) -> float:
        """Electrical power that the line takes, in watts: controls, pumps, filler drive, belt drive, cooler."""
        belt = 3**0.5 * 400.0 * 0.82 * self.current
        cooler = 2_600.0 * max(0.0, 1.0 + (self.temperature - 72.0) / 12.0)
        return 900.0 + 11.0 * self.flow + 14.0 * self.speed + belt + (0.0 if self.fault == NO_COOLING else cooler)

    def reset(self) -> None:
        """Acknowledge the fault: the line starts again where it is told to run."""
        if self.state is State.FAULTED:
            self.fault = 0
            self.state = State.STOPPED

    def step(self, seconds: float) -> None:
        """Move on by ``seconds`` (some tens of milliseconds)."""
        self._clock += seconds
        self._decide()
        target = min(max(self.setpoint, 0.0), _FASTEST) if self.state in (State.STARTING, State.RUNNING) else 0.0
        ramp = _RAMP if target > self.speed else 3 * _RAMP
        self.speed += max(-ramp * seconds, min(ramp * seconds, target - self.speed))
        if self.state is State.STARTING and abs(self.speed - target) < 1.0:
            self.state = State.RUNNING
        self._bowl(seconds)
        self._belt(seconds)
        self._count(seconds)

    def _decide(self) -> None:
        now = self._clock
        if now >= self._next_fault:
            self._next_fault += FAULT_EVERY
            if self.state in (State.STARTING, State.RUNNING, State.HELD):
                self.state, self.fault = State.FAULTED, self._next_code
                self._next_code = NO_COOLING if self._next_code == JAM else JAM
                self._fault_ends = now + FAULT_LASTS
        if self.state is State.FAULTED:
            if now >= self._fault_ends:
                self.reset()
            return
        if not self.run:
            self.state = State.STOPPED
        elif self.state is State.STOPPED:
            self.state = State.STARTING
        elif self.state is State.HELD and now >= self._hold_ends:
            self.state = State.STARTING
            self._hold_at = now + self.chance.uniform(*_HOLD_AFTER)
        elif self.state is State.RUNNING and now >= self._hold_at:
            self.state, self._hold_ends = State.HELD, now + _HOLD_LASTS

    def _bowl(self, seconds: float) -> None:
        # The controller overshoots a little, and the bowl's steel follows the product with a lag.
        goal = 72.0 + 0.35 * math.sin(self._clock / 17.0) + 0.003 * (self.speed - 300.0)
        if self.fault:
            goal += 18.0 if self.fault == NO_COOLING else 13.0
        self._product += (goal - self._product) * seconds / (7.0 if self.fault else 12.0)
        self.temperature = self._product + self.chance.gauss(0.0, 0.06)
        self._filling = self.level < _LEVEL_HIGH if self._filling else self.level < _LEVEL_LOW
        valve = 120.0 if self._filling and self.state is not State.FAULTED else 0.0
        self.flow = max(0.0, self.flow + (valve - self.flow) * seconds / 0.6 + self.chance.gauss(0.0, 0.15))
        self.level += (self.flow / 120.0 * 7.0 - self.speed / 300.0 * 1.6) * seconds
        self.level = min(max(self.level, 0.0), 100.0)
        calm = 2.4 - 0.25 * self.speed / _FASTEST + 0.12 * self.flow / 120.0
        self.pressure = calm + 0.05 * math.sin(2 * math.pi * self._clock / 1.7) + self.chance.gauss(0.0, 0.008)

    def _belt(self, seconds: float) -> None:
        jammed = self.fault == JAM
        goal = 0.05 if jammed else 1.2 * self.speed / _FASTEST
        self.belt += (goal - self.belt) * seconds / 0.8
        load = 0.9 + 5.5 * self.belt
        if jammed:
            load = 13.5
        elif self.fault:
            load = 7.5  # the belt runs out against a standing filler
        self.current += (load - self.current) * seconds / 0.5
        self.current = max(0.0, self.current + self.chance.gauss(0.0, 0.02))

    def _count(self, seconds: float) -> None:
        self._bottle += self.speed / 60.0 * seconds
        while self._bottle >= 1.0:
            self._bottle -= 1.0
            self.filled += 1
            unsteady = self.state is not State.RUNNING
            self.rejected += self.chance.random() < (0.05 if unsteady else 0.006)
