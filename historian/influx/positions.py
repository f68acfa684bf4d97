"""Where a sample stands in InfluxDB: source time and ordinal, as a timestamp in nanoseconds and the tag ``n``.

A DateTime tick is 100 ns, so a tick has 100 nanoseconds to tell samples with one source time apart. The first half of
them is the gateway's own, the second half belongs to what is imported (:class:`Lane`): two processes that write one
point at one time never take each other's place. The 51st sample of a lane at one tick begins the tag ``n=1`` and so on.
"""

from __future__ import annotations

import enum
from typing import Final

import numpy as np
import numpy.typing as npt

from core.time import UNIX_EPOCH_TICKS

OrdinalArray = npt.NDArray[np.int64]

TICK: Final = 100
"""Nanoseconds."""
LANE: Final = 50
"""Positions of a lane in one tick."""
_LOWEST: Final = -(1 << 63) + 2
_HIGHEST: Final = (1 << 63) - 2
"""What InfluxDB takes as a timestamp; about the years 1677 to 2262."""
FIRST_TICK: Final = -(-_LOWEST // TICK) + UNIX_EPOCH_TICKS
LAST_TICK: Final = _HIGHEST // TICK - 1 + UNIX_EPOCH_TICKS
"""The source times that can be kept, in DateTime ticks."""

_NUMBER_BITS: Final = 40


class Lane(enum.IntEnum):
    """Who writes."""

    GATEWAY = 0
    IMPORT = 1


def nanoseconds(tick: int) -> int:
    """Give the first timestamp of a tick, held within what InfluxDB takes."""
    return (min(max(tick, FIRST_TICK), LAST_TICK) - UNIX_EPOCH_TICKS) * TICK


def record_of(number: int, sequence: int) -> int:
    """Name a record of an origin, which has a number in the ledger, in one integer field."""
    return number << _NUMBER_BITS | sequence


def is_before(record: int, other: int) -> bool:
    """Tell whether what a record brought stood before ``other`` was delivered first.

    Records of one origin come in the order of their sequences; another origin's came earlier altogether, because the
    present one's are only being delivered.
    """
    return record >> _NUMBER_BITS != other >> _NUMBER_BITS or record < other
