"""The card of the ``modbus`` driver."""

from __future__ import annotations

from core.datatypes import DataType
from drivers.contract import Capability, Manifest
from drivers.modbus.address import ModbusAddress, parse_address
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.placing import check
from drivers.modbus.settings import ModbusSettings


def datatype_of(address: ModbusAddress) -> DataType:
    """Give the built-in type that holds what the address reads."""
    return address.encoding.datatype


MANIFEST = Manifest(
    name="modbus",
    title="Modbus TCP",
    settings=ModbusSettings,
    capabilities=Capability.POLLED | Capability.WRITABLE | Capability.GROUPED | Capability.READ_BACK,
    make=ModbusDriver,
    parse_address=parse_address,
    datatype_of=datatype_of,
    check=check,
    address_examples=(
        "holding:40001/float32@cdab",
        "holding:0x0203",
        "input:30010/uint16",
        "input:12.5",
        "coil:3",
        "discrete:7",
        "holding:40100/string16",
    ),
)
