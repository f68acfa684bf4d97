"""What a delivery has counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class DeliveryCounters:
    """Of one stream, since the start.

    In records and samples: what was delivered (``records``, ``samples``) and set aside (``dead_``). In messages:
    ``published``, where one that is sent again counts again, ``acknowledged``, ``replayed`` of the published,
    ``refused``, and ``in_flight`` now. ``failures``: how often delivery had to begin anew. ``values``: samples
    delivered, by DataSet.
    """

    records: int = 0
    samples: int = 0
    dead_records: int = 0
    dead_samples: int = 0
    failures: int = 0
    published: int = 0
    acknowledged: int = 0
    replayed: int = 0
    refused: int = 0
    in_flight: int = 0
    values: Counter[str] = field(default_factory=Counter[str])


def total(counters: Iterable[DeliveryCounters]) -> DeliveryCounters:
    """Add up what several streams have counted."""
    made = DeliveryCounters()
    for one in counters:
        for each in fields(one):
            setattr(made, each.name, getattr(made, each.name) + getattr(one, each.name))
    return made
