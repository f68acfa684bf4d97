"""Everything that a connection has counted, and how it goes on where a connection begins anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields, replace

from server.pubsub.delivery.counters import DeliveryCounters, total
from server.pubsub.delivery.streams import CLASSES, DataClass
from server.pubsub.mqtt.counters import ConnectionCounters
from server.pubsub.writer_counters import WriterCounters


@dataclass(frozen=True, slots=True)
class PubSubStatistics:
    """Everything counted, for diagnostics; ``writers`` and ``acknowledged`` (values) by DataSet.

    ``delivery``: of all classes together.
    """

    connection: ConnectionCounters
    delivery: DeliveryCounters
    classes: dict[DataClass, DeliveryCounters]
    writers: dict[str, WriterCounters]
    acknowledged: dict[str, int]

    def after(self, ended: PubSubStatistics) -> PubSubStatistics:
        """Count on from what the connection had counted before it began anew; what it was then, it is no more."""
        connection = replace(
            self.connection,
            connects=self.connection.connects + ended.connection.connects,
            failures=self.connection.failures + ended.connection.failures,
        )
        classes: dict[DataClass, DeliveryCounters] = {
            kind: total(one.classes[kind] for one in (ended, self) if kind in one.classes)
            for kind in CLASSES
            if kind in ended.classes or kind in self.classes
        }
        writers = {
            name: _sum([one.writers[name] for one in (ended, self) if name in one.writers])
            for name in {**ended.writers, **self.writers}
        }
        acknowledged = Counter(ended.acknowledged)
        acknowledged.update(self.acknowledged)
        return PubSubStatistics(connection, total(classes.values()), classes, writers, dict(acknowledged))

    def only(self, present: PubSubStatistics) -> PubSubStatistics:
        """Leave out the DataSets and classes that ``present`` has not."""
        return replace(
            self,
            classes={kind: one for kind, one in self.classes.items() if kind in present.classes},
            writers={name: one for name, one in self.writers.items() if name in present.writers},
            acknowledged={name: one for name, one in self.acknowledged.items() if name in present.acknowledged},
        )


def _sum(several: list[WriterCounters]) -> WriterCounters:
    return WriterCounters(
        **{one.name: sum(getattr(each, one.name) for each in several) for one in fields(WriterCounters)}
    )
