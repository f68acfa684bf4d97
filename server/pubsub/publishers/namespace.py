"""A Unified Namespace as a connection's publisher."""

from __future__ import annotations

from collections.abc import Sequence

from server.pubsub.contract import BrokerSession, Encoding
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.publishers.contract import AnyDataSet, Published
from server.pubsub.settings import EncodingName
from server.pubsub.unified_namespace.encoding import NamespaceEncoding
from server.pubsub.unified_namespace.session import NamespaceSession
from server.pubsub.unified_namespace.settings import NamespaceSettings
from server.pubsub.unified_namespace.topics import Place, topics


class NamespacePublisher:
    """One message a value, in topics by the plant's structure."""

    name: EncodingName = "unified-namespace"
    by_time = False

    def __init__(self, published: Published) -> None:
        """Prepare."""
        self._published = published
        self._settings = published.settings.namespace or NamespaceSettings()

    async def open(self) -> BrokerSession:
        """Give who speaks on the links."""
        return NamespaceSession(self._published.settings.prefix, self._published.publisher)

    def data_topic(self, group: str, dataset: str) -> str:
        """Give nothing: each point has a topic."""
        del group, dataset
        return ""

    def metadata_topic(self, group: str, dataset: str) -> str:
        """Give nothing: each point has a topic."""
        del group, dataset
        return ""

    def encoding(self, identity: WriterIdentity, dataset: AnyDataSet, fields: Sequence[DataSetField]) -> Encoding:
        """Make a DataSet's encoding. Raises :class:`~core.errors.SettingError` where two points get one topic."""
        del dataset
        published = self._published
        place = Place(
            published.settings.prefix_of(identity.writer), published.publisher, identity.group, identity.writer
        )
        return NamespaceEncoding(self._settings, fields, topics(self._settings, place, fields), published.codec)

    def admitted(self, identity: WriterIdentity, dataset: AnyDataSet) -> None:
        """Do nothing: the namespace describes itself."""
