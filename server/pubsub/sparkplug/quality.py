"""StatusCodes as Sparkplug tells them: the property ``Quality`` (Sparkplug 3.0.0, 6.4.9.1), and the code beside it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from core.quality import StatusArray, is_bad, is_uncertain
from server.pubsub.sparkplug.messages import encode_message
from server.pubsub.sparkplug.payload import Metric, PropertySet, PropertyValue
from server.pubsub.sparkplug.types import BAD, GOOD, STALE, SparkplugType

QualityArray = npt.NDArray[np.int16]

_BAD_BIT = np.uint32(0x80000000)
_UNCERTAIN_BIT = np.uint32(0x40000000)


def quality_of(status: int) -> int:
    """Give Sparkplug's quality of a StatusCode: Good 192, Uncertain 500 (stale), Bad 0."""
    return BAD if is_bad(status) else STALE if is_uncertain(status) else GOOD


def qualities(status: StatusArray) -> QualityArray:
    """Give the quality of each StatusCode."""
    uncertain = np.where(status & _UNCERTAIN_BIT, np.int16(STALE), np.int16(GOOD))
    return np.where(status & _BAD_BIT, np.int16(BAD), uncertain)


def quality_values(status: int) -> dict[str, PropertyValue]:
    """Give the properties that tell of a StatusCode: ``Quality``, and the code itself where it is not plain Good."""
    made = {"Quality": PropertyValue(type=SparkplugType.INT32, int_value=quality_of(status))}
    if status:
        # Int64: a number of 32 bits without a sign is read by some libraries from another field than by others.
        made["StatusCode"] = PropertyValue(type=SparkplugType.INT64, long_value=status)
    return made


@lru_cache(256)
def quality_block(status: int) -> bytes:
    """Give the properties of a metric of data, as the field of the metric."""
    values = quality_values(status)
    return encode_message(Metric(properties=PropertySet(list(values), list(values.values()))))
