from __future__ import annotations

import logging
from pathlib import Path

import pytest

from core.time import TICKS_PER_SECOND
from server.ledger.gaps import KEPT, Gap, GapLog

SECOND = TICKS_PER_SECOND


def _gap(start: int, end: int, samples: int = 1, place: str = "recorder", reason: str = "full") -> Gap:
    return Gap(start * SECOND, end * SECOND, samples, place, reason)


async def test_losses_that_follow_each_other_are_one_gap_and_stay_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "gaps.json"
    log = GapLog(file)
    await log.start()
    for second in range(10):
        log.add("device/a", _gap(second, second + 1, 5))
        log.add("device/a", _gap(second, second + 1, 2, "outbox/samples"))
    log.add("device/a", _gap(100, 101))
    log.add("device/b", _gap(1, 2))
    gaps = [_gap(0, 10, 50), _gap(0, 10, 20, "outbox/samples"), _gap(100, 101)]
    assert list(log.of("device/a")) == gaps
    assert (log.begun("device/a"), log.begun("device/b"), log.begun("device/c")) == (3, 1, 0)
    await log.stop()
    again = GapLog(file)
    await again.start()
    assert list(again.of("device/a")) == gaps
    assert again.begun("device/a") == 0
    again.add("device/a", _gap(102, 103))
    assert len(again.of("device/a")) == 4, "a gap does not go over a restart"
    await again.stop()


async def test_an_account_keeps_the_last_gaps(tmp_path: Path) -> None:
    log = GapLog(tmp_path / "gaps.json")
    await log.start()
    for number in range(KEPT + 10):
        log.add("device/a", _gap(number * 100, number * 100 + 1))
    assert len(log.of("device/a")) == KEPT
    assert log.of("device/a")[0].start == 1000 * SECOND
    await log.stop()


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"device/a": [[1]]}', b'{"device/a": [["x", 1, 1, "", ""]]}'])
async def test_a_damaged_file_is_told_and_begun_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "gaps.json"
    file.write_bytes(content)
    log = GapLog(file)
    with caplog.at_level(logging.WARNING, "plantspace.ledger"):
        await log.start()
    assert "begun anew" in caplog.text
    log.add("device/a", _gap(1, 2))
    await log.stop()
    assert b"recorder" in file.read_bytes()
