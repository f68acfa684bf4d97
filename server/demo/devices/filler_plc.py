"""The filling line's PLC: the line's values in its Modbus tables, as ``server/demo/bindings/filler.csv`` lists them."""

from __future__ import annotations

import random

from server.demo.devices.filling_line import FillingLine
from server.demo.devices.modbus_server import Tables
from server.demo.devices.registers import Bits, Registers

STEP = 0.05
"""Seconds between two steps of the program."""
LINE_POWER = 14
"""Input registers with the power that the line takes, a float32 in watts, for the energy meter."""

_TEMPERATURE, _PRESSURE, _LEVEL, _FLOW, _SPEED, _BELT, _CURRENT = 0, 2, 3, 5, 7, 9, 11
_STATE, _FAULT_CODE, _FILLED, _REJECTED = 100, 101, 102, 104
_SETPOINT = 0
_RUN, _RESET = 0, 1
_FILLER_RUNS, _BELT_RUNS = 0, 1
_MOVING = 0.02
_RESET_STANDS = 0.5
"""Seconds until the program takes a reset back, so that whoever wrote it can read it back."""


class FillerPlc:
    """Runs the line and serves its tables."""

    step = STEP

    def __init__(self) -> None:
        """Start with the line told to run."""
        # The same plant at each start, so that what the demo announces comes true.
        self._line = FillingLine(random.Random(5020))  # noqa: S311 - a plant's noise is no secret
        self.tables = Tables(Bits(2), Bits(2), Registers(106), Registers(2))
        self.tables.coils[_RUN] = self._line.run
        self.tables.holding.put_float(_SETPOINT, self._line.setpoint)
        self._reset_stood = 0.0
        self._show()

    def written(self) -> None:
        """Take what a client has written into coils and holding registers."""
        coils = self.tables.coils
        self._line.run = coils[_RUN]
        setpoint = self.tables.holding.float(_SETPOINT)
        if 0.0 <= setpoint <= 600.0:  # noqa: PLR2004 - the filler's range
            self._line.setpoint = setpoint
        else:  # as PLC programs do: what is out of range (or NaN) is not taken
            self.tables.holding.put_float(_SETPOINT, self._line.setpoint)
        if coils[_RESET] and not self._reset_stood:
            self._line.reset()

    def advance(self, seconds: float) -> None:
        """Move the line on and show it; a reset that has stood for long enough is taken back."""
        self._reset_stood = self._reset_stood + seconds if self.tables.coils[_RESET] else 0.0
        if self._reset_stood >= _RESET_STANDS:
            self.tables.coils[_RESET] = False
        self._line.step(seconds)
        self._show()

    def _show(self) -> None:
        line, inputs = self._line, self.tables.inputs
        for address, value in (
            (_TEMPERATURE, line.temperature),
            (_LEVEL, line.level),
            (_FLOW, line.flow),
            (_SPEED, line.speed),
            (_BELT, line.belt),
            (_CURRENT, line.current),
            (LINE_POWER, line.power),
        ):
            inputs.put_float(address, value)
        inputs.put_uint16(_PRESSURE, round(1000 * line.pressure))
        inputs.put_uint16(_STATE, line.state)
        inputs.put_uint16(_FAULT_CODE, line.fault)
        inputs.put_uint32_low_first(_FILLED, line.filled)
        inputs.put_uint32_low_first(_REJECTED, line.rejected)
        self.tables.discrete[_FILLER_RUNS] = line.running
        self.tables.discrete[_BELT_RUNS] = line.belt > _MOVING
