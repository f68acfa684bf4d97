"""What a thousand points of a plant deliver, for benchmarks: documented in docs/reference/performance.md.

600 analogue values (Double) that wander in hundredths, as transmitters scaled by a PLC do; 150 Float values of 12-bit
converters with one or two bits of noise; 150 counters (Int32) that rise now and then; 100 Booleans that change every
few seconds. Played forth and back, so that they go on for ever without a leap.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.datatypes import DataType

KINDS: Final = {DataType.DOUBLE: 600, DataType.FLOAT: 150, DataType.INT32: 150, DataType.BOOLEAN: 100}
POINTS: Final = sum(KINDS.values())


def plant(scans: int, hertz: float) -> dict[DataType, npt.NDArray[Any]]:
    """Make [scans, points] of each type, ``hertz`` scans a second."""
    random = np.random.default_rng(7)
    analogue = np.round(50.0 + np.cumsum(random.normal(0.0, 0.3 / np.sqrt(hertz), (scans, 600)), axis=0), 2)
    slow = 2048 + 900 * np.sin(np.linspace(0, scans / hertz / 20, scans)[:, None] + np.arange(150) / 25)
    counts = np.rint(slow + random.normal(0.0, 0.8, (scans, 150)))
    counter = np.cumsum(random.random((scans, 150)) < 3.0 / hertz, axis=0)
    toggles = np.cumsum(random.random((scans, 100)) < 0.3 / hertz, axis=0)
    return {
        DataType.DOUBLE: analogue,
        DataType.FLOAT: (counts * (100.0 / 4095.0)).astype(np.float32),
        DataType.INT32: counter.astype(np.int32),
        DataType.BOOLEAN: (toggles % 2).astype(np.bool_),
    }


def forth_and_back(scan: int, scans: int) -> int:
    """Give the row to play at a scan."""
    place = scan % (2 * scans - 2)
    return place if place < scans else 2 * scans - 2 - place
