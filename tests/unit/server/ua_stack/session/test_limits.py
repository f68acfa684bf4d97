"""How long a session may idle."""

from __future__ import annotations

import math

import pytest

from server.ua_stack.session.limits import SessionLimits


@pytest.mark.parametrize(
    ("asked", "revised"),
    [
        (60_000.0, 60.0),
        (0.0, 3600.0),
        (-1.0, 3600.0),
        (math.nan, 3600.0),
        (math.inf, 3600.0),
        (1e300, 3600.0),
        (0.001, 5.0),
        (4_999.0, 5.0),
    ],
)
def test_what_is_asked_for_is_kept_within_bounds(asked: float, revised: float) -> None:
    assert SessionLimits().revised(asked) == revised
