"""One signal's value into a message's payload, all other signals as they were last."""

from __future__ import annotations

import math

from core.errors import DeviceRefused
from core.quality import Status
from drivers.can.bits import place_of, put, raw_of_float
from drivers.can.database import MessageSpec, SignalSpec
from drivers.can.decoder import selectors_of


def encode(message: MessageSpec, signal: SignalSpec, value: object, payload: bytes) -> bytes:
    """Give ``payload`` with ``value`` (physical) in the signal's bits, and its multiplexers chosen so that it is there.

    Raises :class:`~core.errors.DeviceRefused` for a value that is no number or that the signal cannot hold.
    """
    raw = raw_of(signal, value)
    size = len(payload)
    chain = selectors_of(message, signal)
    for selector, values in reversed(chain):
        payload = put(place_of(selector, size), payload, min(values))
    return put(place_of(signal, size), payload, raw)


def raw_of(signal: SignalSpec, value: object) -> int:
    """Turn a physical value into raw bits. Raises :class:`~core.errors.DeviceRefused`."""
    if not isinstance(value, int | float):
        problem = f"{signal.name} takes a number, not {value!r}"
        raise DeviceRefused(problem, Status.BAD_TYPE_MISMATCH)
    if not math.isfinite(value) and not (signal.is_float and not signal.is_scaled):
        raise _out_of_range(signal, value)
    physical = (value - signal.offset) / signal.scale if signal.is_scaled else value
    if signal.is_float:
        try:
            return raw_of_float(physical, signal.length)
        except OverflowError:
            raise _out_of_range(signal, value) from None
    raw = round(physical)
    lowest = -(1 << (signal.length - 1)) if signal.signed else 0
    highest = lowest + (1 << signal.length) - 1
    if not lowest <= raw <= highest:
        raise _out_of_range(signal, value)
    return raw


def _out_of_range(signal: SignalSpec, value: float) -> DeviceRefused:
    lowest = -(1 << (signal.length - 1)) if signal.signed else 0
    ends = (lowest * signal.scale + signal.offset, (lowest + (1 << signal.length) - 1) * signal.scale + signal.offset)
    problem = f"{signal.name} cannot hold {value}"
    mend = "" if signal.is_float else f"it goes from {min(ends):g} to {max(ends):g}"
    return DeviceRefused(problem, Status.BAD_OUT_OF_RANGE, mend=mend)
