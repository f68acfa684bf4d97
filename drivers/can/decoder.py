"""From payloads to raw values of bound signals, worked out once a message so that a frame costs microseconds."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType
from core.quality import Status
from drivers.can.bits import Place, float_of, place_of, size_of, take
from drivers.can.database import MessageSpec, SignalSpec
from drivers.can.unavailable import Reserved, Rule, reserved_of

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound signal: the slot and type of its point."""

    slot: int
    datatype: DataType
    signal: SignalSpec


@dataclass(frozen=True, slots=True)
class _Field:
    wanted: Wanted
    place: Place
    reserved: Reserved | None
    dtype: np.dtype[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Fields ``start``..``stop`` of a layout, whose values share a batch. ``linear``: scale and offset, float64[n]."""

    datatype: DataType
    dtype: np.dtype[np.generic]
    start: int
    stop: int
    slots: npt.NDArray[np.int32]
    linear: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None


class Layout:
    """The bound signals that are in a message for one choice of its multiplexers."""

    def __init__(self, fields: Iterable[_Field]) -> None:
        """Sort the fields into groups of one data type and numpy type."""
        self.number = next(_numbers)
        """Names the layout in the process."""
        ordered = sorted(fields, key=lambda item: (item.wanted.datatype, item.dtype.num))
        self._places = [(int(f.place.big_endian), f.place.shift, f.place.mask, f.place.sign) for f in ordered]
        self._ends = [f.place.end for f in ordered]
        self._floats = [(i, f.wanted.signal.length) for i, f in enumerate(ordered) if f.wanted.signal.is_float]
        self._reserved = [(i, f.reserved) for i, f in enumerate(ordered) if f.reserved is not None]
        self.groups: list[Group] = []
        start = 0
        for (datatype, _), members in itertools.groupby(
            ordered, key=lambda item: (item.wanted.datatype, item.dtype.num)
        ):
            self.groups.append(_group(datatype, list(members), start))
            start = self.groups[-1].stop

    def values(self, payload: bytes) -> list[int | float]:
        """Take the raw values out of a payload of the message's full size."""
        numbers = (int.from_bytes(payload, "little"), int.from_bytes(payload, "big"))
        raws: list[int | float] = [((numbers[o] >> s & m) ^ g) - g for o, s, m, g in self._places]
        for index, length in self._floats:
            raws[index] = float_of(int(raws[index]), length)
        return raws

    def statuses(self, values: Sequence[int | float], bits: int) -> list[int] | None:
        """Give the StatusCodes if any is not Good. ``bits``: how many the frame had; signals beyond are BadNoData."""
        found: list[int] | None = None
        for index, reserved in self._reserved:
            if values[index] >= reserved.error and (status := reserved.status_of(int(values[index]))):
                found = found or [0] * len(self._ends)
                found[index] = status
        if self._ends and max(self._ends) > bits:
            found = found or [0] * len(self._ends)
            for index, end in enumerate(self._ends):
                if end > bits:
                    found[index] = Status.BAD_NO_DATA
        return found


@dataclass(slots=True)
class Decoded:
    """What one payload gave; ``statuses`` None means that all values are Good."""

    layout: Layout
    values: list[int | float]
    statuses: list[int] | None


class MessageDecoder:
    """Decodes one message's payloads for the points bound to it."""

    def __init__(self, message: MessageSpec, wanted: Iterable[Wanted], rule: Rule) -> None:
        """Work out places, multiplexers and reserved values."""
        self.message = message
        self.size = size_of(message.signals.values(), message.length)
        self.last: bytes | None = None
        """The payload seen last, of :attr:`size` bytes: what a write changes one signal of."""
        fields = [
            _Field(w, place_of(w.signal, self.size), reserved_of(w.signal, rule), _dtype(w.datatype, w.signal))
            for w in wanted
        ]
        chains = [(field, selectors_of(message, field.wanted.signal)) for field in fields]
        self._always = [field for field, chain in chains if not chain]
        self._multiplexed = [(field, chain) for field, chain in chains if chain]
        names = sorted({signal.name for _, chain in self._multiplexed for signal, _ in chain})
        self._selectors = [place_of(message.signals[name], self.size) for name in names]
        self._index = {name: index for index, name in enumerate(names)}
        self._known: list[set[int]] = [set() for _ in names]
        for _, chain in self._multiplexed:
            for selector, ids in chain:
                self._known[self._index[selector.name]] |= ids
        self._layouts: dict[tuple[int | None, ...], Layout] = {}
        self._fixed = None if names else Layout(self._always)

    def decode(self, payload: bytes) -> Decoded:
        """Take the bound signals out of a payload of any length; what a short one lacks is BadNoData."""
        bits = len(payload) * 8
        if len(payload) != self.size:
            payload = payload[: self.size].ljust(self.size, b"\xff")
        self.last = payload
        layout = self._fixed or self._layout(payload, bits)
        values = layout.values(payload)
        return Decoded(layout, values, layout.statuses(values, bits))

    def _layout(self, payload: bytes, bits: int) -> Layout:
        """Find the layout of the multiplexers' values; all values that no bound signal asks for are as one."""
        raws = [take(place, payload) if place.end <= bits else None for place in self._selectors]
        choice = tuple(raw if raw in known else None for raw, known in zip(raws, self._known, strict=True))
        layout = self._layouts.get(choice)
        if layout is None:
            present = [
                field
                for field, chain in self._multiplexed
                if all(choice[self._index[selector.name]] in ids for selector, ids in chain)
            ]
            layout = self._layouts[choice] = Layout([*self._always, *present])
        return layout


def selectors_of(message: MessageSpec, signal: SignalSpec) -> list[tuple[SignalSpec, frozenset[int]]]:
    """Give the multiplexers above a signal, each with the raw values for which the signal is there; nearest first."""
    chain: list[tuple[SignalSpec, frozenset[int]]] = []
    seen: set[str] = set()
    while signal.selector is not None and signal.selector in message.signals and signal.selector not in seen:
        seen.add(signal.selector)
        above = message.signals[signal.selector]
        chain.append((above, signal.selected_by))
        signal = above
    return chain


def natural_type(signal: SignalSpec) -> DataType:
    """Give the type that holds every value of a signal: the smallest whole number type, or Float and Double."""
    if signal.is_scaled:
        return DataType.DOUBLE
    if signal.is_float:
        return DataType.DOUBLE if signal.length > np.finfo(np.float32).bits else DataType.FLOAT
    if signal.length == 1 and not signal.states and not signal.signed:
        return DataType.BOOLEAN
    choices = _SIGNED if signal.signed else _UNSIGNED
    return next((datatype for bits, datatype in choices if signal.length <= bits), DataType.DOUBLE)


_SIGNED = ((8, DataType.SBYTE), (16, DataType.INT16), (32, DataType.INT32), (64, DataType.INT64))
_UNSIGNED = ((8, DataType.BYTE), (16, DataType.UINT16), (32, DataType.UINT32), (64, DataType.UINT64))


def _dtype(datatype: DataType, signal: SignalSpec) -> np.dtype[np.generic]:
    """Give the numpy type that carries a signal's values to its point's column without loss."""
    natural = natural_type(signal)
    if natural is datatype or (datatype is DataType.BOOLEAN and not signal.is_scaled):
        return datatype.dtype
    if datatype.is_integer and natural is not DataType.DOUBLE and not signal.is_float:
        if np.can_cast(natural.dtype, datatype.dtype):
            return datatype.dtype
        return np.dtype(np.int64 if signal.signed else np.uint64)
    return np.dtype(np.float64)


def _group(datatype: DataType, members: Sequence[_Field], start: int) -> Group:
    signals = [member.wanted.signal for member in members]
    linear = None
    if any(signal.is_scaled for signal in signals):
        linear = (np.array([s.scale for s in signals], np.float64), np.array([s.offset for s in signals], np.float64))
    slots = np.array([member.wanted.slot for member in members], np.int32)
    return Group(datatype, members[0].dtype, start, start + len(members), slots, linear)
