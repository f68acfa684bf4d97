"""The UADP encoding of a DataSetWriter: frames to finished MQTT messages (Part 14 v1.05 7.2.4 over 7.3.5)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from core.errors import SettingError
from server.pubsub.contract import Encoded, MqttMessage
from server.pubsub.fields import DataSetField
from server.pubsub.frames import Frame, WriterIdentity
from server.pubsub.json.field_types import field_type
from server.pubsub.uadp.chunks import split
from server.pubsub.uadp.dataset_messages import DataSetMessages
from server.pubsub.uadp.flags import LARGEST_PAYLOAD
from server.pubsub.uadp.header import NetworkHeader
from server.pubsub.uadp.metadata import encode_metadata
from server.pubsub.uadp.promoted import PromotedFields
from server.pubsub.uadp.publisher import UadpPublisher
from server.pubsub.uadp.settings import UadpSettings
from server.pubsub.uadp.topics import CONTENT_TYPE

_UINT16: Final = np.dtype("<u2")


class UadpEncoding:
    """Makes the messages of one DataSetWriter; it is a :class:`~server.pubsub.contract.Encoding`."""

    def __init__(
        self,
        publisher: UadpPublisher,
        identity: WriterIdentity,
        fields: Sequence[DataSetField],
        content: Collection[str],
        settings: UadpSettings,
        *,
        prefix: str | None = None,
        description: str = "",
        group_sequence: itertools.count[int] | None = None,
    ) -> None:
        """Prepare. ``content``: names of DataSetFieldContentMask; ``prefix``: of its topics, if not the publisher's.

        ``group_sequence``: numbers of the WriterGroup's NetworkMessages, shared by its writers; from 1 if not given.
        Raises :class:`~core.errors.SettingError` for promoted fields that the DataSet does not have, another type of
        PublisherId than the publisher's, and a SecurityGroup that there is not.
        """
        if settings.publisher_id_type is not publisher.identifier.kind:
            problem = f"publisher_type is {settings.publisher_type}, and {publisher.identifier.kind.name} for others"
            raise SettingError(problem, "all datasets of a connection are of one publisher")
        protection = publisher.protection(settings.security)
        topics = publisher.topics if prefix is None else replace(publisher.topics, prefix=prefix)
        types = publisher.codec.types
        kinds = [field_type(field, types).built_in if field.built_in is None else field.built_in for field in fields]
        self._header = NetworkHeader(publisher.identifier, identity, settings, secured=protection is not None)
        self._messages = DataSetMessages(fields, kinds, content, settings.message, identity.version)
        self._promoted = PromotedFields(fields, kinds, settings.promoted) if settings.promoted else None
        self._protection = protection
        self._most = min(settings.most_messages, self._header.most_messages)
        self._sequence = itertools.count(1) if group_sequence is None else group_sequence
        self._topic = topics.data(identity.group, identity.writer if settings.topic == "writer" else "")
        self._metadata_topic = topics.metadata(identity.group, identity.writer)
        self._announcements = publisher.announcements
        self._writer_id = identity.writer_id
        self._metadata = encode_metadata(identity, description, fields, kinds, settings, publisher.namespaces)

    def data(self, frames: Sequence[Frame], largest: int) -> list[Encoded]:
        """Encode frames; see :class:`~server.pubsub.contract.Encoding`. The last chunk of a message has its values."""
        messages = self._messages.encode(frames)
        if len(frames) == 1:
            return self._alone(frames[0], messages[0], largest)
        made: list[Encoded] = []
        waiting: list[int] = []
        room = largest - self._header.size - (0 if self._protection is None else self._protection.overhead)
        each, most = self._header.size_each, self._most
        used = content = 0
        for place, message in enumerate(messages):
            size = len(message) + each
            full = len(waiting) >= most or used + size > room or content + len(message) + 2 > LARGEST_PAYLOAD
            if waiting and full:
                made.append(self._whole(waiting, frames, messages))
                waiting, used, content = [], 0, 0
            # On its own a message has no size before it, and may be as long as the broker takes it.
            if not waiting and (self._promoted is not None or size > room):
                made += self._alone(frames[place], message, largest)
                continue
            waiting.append(place)
            used += size
            content += len(message) + 2
        if waiting:
            made.append(self._whole(waiting, frames, messages))
        return made

    def metadata(self) -> list[MqttMessage]:
        """Give the DataSetMetaData as a retained discovery announcement; anew for each token of the SecurityGroup."""
        return self._announcements.metadata(self._metadata_topic, self._writer_id, self._metadata, self._protection)

    def _whole(self, places: list[int], frames: Sequence[Frame], messages: list[bytes]) -> Encoded:
        """Make a NetworkMessage of several DataSetMessages."""
        head = self._header.compose(next(self._sequence), frames[places[-1]].time, len(places))
        chosen = [messages[place] for place in places]
        if len(places) > 1:
            chosen.insert(0, np.fromiter(map(len, chosen), _UINT16, len(chosen)).tobytes())
        return Encoded(self._message(head, b"".join(chosen)), sum(frames[place].samples for place in places))

    def _alone(self, frame: Frame, message: bytes, largest: int) -> list[Encoded]:
        """Make a NetworkMessage of one DataSetMessage, or as many chunks as it takes."""
        promoted = b"" if self._promoted is None else self._promoted.take(frame)
        overhead = len(promoted) + (0 if self._protection is None else self._protection.overhead)
        if len(message) + self._header.size + self._header.size_each // 2 + overhead <= largest:
            head = self._header.compose(next(self._sequence), frame.time, 1, promoted)
            return [Encoded(self._message(head, message), frame.samples)]
        chunks = [
            self._message(self._header.compose_chunk(next(self._sequence), frame.time, promoted), chunk)
            for chunk in split(message, frame.sequence, largest - self._header.chunk_size - overhead)
        ]
        return [Encoded(chunk, 0) for chunk in chunks[:-1]] + [Encoded(chunks[-1], frame.samples)]

    def _message(self, head: bytes, payload: bytes) -> MqttMessage:
        whole = head + payload if self._protection is None else self._protection.seal(head, payload)
        return MqttMessage(self._topic, whole, kind="ua-data", content_type=CONTENT_TYPE)
