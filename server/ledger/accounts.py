"""Whose samples are counted: a device's, or a DataSet's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

Number = Callable[[], int]

DEVICE: Final = "device/"
DATASET: Final = "dataset/"
"""What the names of accounts begin with."""


@dataclass(frozen=True, slots=True)
class Account:
    """Counts of samples since the start, each asked when it is read; ``name`` begins with its kind."""

    name: str
    counts: Mapping[str, Number]

    @property
    def owner(self) -> str:
        """Give the device's or DataSet's own name."""
        return self.name.partition("/")[2]

    @property
    def is_device(self) -> bool:
        """Tell whether it is a device's."""
        return self.name.startswith(DEVICE)
