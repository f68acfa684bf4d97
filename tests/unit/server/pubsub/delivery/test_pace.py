from __future__ import annotations

import pytest

from core.errors import SettingError
from server.pubsub.delivery.pace import Pace, Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("", None),
        ("500messages/s", Rate(500, in_bytes=False)),
        ("1.5 MB/s", Rate(1.5e6, in_bytes=True)),
        ("64KiB/s", Rate(65536, in_bytes=True)),
    ],
)
def test_rates_are_read(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["5", "5 apples/s", "0messages/s", "-1B/s", "MB/s"])
def test_what_is_no_rate_is_told(text: str) -> None:
    with pytest.raises(SettingError):
        parse_rate(text)


class _Clock:
    def __init__(self) -> None:
        self.moment = 100.0

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += seconds


async def test_a_pace_is_kept_and_what_was_not_used_is_at_most_a_second() -> None:
    clock = _Clock()
    pace = Pace(Rate(100, in_bytes=False), clock, clock.sleep)
    for _ in range(50):
        await pace.take(10, 1_000_000)
    assert clock.moment == pytest.approx(104.0)
    clock.moment += 60
    for _ in range(20):
        await pace.take(10, 1_000_000)
    assert clock.moment == pytest.approx(165.0)
    await Pace(None).take(1_000_000, 1)
