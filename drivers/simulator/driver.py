"""The simulator: a device whose values are made where they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.batch import Batch, SlotArray, ValueArray
from core.datatypes import DataType
from core.errors import ConnectionLost, DeviceRefused
from core.quality import Status
from drivers.contract import BoundPoint, DriverContext, DriverCounters
from drivers.simulator.codec import Signal, SimulatorAddress
from drivers.simulator.settings import SimulatorSettings
from drivers.simulator.signals import Lane


@dataclass(slots=True, eq=False)
class _Registers:
    """The ``hold`` points of one data type: ``row`` by slot, and what they hold."""

    row: dict[int, int]
    values: ValueArray


_MOST = 16_384
"""Samples of a batch; taking more in at once would keep others waiting."""


@dataclass(slots=True, eq=False)
class _TypePlan:
    """A plan's points of one data type: their slots, the lanes that make their values, the registers among them."""

    batches: list[tuple[slice, SlotArray]]
    """Rows of the column and their slots, for each batch."""
    column: ValueArray
    lanes: list[Lane]
    registers: _Registers | None
    held: slice
    """Rows of the column that are registers."""
    register_rows: npt.NDArray[np.intp]


@dataclass(slots=True, eq=False)
class _Plan:
    """What is read together; ``random`` and ``scan`` are its own, so that another plan's scans change nothing here."""

    types: list[_TypePlan]
    random: np.random.Generator
    scan: int = 0


class SimulatorDriver:
    """One simulated device."""

    def __init__(self, settings: SimulatorSettings, points: Sequence[BoundPoint], context: DriverContext) -> None:
        """Prepare the registers of all ``hold`` points."""
        self.counters = DriverCounters()
        self._settings = settings
        self._context = context
        self._connected = False
        self._plans = 0
        self._registers = {
            datatype: _registers(datatype, [point for point in points if _address(point).datatype is datatype])
            for datatype in {_address(point).datatype for point in points}
        }

    async def connect(self) -> None:
        """Begin; never fails."""
        self._connected = True

    async def close(self) -> None:
        """End; registers keep what was written, as a device's do."""
        self._connected = False

    def plan(self, points: Sequence[BoundPoint]) -> _Plan:
        """Lay the points out in columns by data type and signal."""
        by_type: dict[DataType, list[BoundPoint]] = {}
        for point in points:
            by_type.setdefault(_address(point).datatype, []).append(point)
        random = np.random.default_rng([self._settings.seed, self._plans])
        self._plans += 1
        return _Plan([self._plan_type(datatype, by_type[datatype]) for datatype in sorted(by_type)], random)

    def _plan_type(self, datatype: DataType, points: list[BoundPoint]) -> _TypePlan:
        by_lane: dict[tuple[Signal, float], list[BoundPoint]] = {}
        for point in points:
            address = _address(point)
            by_lane.setdefault((address.signal, address.change), []).append(point)
        registers = self._registers.get(datatype)
        lanes: list[Lane] = []
        ordered: list[BoundPoint] = []
        held: list[BoundPoint] = []
        for (signal, _), members in by_lane.items():
            if signal is Signal.HOLD:
                held.extend(members)
                continue
            lanes.append(Lane(len(ordered), [_address(point) for point in members]))
            ordered.extend(members)
        rows = [registers.row[point.slot] for point in held] if registers is not None else []
        slots = np.array([point.slot for point in (*ordered, *held)], np.int32)
        return _TypePlan(
            [(part := slice(at, at + _MOST), slots[part].copy()) for at in range(0, len(slots), _MOST)],
            np.zeros(len(points), datatype.dtype),
            lanes,
            registers,
            slice(len(ordered), len(points)),
            np.array(rows, np.intp),
        )

    async def read(self, plan: _Plan) -> list[Batch]:
        """Make one batch a data type, of many points several.

        Raises :class:`~core.errors.ConnectionLost` when not connected.
        """
        self._check_connected()
        moment = self._context.now()
        batches: list[Batch] = []
        for part in plan.types:
            for lane in part.lanes:
                lane.fill(part.column, moment, plan.scan, plan.random)
            if part.registers is not None and part.register_rows.size:
                part.column[part.held] = part.registers.values[part.register_rows]
            values = part.column.copy()
            batches += [Batch(slots, values[rows], int(Status.GOOD), moment, moment) for rows, slots in part.batches]
        plan.scan += 1
        return batches

    def explain(self, plan: _Plan, status: int) -> str:  # noqa: ARG002 - the contract's signature
        """Give nothing: simulated values are never Bad."""
        return ""

    async def write(self, point: BoundPoint, value: Any) -> None:  # noqa: ANN401 - any value of the point's built-in type
        """Put ``value`` into a ``hold`` register.

        Raises:
            DeviceRefused: The point is no register (BadNotWritable), or its type cannot hold the value
                (BadTypeMismatch, BadOutOfRange).
            ConnectionLost: Not connected.
        """
        self._check_connected()
        address = _address(point)
        registers = self._registers[address.datatype]
        if address.signal is not Signal.HOLD:
            problem = f"a {address.signal.value} signal takes no value"
            mend = "bind a hold signal to write to"
            raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE, device=self._context.device, mend=mend)
        registers.values[registers.row[point.slot]] = self._accepted(address.datatype, value)

    def _accepted(self, datatype: DataType, value: Any) -> bool | int | float:  # noqa: ANN401 - as write
        whole = datatype.is_integer
        kind = bool if datatype is DataType.BOOLEAN else int if whole else (int, float)
        if not isinstance(value, kind) or (isinstance(value, bool) and datatype is not DataType.BOOLEAN):
            problem = f"{type(value).__name__} is no {datatype.symbol}"
            raise DeviceRefused(problem, Status.BAD_TYPE_MISMATCH, device=self._context.device)
        if whole:
            limits = np.iinfo(datatype.dtype)  # type: ignore[type-var]  # is_integer says it is one
            if not limits.min <= value <= limits.max:
                problem = f"{value} does not fit {datatype.symbol}"
                raise DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, device=self._context.device)
        return value

    async def listen(self, publish: Callable[[Batch], None]) -> None:  # noqa: ARG002 - the contract's signature
        """Refuse: the simulator is POLLED only. Raises :class:`~core.errors.ConnectionLost`."""
        problem = "the simulator does not send on its own"
        raise ConnectionLost(problem, device=self._context.device)

    def _check_connected(self) -> None:
        if not self._connected:
            problem = "the simulator is not connected"
            raise ConnectionLost(problem, device=self._context.device)
        self.counters.requests += 1


def _address(point: BoundPoint) -> SimulatorAddress:
    address = point.address
    if not isinstance(address, SimulatorAddress):
        message = f"{point.point.node} has no simulator address"
        raise TypeError(message)
    return address


def _registers(datatype: DataType, points: Sequence[BoundPoint]) -> _Registers:
    held = [point for point in points if _address(point).signal is Signal.HOLD]
    values = np.zeros(len(held), datatype.dtype)
    for row, point in enumerate(held):
        values[row] = _address(point).offset
    return _Registers({point.slot: row for row, point in enumerate(held)}, values)
