"""Topics of UADP over MQTT (Part 14 v1.05 7.3.5.7), as far as they differ from those of JSON: in one level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CONTENT_TYPE: Final = "application/opcua+uadp"
"""MQTT 5.0 content type of UADP messages (Part 14 v1.05 7.3.5.8.2)."""


@dataclass(frozen=True, slots=True)
class UadpTopics:
    """The topics of one publisher."""

    prefix: str
    publisher: str

    @property
    def status(self) -> str:
        """Where the publisher says whether it is operational."""
        return f"{self.prefix}/uadp/status/{self.publisher}"

    def data(self, group: str, writer: str = "") -> str:
        """Where data go: of a DataSetWriter, or of a whole WriterGroup."""
        return f"{self.prefix}/uadp/data/{self.publisher}/{group}" + (f"/{writer}" if writer else "")

    def metadata(self, group: str, writer: str) -> str:
        """Where a DataSetWriter's DataSetMetaData is retained."""
        return f"{self.prefix}/uadp/metadata/{self.publisher}/{group}/{writer}"
