"""The settings of the robust z-score."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from analytics.contract import OperatorSettings
from analytics.robust_zscore.parameters import MINIMUM_SAMPLES, THRESHOLD, WINDOW
from core.errors import SettingError

INPUT = "Input"


class RobustZScoreSettings(OperatorSettings):
    """One watched point. ``input``: its node, by NodeId text or browse path.

    ``window`` and ``minimum_samples`` in samples, ``threshold`` in robust standard deviations: what the parameters of
    these names begin with.
    """

    input: str = Field(min_length=1)
    window: int = Field(default=300, ge=WINDOW.minimum, le=WINDOW.maximum)
    threshold: float = Field(default=3.5, ge=THRESHOLD.minimum, le=THRESHOLD.maximum)
    minimum_samples: int = Field(
        default=30, ge=MINIMUM_SAMPLES.minimum, le=MINIMUM_SAMPLES.maximum, validate_default=True
    )

    @field_validator("minimum_samples")
    @classmethod
    def _within_window(cls, minimum_samples: int, info: ValidationInfo) -> int:
        window = info.data.get("window")  # absent where it is wrong itself, and told already
        if isinstance(window, int) and minimum_samples > window:
            problem = (
                f"minimum_samples = {minimum_samples} is more than window = {window}: nothing would ever be scored"
            )
            raise SettingError(problem, f"write minimum_samples: {window} or fewer, or a longer window")
        return minimum_samples

    def input_nodes(self) -> dict[str, str]:
        """Give the watched point."""
        return {INPUT: self.input}
