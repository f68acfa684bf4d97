"""What a device of this driver can be told in the configuration. README.md explains each key."""

from __future__ import annotations

from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings
from drivers.contract import DeviceSettings
from drivers.modbus.encoding import Area
from drivers.modbus.numbering import OffsetBase

DEFAULT_PORT = 502
MOST_REGISTERS = 125
"""Most registers a read may ask for (MODBUS Application Protocol V1.1b3, 6.3)."""
MOST_BITS = 2000
"""Most bits a read may ask for (MODBUS Application Protocol V1.1b3, 6.1)."""
_LATER = ("rtu", "rtuovertcp", "tls")


class Endpoint(NamedTuple):
    """Where the device listens."""

    host: str
    port: int


class KindLimits(Settings):
    """Limits of one kind of register; what is left out is the device's."""

    max_block: int | None = Field(default=None, ge=1, le=MOST_BITS)
    max_gap: int | None = Field(default=None, ge=0, le=MOST_BITS)


class BlockLimits(NamedTuple):
    """How much one request may read, and how many unused registers or bits it may bridge."""

    max_block: int
    max_gap: int


class ModbusSettings(DeviceSettings):
    """One unit at one address."""

    url: str
    unit: int = Field(default=1, ge=0, le=255)
    byte_order: Literal["abcd", "cdab", "badc", "dcba"] = "abcd"
    offset_base: OffsetBase = "modicon"
    strategy: Literal["merge", "single"] = "merge"
    max_block: int = Field(default=MOST_REGISTERS, ge=1, le=MOST_REGISTERS)
    max_block_bits: int = Field(default=MOST_BITS, ge=1, le=MOST_BITS)
    max_gap: int = Field(default=8, ge=0, le=MOST_REGISTERS)
    kinds: dict[Literal["coil", "discrete", "input", "holding"], KindLimits] = Field(
        default_factory=dict[Literal["coil", "discrete", "input", "holding"], KindLimits]
    )
    in_flight: int = Field(default=1, ge=1, le=64)
    busy_retry: PositiveDuration = 0.2
    busy_retry_longest: PositiveDuration = 10.0
    reprobe: PositiveDuration = 60.0
    write_functions: Literal["fitting", "multiple"] = "fitting"

    @field_validator("url")
    @classmethod
    def _can_be_reached(cls, value: str) -> str:
        endpoint_of(value)
        return value

    @property
    def endpoint(self) -> Endpoint:
        """Give host and port."""
        return endpoint_of(self.url)

    def limits_of(self, area: Area) -> BlockLimits:
        """Give the limits for reading an area, never beyond the protocol's."""
        most = min(MOST_BITS, self.max_block_bits) if area.is_bits else self.max_block
        own = self.kinds.get(area.value, KindLimits())
        block = most if own.max_block is None else own.max_block
        gap = self.max_gap if own.max_gap is None else own.max_gap
        return BlockLimits(min(block, MOST_BITS if area.is_bits else MOST_REGISTERS), gap)


def endpoint_of(url: str) -> Endpoint:
    """Take a device's address apart.

    Raises:
        SettingError: It is not ``tcp://host`` or ``tcp://host:port``.
    """
    mend = "write tcp://host or tcp://host:port; the port is 502 where none is given"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        problem = f"{url!r} is no address: {error}"
        raise SettingError(problem, mend) from error
    if parts.scheme in _LATER:
        problem = f"{parts.scheme}:// is not in this release"
        raise SettingError(problem, "Modbus TCP is: write tcp://host:port")
    if parts.scheme != "tcp" or "://" not in url:
        problem = f"a Modbus device is reached by tcp://, not by {url!r}"
        raise SettingError(problem, mend)
    if not host or port == 0:
        problem = f"{url!r} names no {'port' if host else 'host'}"
        raise SettingError(problem, mend)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        problem = "the url says more than host and port"
        raise SettingError(problem, mend)
    return Endpoint(host, DEFAULT_PORT if port is None else port)
