"""Topics where a broker has only its own: what Part 14 says in levels of a topic goes into a bag of properties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote


class TopicScheme(Protocol):
    """Where the messages of a publisher go. The topics of an encoding by Part 14 v1.05 7.3.5.7 are one too."""

    @property
    def status(self) -> str:
        """Where the publisher says whether it is operational; its will goes there, too."""
        ...

    def data(self, group: str, writer: str) -> str:
        """Where a DataSetWriter's data go; a topic belongs to one DataSetWriter."""
        ...

    def metadata(self, group: str, writer: str) -> str:
        """Where a DataSetWriter's DataSetMetaData goes."""
        ...


@dataclass(frozen=True, slots=True)
class IotHubTopics:
    """The one topic of a device at Azure IoT Hub, each message's kind and origin in its property bag.

    Azure IoT, Communicate with an IoT hub using the MQTT protocol: sending device-to-cloud messages. ``$.ct`` and
    ``$.ce`` are the content type and encoding, which routing by the body needs; messages that are not JSON have no
    ``$.ce``. The others are application properties: routing queries and consumers see them by these names.
    """

    device: str
    content_type: str = "application/json"
    content_encoding: str = "utf-8"

    @property
    def status(self) -> str:
        """Give the topic of the publisher's status."""
        return self._topic({"type": "ua-status"})

    def data(self, group: str, writer: str = "") -> str:
        """Give the topic of a DataSetWriter's data, or of a whole WriterGroup's."""
        return self._topic({"type": "ua-data", "dataset": writer, "group": group})

    def metadata(self, group: str, writer: str) -> str:
        """Give the topic of a DataSetWriter's DataSetMetaData."""
        return self._topic({"type": "ua-metadata", "dataset": writer, "group": group})

    def _topic(self, properties: dict[str, str]) -> str:
        system = {"$.ct": self.content_type, "$.ce": self.content_encoding}
        bag = "&".join(f"{key}={quote(value, safe='')}" for key, value in (system | properties).items() if value)
        return f"devices/{self.device}/messages/events/{bag}"
