"""The parameters of the robust z-score: one place for their bounds, for the settings and for writes at run time."""

from __future__ import annotations

from analytics.definitions import ParameterDefinition
from core.datatypes import DataType

FEWEST_SAMPLES = 3
"""With fewer values the median says nothing of their spread."""
LONGEST_WINDOW = 10_000
"""Keeps one sample's cost below a millisecond in the worst case (docs/reference/analytics.md)."""

WINDOW = ParameterDefinition(
    "Window",
    DataType.UINT32,
    "How many of the latest samples the score is measured by; not fewer than MinimumSamples",
    minimum=FEWEST_SAMPLES,
    maximum=LONGEST_WINDOW,
)
THRESHOLD = ParameterDefinition(
    "Threshold",
    DataType.DOUBLE,
    "A score whose magnitude is greater is an anomaly",
    minimum=0.1,
    maximum=1000.0,
)
MINIMUM_SAMPLES = ParameterDefinition(
    "MinimumSamples",
    DataType.UINT32,
    "How many samples the window must hold before values are scored; not more than Window",
    minimum=FEWEST_SAMPLES,
    maximum=LONGEST_WINDOW,
)
PARAMETERS = (WINDOW, THRESHOLD, MINIMUM_SAMPLES)
