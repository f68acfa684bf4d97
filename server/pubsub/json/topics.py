"""MQTT topics of Part 14 v1.05 7.3.5.7: ``<prefix>/<encoding>/<message type>/<publisher>[/<group>/<writer>]``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one publisher. ``encoding``: UADP has the same tree beside JSON's."""

    prefix: str
    publisher: str
    encoding: Literal["json", "uadp"] = "json"

    @property
    def status(self) -> str:
        """Where the publisher says whether it is operational (7.3.5.7.7)."""
        return self._of_publisher("status")

    @property
    def connection(self) -> str:
        """Where the publisher describes its groups and writers (7.3.5.7.8)."""
        return self._of_publisher("connection")

    def data(self, group: str, writer: str) -> str:
        """Where a DataSetWriter's data go (7.3.5.7.3)."""
        return f"{self._of_publisher('data')}/{group}/{writer}"

    def metadata(self, group: str, writer: str) -> str:
        """Where a DataSetWriter's DataSetMetaData is retained (7.3.5.7.4)."""
        return f"{self._of_publisher('metadata')}/{group}/{writer}"

    def _of_publisher(self, kind: str) -> str:
        return f"{self.prefix}/{self.encoding}/{kind}/{self.publisher}"
