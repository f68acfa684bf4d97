"""Discovery announcements of one publisher: DataSetMetaData and status (Part 14 v1.05 7.2.4.6)."""

from __future__ import annotations

import itertools
from struct import Struct
from typing import Final

from server.pubsub.contract import MqttMessage
from server.pubsub.frames import PubSubState
from server.pubsub.uadp.flags import SEQUENCE_MASK, AnnouncementType
from server.pubsub.uadp.header import announcement_head
from server.pubsub.uadp.publisher_id import PublisherId
from server.pubsub.uadp.security import UNSECURED, Protection
from server.pubsub.uadp.topics import CONTENT_TYPE

_HEAD: Final = Struct("<BH")
_STATUS: Final = Struct("<H?I")
_STATUS_INFORMATION: Final = 2
_GOOD: Final = bytes(4)
_EXPIRES: Final = 2 * 86_400
"""Seconds that a broker keeps metadata; they are said again daily, as long as there is somebody to say them."""


class Announcements:
    """Numbers and makes the announcements of one publisher; one for all its DataSetWriters."""

    def __init__(self, publisher: PublisherId) -> None:
        """Begin with sequence number 1."""
        self._publisher = publisher
        self._sequence = itertools.count(1)

    def metadata(self, topic: str, writer_id: int, encoded: bytes, protection: Protection | None) -> list[MqttMessage]:
        """Give the retained DataSetMetaData of a DataSetWriter (7.2.4.6.4). It is never cut: a broker retains one."""
        number = next(self._sequence) & SEQUENCE_MASK
        head = _HEAD.pack(AnnouncementType.DATASET_METADATA, number)
        payload = head + writer_id.to_bytes(2, "little") + encoded + _GOOD
        return [self._message(topic, announcement_head(self._publisher), payload, "ua-metadata", protection)]

    def status(self, topic: str, state: PubSubState) -> MqttMessage:
        """Give the publisher's status (7.2.4.6.7): the broker tells when it goes, so it is not cyclic.

        It is never secured: as a will it lies at the broker for longer than keys live.
        """
        number = next(self._sequence) & SEQUENCE_MASK
        payload = _HEAD.pack(AnnouncementType.APPLICATION_INFORMATION, number)
        payload += _STATUS.pack(_STATUS_INFORMATION, False, state)  # noqa: FBT003 - a field of the message
        return self._message(topic, announcement_head(self._publisher), payload, "ua-status", None)

    def _message(
        self, topic: str, head: bytes, payload: bytes, kind: str, protection: Protection | None
    ) -> MqttMessage:
        whole = head + UNSECURED + payload if protection is None else protection.seal(head, payload)
        expiry = _EXPIRES if kind == "ua-metadata" else None
        return MqttMessage(topic, whole, retain=True, kind=kind, content_type=CONTENT_TYPE, expiry=expiry)
