"""The CAN driver's card."""

from __future__ import annotations

from core.datatypes import DataType
from drivers.can.address import CanAddress, parse_address
from drivers.can.discovery import check, discover
from drivers.can.driver import CanDriver
from drivers.can.settings import CanSettings
from drivers.contract import Capability, Manifest


def _datatype_of(address: CanAddress) -> DataType:
    return address.datatype


MANIFEST = Manifest(
    name="can",
    title="CAN bus (DBC, J1939, NMEA 2000)",
    settings=CanSettings,
    capabilities=Capability.LISTENING | Capability.WRITABLE,
    make=CanDriver,
    parse_address=parse_address,
    datatype_of=_datatype_of,
    discover=discover,
    check=check,
    address_examples=("EngineData.EngineSpeed", "EEC1.EngineSpeed@0x23"),
)
