"""What a device section with ``driver: can`` holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from core.durations import Duration, PositiveDuration
from drivers.can.url import LiveUrl, LogUrl, parse_url
from drivers.contract import DeviceSettings

Match = Literal["exact", "pgn", "auto"]
NotAvailable = Literal["nmea2000", "j1939", "none", "auto"]


class CanSettings(DeviceSettings):
    """A bus or a log, and the DBC files that describe its messages; each key is explained in the driver's README."""

    url: str
    dbc: str | Annotated[list[str], Field(min_length=1)]
    strict: bool = True
    match: Match = "auto"
    signals: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    not_available: NotAvailable = "auto"
    gather: Duration = 0.01
    speed: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    loop: bool = True
    interval: PositiveDuration = 0.01

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        parse_url(value)
        return value

    @property
    def source(self) -> LiveUrl | LogUrl:
        """Give the bus or log that ``url`` names."""
        return parse_url(self.url)

    def files(self, base: Path) -> list[Path]:
        """Give the DBC files, relative ones from ``base``."""
        names = [self.dbc] if isinstance(self.dbc, str) else self.dbc
        return [base / name for name in names]
