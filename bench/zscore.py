"""What a sample costs in the robust z-score, beside the obvious way: numpy's median and MAD of the window, each sample.

Prints JSON: microseconds a sample, with one sample a batch (as the process image hands them on) and with 1000, for a
noisy signal and one that mostly stands still (where MAD is 0), and the longest window. ``python bench/zscore.py``
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from analytics.contract import OperatorContext
from analytics.robust_zscore.operator import RobustZScore
from analytics.robust_zscore.settings import RobustZScoreSettings
from core.batch import Samples
from core.datatypes import DataType

FloatArray = npt.NDArray[np.float64]
REPEATS = 5
"""The best of so many runs counts: what else the machine does only ever adds."""


def samples_of(values: FloatArray) -> Samples:
    """Make Good samples of one slot."""
    count = len(values)
    slots = np.zeros(count, np.int32)
    times = np.arange(count, dtype=np.int64)
    return Samples(
        DataType.DOUBLE, slots, slots, values, np.zeros(count, np.uint32), times, 0, np.ones(count, np.bool_)
    )


def best(run: Callable[[], object], samples: int) -> float:
    """Give microseconds a sample of the quickest of the runs."""
    took: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return round(min(took) / samples * 1e6, 2)


def plantspace(window: int, signal: FloatArray, batch: int) -> float:
    """Measure the operator with a full window."""
    settings = RobustZScoreSettings(operator="robust-zscore", input="i=85", window=window)
    operator = RobustZScore(settings, OperatorContext("bench", {"Input": 0}))
    operator.process(samples_of(signal[:window]))
    batches = [samples_of(signal[first : first + batch]) for first in range(window, len(signal), batch)]
    return best(lambda: [operator.process(samples) for samples in batches], len(signal) - window)


def peer(window: int, signal: FloatArray) -> float:
    """Measure median and MAD by numpy over the whole window, each sample."""
    members = signal[:window].copy()
    scores = np.zeros(len(signal) - window)

    def run() -> None:
        for place, value in enumerate(signal[window:].tolist()):
            median = float(np.median(members))
            deviations = np.abs(members - median)
            spread = float(np.median(deviations)) / 0.6745
            if spread == 0.0:
                spread = 1.253314 * float(np.mean(deviations))
            scores[place] = (value - median) / spread if spread > 0.0 else 0.0
            members[place % window] = value

    return best(run, len(signal) - window)


def main() -> None:
    """Measure and print."""
    generator = np.random.default_rng(7)
    noisy = generator.normal(50.0, 2.0, 300 + 20_000)
    still = np.where(generator.random(len(noisy)) < 0.55, 50.0, noisy)
    long = generator.normal(50.0, 2.0, 10_000 + 2_000)
    long_still = np.where(generator.random(len(long)) < 0.55, 50.0, long)
    rows = [
        {
            "signal": name,
            "window": window,
            "plantspace_us_per_sample_batch_1": plantspace(window, signal, 1),
            "plantspace_us_per_sample_batch_1000": plantspace(window, signal, 1000),
            "numpy_us_per_sample": peer(window, signal),
        }
        for name, window, signal in (
            ("noise", 300, noisy),
            ("mostly still", 300, still),
            ("noise", 10_000, long),
            ("mostly still", 10_000, long_still),
        )
    ]
    machine = {"python": platform.python_version(), "numpy": np.__version__, "cores": os.cpu_count()}
    print(json.dumps({"bench": "zscore", "machine": machine, "results": rows}, indent=2))


if __name__ == "__main__":
    main()
