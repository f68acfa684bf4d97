"""How much a test tries: what every run of the suite can bear, or as much as makes sense (`make torture`)."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("PLANTSPACE_THOROUGH"))


def examples(usual: int, thorough: int) -> int:
    """Choose how many examples to try."""
    return thorough if THOROUGH else usual
