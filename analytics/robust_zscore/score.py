"""The modified z-score of Iglewicz and Hoaglin, with an answer for every window.

B. Iglewicz, D. Hoaglin: "How to Detect and Handle Outliers", ASQC Basic References in Quality Control 16 (1993): the
factor 0.6745, which makes MAD / 0.6745 the standard deviation of a normal distribution, and the threshold 3.5.
"""

from __future__ import annotations

import math

from analytics.robust_zscore.window import SortedWindow

MAD_FACTOR = 0.6745
"""The 0.75 quantile of the standard normal distribution: its MAD in standard deviations."""
MEAN_DEVIATION_FACTOR = 1.253314
"""sqrt(pi / 2): the standard deviation of a normal distribution in mean absolute deviations."""
SCORE_LIMIT = 1e6
"""Scores end here, so that a value off a constant signal has a score that is a number."""
LARGEST_VALUE = 1e300
"""Values beyond are taken for no numbers: differences and sums of a window of smaller ones stay finite."""


def robust_score(value: float, window: SortedWindow) -> float:
    """Score ``value`` (within ±LARGEST_VALUE) against a window that is not empty: signed, -SCORE_LIMIT..SCORE_LIMIT.

    Where more than half of the window is one value MAD is 0; then the mean absolute deviation stands in. Where all of
    it is one value, that value scores 0 and every other the limit.
    """
    median = window.median()
    distance = value - median
    if distance == 0.0:
        return 0.0
    spread = window.median_deviation(median) / MAD_FACTOR
    if spread == 0.0:
        spread = MEAN_DEVIATION_FACTOR * window.mean_deviation(median)
    if spread == 0.0:
        return math.copysign(SCORE_LIMIT, distance)
    return max(-SCORE_LIMIT, min(SCORE_LIMIT, distance / spread))
