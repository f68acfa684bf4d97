"""The card of the robust z-score operator."""

from __future__ import annotations

from analytics.contract import OperatorManifest
from analytics.definitions import NUMBERS, InputDefinition, OutputDefinition
from analytics.robust_zscore.operator import METHODS, RobustZScore
from analytics.robust_zscore.parameters import PARAMETERS
from analytics.robust_zscore.score import SCORE_LIMIT
from analytics.robust_zscore.settings import INPUT, RobustZScoreSettings
from core.datatypes import DataType

MANIFEST = OperatorManifest(
    name="robust-zscore",
    title="Robust z-score",
    description="Tells how unusual each sample of a point is among the latest ones, by their median and MAD",
    type_name="RobustZScoreType",
    settings=RobustZScoreSettings,
    make=RobustZScore,
    inputs=(InputDefinition(INPUT, NUMBERS, "The point that is watched"),),
    outputs=(
        OutputDefinition(
            "Score",
            DataType.DOUBLE,
            "Distance from the median of the window in robust standard deviations; negative below the median",
            minimum=-SCORE_LIMIT,
            maximum=SCORE_LIMIT,
        ),
        OutputDefinition("Anomaly", DataType.BOOLEAN, "Whether the score's magnitude is greater than Threshold"),
    ),
    parameters=PARAMETERS,
    methods=METHODS,
)
