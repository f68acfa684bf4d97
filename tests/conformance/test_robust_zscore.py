from __future__ import annotations

import pytest

from analytics.robust_zscore.manifest import MANIFEST
from tests.conformance.operator import OperatorConformance, OperatorUnderTest


class TestConformance(OperatorConformance):
    @pytest.fixture
    def subject(self) -> OperatorUnderTest:
        settings = {
            "operator": "robust-zscore",
            "input": "/Objects/Line1/Filler/Temperature",
            "window": 50,
            "minimum_samples": 12,
        }
        return OperatorUnderTest(MANIFEST, settings, warm_up=12)
