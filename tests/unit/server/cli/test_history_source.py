"""The store of a configuration, opened beside its gateway."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreCorrupt
from server.cli.history_source import opened_store
from server.plan import plan_gateway
from tests.system.plant import lay_down

HISTORY = 'historian:\n  nodes: ["/Objects/Tank/*"]\n'


def damage(file: Path) -> bytes:
    """Write a file that is damaged beyond what a first look tells."""
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE point (id INTEGER PRIMARY KEY)")
    return file.read_bytes()


async def test_a_damaged_file_is_left_where_the_gateway_writes_it(tmp_path: Path) -> None:
    config = lay_down(tmp_path, port=48_000)
    with config.open("a", encoding="utf-8") as text:
        text.write(HISTORY)
    plan = await plan_gateway(config)
    try:
        file = plan.history_file
        assert file is not None
        before = damage(file)
        with pytest.raises(StoreCorrupt, match="plantspace history repair"):
            async with opened_store(plan):
                pass
        assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == {file.name: before}
    finally:
        await plan.discard()
