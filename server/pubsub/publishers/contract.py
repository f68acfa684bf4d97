"""The face of an encoding to its connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.address_space.structured import StructureCodec
from server.pubsub.contract import BrokerSession, Encoding
from server.pubsub.events.settings import EventSettings, LogSettings
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.json.field_types import NO_TYPES
from server.pubsub.settings import ConnectionSettings, DataSetSettings, EncodingName
from server.pubsub.uadp.keys import SecurityGroups

AnyDataSet = DataSetSettings | EventSettings | LogSettings


@dataclass(frozen=True, slots=True)
class Published:
    """What one connection publishes. ``publisher``: its name; ``fields``: of each DataSet of points.

    ``name``: of the connection; ``codec``: the model's DataTypes; ``security``: the SecurityGroups, if there are any.
    """

    name: str
    publisher: str
    settings: ConnectionSettings
    fields: Mapping[str, Sequence[DataSetField]]
    codec: StructureCodec = NO_TYPES
    security: SecurityGroups | None = None


class Publisher(Protocol):
    """One publisher; made anew for each start of its connection."""

    by_time: bool
    """Whether it wants a frame for each source time, as Part 14's DataSetMessages are."""

    @property
    def name(self) -> EncodingName:
        """The encoding's name."""
        ...

    async def open(self) -> BrokerSession:
        """Read what is kept over restarts, and give who speaks on the links.

        Raises :class:`~core.errors.StoreUnavailable` and :class:`~core.errors.SettingError`.
        """
        ...

    def data_topic(self, group: str, dataset: str) -> str:
        """Give where a DataSet's data go; an empty text where it has no topic of its own."""
        ...

    def metadata_topic(self, group: str, dataset: str) -> str:
        """Give where a DataSet's metadata is retained; an empty text where it has no topic of its own."""
        ...

    def encoding(self, identity: WriterIdentity, dataset: AnyDataSet, fields: Sequence[DataSetField]) -> Encoding:
        """Make a DataSet's encoding. Raises :class:`~core.errors.SettingError` for what cannot be encoded so."""
        ...

    def admitted(self, identity: WriterIdentity, dataset: AnyDataSet) -> None:
        """Learn that a DataSet is published, by the identity that it has from now on."""
        ...
