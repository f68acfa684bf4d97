"""What a DataSetWriter says before it is encoded: frames of columns, one face for JSON, UADP, Sparkplug and others."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.batch import MaskArray, TimeArray, ValueArray
from core.datatypes import DataType
from core.quality import StatusArray

IndexArray = npt.NDArray[np.int32]


class MessageType(enum.Enum):
    """What a DataSetMessage holds (Part 14 v1.05 7.2.5.4, MessageType)."""

    KEY_FRAME = "ua-keyframe"
    DELTA_FRAME = "ua-deltaframe"
    EVENT = "ua-event"
    KEEP_ALIVE = "ua-keepalive"


class PubSubState(enum.IntEnum):
    """State of a publisher (Part 14 v1.05 6.2.1)."""

    DISABLED = 0
    PAUSED = 1
    OPERATIONAL = 2
    ERROR = 3
    PRE_OPERATIONAL = 4


@dataclass(frozen=True, slots=True, eq=False)
class FieldValues:
    """Values of fields of one column type, each field at most once.

    ``index``: int32[n], places in the DataSet; ``values``: [n]; ``status``: uint32[n]; the times: int64[n]
    ticks; ``empty``: bool[n] or None, true where there is no value to show.
    """

    datatype: DataType
    index: IndexArray
    values: ValueArray
    status: StatusArray
    source_time: TimeArray
    server_time: TimeArray
    empty: MaskArray | None = None

    def __len__(self) -> int:
        """Count the values."""
        return len(self.index)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A DataSetMessage before it is encoded. ``time``: when it was made, ticks."""

    kind: MessageType
    sequence: int
    time: int
    parts: tuple[FieldValues, ...]

    def __len__(self) -> int:
        """Count the values."""
        return sum(map(len, self.parts))

    @property
    def samples(self) -> int:
        """Count it as the books do: its values, or one event."""
        return 1 if self.kind is MessageType.EVENT else len(self)


@dataclass(frozen=True, slots=True)
class WriterIdentity:
    """Who a DataSetWriter is in its messages. ``version``: major and minor of the DataSetMetaData."""

    publisher: str
    group: str
    writer: str
    writer_id: int
    version: tuple[int, int]
