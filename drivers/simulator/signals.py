"""Makes the values of many simulated points at once, in columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from core.batch import ValueArray
from core.datatypes import DataType
from core.time import TICKS_PER_SECOND
from drivers.simulator.codec import Signal, SimulatorAddress

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_TAU = 2.0 * math.pi


def _column(values: Sequence[float]) -> FloatArray:
    return np.array(values, np.float64)


class Lane:
    """Points of one signal, data type and ``change``: a run of rows in their type's column.

    A value follows from its source time, the scan's number and the random numbers' seed alone.
    """

    def __init__(self, start: int, addresses: Sequence[SimulatorAddress]) -> None:
        """Take rows ``start`` … of the column."""
        self.rows = slice(start, start + len(addresses))
        self.signal = addresses[0].signal
        self._datatype = addresses[0].datatype
        self._offset = _column([address.offset for address in addresses])
        self._amplitude = _column([address.amplitude for address in addresses])
        self._phase = _column([address.phase for address in addresses])
        self._noise = _column([address.noise for address in addresses])
        self._noisy = bool(self._noise.any())
        self._middle = _middle(self.signal, self._offset, self._amplitude)
        self._period: IntArray = np.array(
            [max(1, round(address.period * TICKS_PER_SECOND)) for address in addresses], np.int64
        )
        self._one_period = int(self._period[0]) if bool((self._period == self._period[0]).all()) else None
        self._count = len(addresses)
        self._step = max(1, math.ceil(self._count * addresses[0].change))
        self._cursor = 0
        self._begun = False
        self._make = {
            Signal.RAMP: self._ramp,
            Signal.SINE: self._sine,
            Signal.SQUARE: self._square,
            Signal.RANDOM: self._random,
            Signal.COUNTER: self._counter,
            Signal.CONSTANT: self._constant,
        }

    def fill(self, column: ValueArray, moment: int, scan: int, random: np.random.Generator) -> None:
        """Write this lane's rows of ``column`` for ``moment`` (DateTime ticks): all at first, then their next share."""
        mine = column[self.rows]
        if not self._begun or self._step >= self._count:
            self._begun = True
            mine[:] = self._values(slice(0, self._count), moment, scan, random)
            return
        end = min(self._cursor + self._step, self._count)
        some = slice(self._cursor, end)
        mine[some] = self._values(some, moment, scan, random)
        self._cursor = 0 if end == self._count else end

    def _values(self, some: slice, moment: int, scan: int, random: np.random.Generator) -> ValueArray:
        make: Callable[[slice, int, int, np.random.Generator], FloatArray] = self._make[self.signal]
        values = make(some, moment, scan, random)
        if self._noisy:
            values += self._noise[some] * random.standard_normal(len(values))
        return _typed(values, self._datatype, self._middle[some])

    def _turn(self, some: slice, moment: int) -> FloatArray:
        """Give where in their periods the points are, 0 to 1."""
        if self._one_period is not None:
            turn = self._phase[some] + (moment % self._one_period) / self._one_period
        else:
            period = self._period[some]
            turn = self._phase[some] + (moment % period) / period
        turn -= np.floor(turn)
        return turn

    def _ramp(self, some: slice, moment: int, _scan: int, _random: np.random.Generator) -> FloatArray:
        values = self._turn(some, moment)
        values *= self._amplitude[some]
        values += self._offset[some]
        return values

    def _sine(self, some: slice, moment: int, _scan: int, _random: np.random.Generator) -> FloatArray:
        values = self._turn(some, moment)
        values *= _TAU
        np.sin(values, out=values)
        values *= self._amplitude[some]
        values += self._offset[some]
        return values

    def _square(self, some: slice, moment: int, _scan: int, _random: np.random.Generator) -> FloatArray:
        return np.where(self._turn(some, moment) >= 0.5, self._amplitude[some], 0.0) + self._offset[some]  # noqa: PLR2004 - the half

    def _random(self, some: slice, _moment: int, _scan: int, random: np.random.Generator) -> FloatArray:
        values: FloatArray = random.random(len(self._offset[some]))
        values *= self._amplitude[some]
        values += self._offset[some]
        return values

    def _counter(self, some: slice, _moment: int, scan: int, _random: np.random.Generator) -> FloatArray:
        offset = self._offset[some]
        return offset + scan % np.maximum(_full(self._datatype) - np.maximum(offset, 0.0), 1.0)

    def _constant(self, some: slice, _moment: int, _scan: int, _random: np.random.Generator) -> FloatArray:
        return self._offset[some].copy()


def _middle(signal: Signal, offset: FloatArray, amplitude: FloatArray) -> FloatArray:
    """Give the value above which a Boolean is true; a counter's is true at every other scan."""
    if signal is Signal.COUNTER:
        return offset + 0.5
    if signal is Signal.CONSTANT:
        return np.zeros_like(offset)
    return offset if signal is Signal.SINE else offset + amplitude / 2


def _full(datatype: DataType) -> float:
    """Give the first whole number that a counter of this type does not reach, counting exactly in a Double."""
    if datatype is DataType.BOOLEAN:
        return 2
    if not datatype.is_integer:
        return 2**24 if datatype is DataType.FLOAT else 2**53
    limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    return min(int(limits.max) + 1, 2**53)


def _typed(values: FloatArray, datatype: DataType, middle: FloatArray) -> ValueArray:
    """Give values as the device's type: Booleans true above ``middle``, whole numbers rounded and held in range."""
    if datatype is DataType.DOUBLE:
        return values
    if datatype is DataType.BOOLEAN:
        return values > middle
    if not datatype.is_integer:
        return values.astype(datatype.dtype)
    limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # is_integer says it is one; numpy's stubs cannot know
    lowest, highest = float(limits.min), float(limits.max)
    if highest > limits.max:  # float(2**63 - 1) is 2**63, which does not fit
        highest = float(np.nextafter(highest, 0.0))
    np.rint(values, out=values)
    np.clip(values, lowest, highest, out=values)
    return values.astype(datatype.dtype)
