"""The ``influx:`` section of the historian's configuration. docs/how-to/influxdb.md explains each key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Secret, Settings, raise_clashes
from core.tls_files import ServerAddress, beside, clashing_files, take_apart

__all__ = ["PORTS", "InfluxSettings", "ServerAddress", "address_of"]

PORTS = {"http": 8086, "https": 8086}


class InfluxSettings(Settings):
    """One database of an InfluxDB server and how it is talked to."""

    url: str
    api: Literal["v1", "v2"] = "v1"
    database: str = ""
    retention_policy: str = ""
    org: str = ""
    bucket: str = ""
    token: Secret | None = None
    username: str = ""
    password: Secret | None = None
    measurement: str = Field(default="history", min_length=1, max_length=200)
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    connect_timeout: PositiveDuration = 5.0
    timeout: PositiveDuration = 60.0
    lines: int = Field(default=10_000, ge=1, le=1_000_000)
    max_bytes: int = Field(default=8 << 20, ge=4_096, le=256 << 20)
    gzip: bool = True
    create: bool = False

    @field_validator("url")
    @classmethod
    def _can_be_reached(cls, value: str) -> str:
        address_of(value)
        return value

    @field_validator("database", "retention_policy", "measurement", "bucket", "org", "username")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if not value.isprintable():
            problem = "a name must not hold control characters"
            raise SettingError(problem, "write it in one line of printable text")
        return value

    @field_validator("measurement")
    @classmethod
    def _escapes_nothing(cls, value: str) -> str:
        if "\\" in value or value.startswith(("_", "#")):
            problem = f"{value!r} is no name for a measurement"
            raise SettingError(problem, "leave backslashes out, and _ and # from its beginning")
        return value

    @field_validator("token", "password")
    @classmethod
    def _fits_a_header(cls, value: Secret | None) -> Secret | None:
        if value is not None and not (value.reveal().isascii() and value.reveal().isprintable()):
            problem = "the secret holds characters that no HTTP header can carry"
            raise SettingError(problem, "give it without line ends and in ASCII")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> InfluxSettings:
        clashes: dict[str, SettingError] = {}
        if self.api == "v1" and not self.database:
            clashes["database"] = SettingError("no database is named", "write database: plantspace")
        if self.api == "v2" and not (self.org and self.bucket):
            clashes["bucket"] = SettingError("api: v2 needs an organisation and a bucket", "write org: and bucket:")
        if self.api == "v1" and (self.org or self.bucket):
            clashes["api"] = SettingError("org and bucket belong to api: v2", "write api: v2, or database: alone")
        if self.api == "v2" and self.create:
            problem = "buckets are not created from here: they belong to an organisation's administrator"
            clashes["create"] = SettingError(problem, "make the bucket by `influx bucket create`")
        if self.password is not None and not self.username:
            clashes["password"] = SettingError("a password is given without a username", "write username: beside it")
        if self.token is not None and self.username:
            clashes["token"] = SettingError("a token and a username are given", "keep one of them")
        mend = "write https:// for the server, or leave the files out"
        clashes |= clashing_files(self, "url", self.url, secure=self.address.secure, mend=mend)
        raise_clashes(self, clashes)
        return self

    @property
    def address(self) -> ServerAddress:
        """Give the server's address taken apart."""
        return address_of(self.url)

    @property
    def queried(self) -> str:
        """Name the database as InfluxQL knows it: a bucket has its own name there unless it is mapped to another."""
        return self.database or self.bucket

    def beside(self, base: Path) -> InfluxSettings:
        """Give the same settings with the names of files that are relative begun at ``base``."""
        return beside(self, base)


def address_of(url: str) -> ServerAddress:
    """Take a server's address apart.

    Raises:
        SettingError: It is not ``http://host[:port][/path]`` or ``https://…``.
    """
    mend = "write http://host:port or https://host:port; the port is 8086 where none is given"
    return take_apart(url, PORTS, secure=("https",), paths=PORTS, what="InfluxDB", mend=mend)
