from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StoreCorrupt
from server.pubsub.uadp.key_rotation import KeyRotation
from server.pubsub.uadp.keys import FILE
from tests.unit.server.pubsub.uadp.test_keys import HOUR, Moment, group_settings
from tests.waiting import until


async def test_keys_turn_by_themselves_and_it_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, told = Moment(), 0

    async def rotated() -> None:
        nonlocal told
        told += 1
        if told == 1:
            message = "nobody foresaw this"
            raise ZeroDivisionError(message)

    rotation = KeyRotation(tmp_path, clock, rotated, every=0.01)
    await rotation.ensure([group_settings()])
    try:
        assert rotation.groups.take("line")[0].token == 1
        clock.ticks += HOUR
        await until(lambda: told == 1)
        assert rotation.groups.take("line")[0].token == 2
        (tmp_path / FILE).with_suffix(".new").mkdir()
        clock.ticks += HOUR
        await until(lambda: "cannot be renewed" in caplog.text)
        (tmp_path / FILE).with_suffix(".new").rmdir()
        await until(lambda: told == 2)
        assert rotation.groups.take("line")[0].token == 3
    finally:
        await rotation.stop()
        await rotation.stop()
    assert caplog.text.count("cannot be renewed") == 1


async def test_a_damaged_file_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")

    async def rotated() -> None:
        pass

    rotation = KeyRotation(tmp_path, Moment(), rotated)
    with pytest.raises(StoreCorrupt):
        await rotation.ensure([group_settings()])
    await rotation.stop()
