"""The section ``audit:`` of the configuration."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.settings import Settings
from server.audit.retention_rule import Retention
from server.audit.syslog_target import SyslogTarget

_YEAR: Final = 365 * 86_400.0
_MOST_MIB: Final = 1_048_576


def _target(url: str) -> str:
    SyslogTarget.parse(url)
    return url


class AuditRetentionSettings(Settings):
    """``audit.retention``: records older than ``age`` are removed, and the oldest beyond ``mib`` MiB."""

    age: PositiveDuration = _YEAR
    mib: int = Field(default=1024, ge=16, le=_MOST_MIB)

    def retention(self) -> Retention:
        """Give the rule."""
        return Retention(self.age, self.mib << 20)


class AuditSettings(Settings):
    """The ``audit:`` section. ``syslog``: the URL of a receiver (``udp://``, ``tcp://``, ``tls://``), or none.

    ``syslog_ca_file``: PEM file with the authorities of a ``tls://`` receiver; the system's where it is left out.
    """

    retention: AuditRetentionSettings = AuditRetentionSettings()
    syslog: Annotated[str, AfterValidator(_target)] | None = None
    syslog_ca_file: str = ""
