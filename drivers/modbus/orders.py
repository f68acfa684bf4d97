"""What is written by which request: values become registers or coils, neighbours one block. No I/O, no state.

A value is never cut, so a device has the old value or the new one and nothing in between, whoever gives up waiting.
Requests keep the order in which the values were given; only what stands side by side there is put into one block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import DeviceRefused
from core.quality import Status
from drivers.modbus.encoding import Area
from drivers.modbus.pdu import MOST_COILS_WRITTEN, MOST_WRITTEN, Request, write_coil, write_coils, write_registers
from drivers.modbus.placing import Placed
from drivers.modbus.registers import registers_of, truth_of
from drivers.modbus.settings import ModbusSettings


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """One request that writes ``content`` (registers, or coils as 0 and 1) from ``start`` on.

    ``members``: places of its values among those given, ascending. ``bit``: the one bit of the register that is meant;
    ``content`` is its value then.
    """

    members: tuple[int, ...]
    area: Area
    start: int
    content: tuple[int, ...]
    bit: Placed | None = None

    @property
    def end(self) -> int:
        """Give the address behind the last one."""
        return self.start + len(self.content)

    def request(self, *, multiple: bool) -> Request:
        """Give the request; ``multiple``: functions 15 and 16 also for a single coil or register."""
        if self.area is not Area.COIL:
            return write_registers(self.start, self.content, multiple=multiple)
        if len(self.content) == 1:
            return write_coil(self.start, value=bool(self.content[0]), multiple=multiple)
        return write_coils(self.start, [bool(state) for state in self.content])


def order_of(member: int, placed: Placed, value: object) -> WriteOrder:
    """Give the request that writes one value. Raises :class:`~core.errors.DeviceRefused` for one that has no place."""
    address, start = placed.address, placed.span.start
    if not address.area.is_writable:
        problem = f"Modbus has no way to write a {address.area.noun}"
        raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE)
    if address.area is Area.COIL:
        return WriteOrder((member,), address.area, start, (int(truth_of(value)),))
    if address.bit is not None:
        return WriteOrder((member,), address.area, start, (int(truth_of(value)),), placed)
    words = registers_of(value, address.encoding, placed.order, address.length)
    if len(words) > MOST_WRITTEN:
        problem = f"the value takes {len(words)} registers, one write holds {MOST_WRITTEN}"
        raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE)
    return WriteOrder((member,), address.area, start, tuple(words))


def merge(orders: Sequence[WriteOrder], settings: ModbusSettings) -> list[WriteOrder]:
    """Put each value into the request before it where their registers (or coils) meet without a gap."""
    merged: list[WriteOrder] = []
    for order in orders:
        joined = _join(merged[-1], order, settings) if merged and settings.strategy == "merge" else None
        if joined is None:
            merged.append(order)
        else:
            merged[-1] = joined
    return merged


def _join(one: WriteOrder, other: WriteOrder, settings: ModbusSettings) -> WriteOrder | None:
    if one.area is not other.area or one.bit is not None or other.bit is not None:
        return None
    most = MOST_COILS_WRITTEN if one.area.is_bits else MOST_WRITTEN
    if len(one.content) + len(other.content) > min(most, settings.limits_of(one.area).max_block):
        return None
    members = one.members + other.members
    if other.start == one.end:
        return WriteOrder(members, one.area, one.start, one.content + other.content)
    if one.start == other.end:
        return WriteOrder(members, one.area, other.start, other.content + one.content)
    return None
