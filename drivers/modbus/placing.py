"""Where a device's addresses lie, once its settings have said what numbers count from and how long a request may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import AddressError
from drivers.contract import BoundPoint
from drivers.modbus.address import ModbusAddress
from drivers.modbus.blocks import Span
from drivers.modbus.encoding import Order
from drivers.modbus.numbering import protocol_address
from drivers.modbus.settings import ModbusSettings


@dataclass(frozen=True, slots=True)
class Placed:
    """A point with its address, its span of protocol addresses and the order in force for it."""

    bound: BoundPoint
    address: ModbusAddress
    span: Span
    order: Order


def place(points: Iterable[BoundPoint], settings: ModbusSettings) -> list[Placed]:
    """Work out where points lie. Raises :class:`~core.errors.AddressError` for what the settings give no meaning."""
    default = Order(settings.byte_order)
    placed: list[Placed] = []
    for bound in points:
        address: ModbusAddress = bound.address
        placed.append(Placed(bound, address, _span(address, settings), address.order or default))
    return placed


def check(settings: ModbusSettings, addresses: Sequence[ModbusAddress], base: Path) -> list[AddressError]:
    """Tell which addresses have no meaning under the settings."""
    del base
    errors: list[AddressError] = []
    for address in addresses:
        try:
            _span(address, settings)
        except AddressError as error:
            errors.append(error)
    return errors


def _span(address: ModbusAddress, settings: ModbusSettings) -> Span:
    most = settings.limits_of(address.area).max_block
    if address.count > most:  # it would have to be read by two requests, and could change in between
        problem = f"the value takes {address.count} registers, the device's max_block is {most}"
        raise AddressError(address.text, problem, "read shorter values, or allow larger blocks", address.number_column)
    start = protocol_address(address, settings.offset_base)
    return Span(start, start + address.count)
