"""Who publishes UADP: what all DataSetWriters of a connection have in common."""

from __future__ import annotations

import itertools
from typing import Final

from core.errors import SettingError
from server.address_space.structured import StructureCodec
from server.pubsub.contract import MqttMessage
from server.pubsub.frames import PubSubState
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.uadp.announcements import Announcements
from server.pubsub.uadp.keys import GroupKeys, SecurityGroups
from server.pubsub.uadp.publisher_id import PublisherId, PublisherIdType
from server.pubsub.uadp.security import Protection
from server.pubsub.uadp.settings import UadpSecuritySettings
from server.pubsub.uadp.topics import UadpTopics

_MOST_NAMESPACES: Final = 0xFFFF


class UadpPublisher:
    """One publisher with its topics, and with the numbers of its announcements.

    ``codec``: the model's DataTypes and namespaces; ``groups``: the SecurityGroups, where there are any.
    """

    def __init__(
        self,
        prefix: str,
        name: str,
        kind: PublisherIdType,
        *,
        codec: StructureCodec = NO_TYPES,
        groups: SecurityGroups | None = None,
    ) -> None:
        """Name it as its topics do. Raises :class:`~core.errors.SettingError` for a name that its type cannot hold."""
        self.identifier = PublisherId.of(name, kind)
        self.topics = UadpTopics(prefix, name)
        self.announcements = Announcements(self.identifier)
        self.codec = codec
        self._groups = groups

    @property
    def namespaces(self) -> list[str]:
        """Give the namespaces by their indexes in values, without that of OPC UA itself."""
        found: list[str] = []
        for index in itertools.takewhile(lambda number: number <= _MOST_NAMESPACES, itertools.count(1)):
            try:
                found.append(self.codec.namespaces.uri_of(index))
            except LookupError:
                break
        return found

    def protection(self, security: UadpSecuritySettings | None) -> Protection | None:
        """Give what secures messages as the settings say.

        Raises :class:`~core.errors.SettingError` where there is no such SecurityGroup: nothing is sent less secure.
        """
        if security is None:
            return None
        if self._groups is None or security.group not in self._groups.names():
            problem = f"messages shall be secured, and there is no SecurityGroup {security.group}"
            raise SettingError(problem, "name one that there is, or leave security: out and use TLS alone")
        return Protection(GroupKeys(self._groups, security.group), security.mode)

    def status(self, state: PubSubState) -> MqttMessage:
        """Give its status, retained; the one with Error is the will."""
        return self.announcements.status(self.topics.status, state)
