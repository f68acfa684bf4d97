"""Topics and names of an edge node (Sparkplug 3.0.0, 4.1 and 6.4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from server.pubsub.fields import DataSetField

NAMESPACE: Final = "spBv1.0"
REBIRTH: Final = "Node Control/Rebirth"
BD_SEQ: Final = "bdSeq"


@dataclass(frozen=True, slots=True)
class NodeTopics:
    """The topics of one edge node."""

    group: str
    node: str

    def of(self, verb: str, device: str = "") -> str:
        """Give the topic of a message such as ``NBIRTH`` or, of a device, ``DDATA``."""
        topic = f"{NAMESPACE}/{self.group}/{verb}/{self.node}"
        return f"{topic}/{device}" if device else topic

    def data(self, device: str) -> str:
        """Give the topic of data: NDATA for the node itself, DDATA for a device."""
        return self.of("DDATA" if device else "NDATA", device)

    def birth(self, device: str) -> str:
        """Give the topic of a birth."""
        return self.of("DBIRTH" if device else "NBIRTH", device)


def state_topic(host: str) -> str:
    """Give the topic on which a host says whether it is there (Sparkplug 3.0.0, 4.1.10)."""
    return f"{NAMESPACE}/STATE/{host}"


def metric_names(fields: Sequence[DataSetField], folder: str = "") -> list[str]:
    """Name the metrics: the field's name, its parts as folders. ``folder``: one more that all of them stand in.

    A field named by the whole path or some of it has its BrowseNames as parts, whatever signs stand in them.
    """
    front = f"{folder}/" if folder else ""
    return [front + "/".join(_parts(field)) for field in fields]


def _parts(field: DataSetField) -> Sequence[str]:
    for start in range(len(field.path)):
        if ".".join(field.path[start:]) == field.name:
            return [part.replace("/", "_") for part in field.path[start:]]
    return [field.name.replace("/", "_")]
