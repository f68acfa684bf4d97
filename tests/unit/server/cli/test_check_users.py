from __future__ import annotations

from pathlib import Path

import pytest

from server.cli import main
from server.users.store import UserStore
from tests.unit.server.plan.line import lay_down

CONFIG = """\
name: line-1
model: {nodesets: [line.xml]}
server: {anonymous: Observer}
pubsub:
  connections:
    one:
      broker: mqtt://127.0.0.1
      commands: {user: Ann}
      subscribed: {a: {topic: a/b, user: bob, fields: {A: /Objects/Line/Setpoint}}}
"""
MEND = "(make it with 'plantspace user add'; what comes by MQTT for it is refused until then)"


async def _add(folder: Path, key: str) -> None:
    store = UserStore(folder)
    await store.start(watch=False)
    await store.change(
        lambda users, _: users.execute("INSERT INTO users VALUES (NULL, ?, ?, '', 0, '', NULL, 0, 0, 0)", (key, key))
    )
    await store.stop()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def test_users_that_nobody_has_made_are_noted(tmp_path: Path) -> None:
    from server.cli.planning import plan_to_run  # noqa: PLC0415 - as the commands do

    config = lay_down(tmp_path, CONFIG)

    async def noted() -> list[str]:
        plan = await plan_to_run(config)
        await plan.discard()
        return [one.replace(f"{tmp_path}/", "") for one in plan.warnings]

    ann = f"plant.yaml:8:24: there is no user 'Ann' {MEND}"
    bob = f"plant.yaml:9:42: there is no user 'bob' {MEND}"
    assert await noted() == [ann, bob]
    assert not (tmp_path / "var").exists(), "nothing changes on disk"
    (tmp_path / "var").mkdir()
    await _add(tmp_path / "var", "ann")
    before = _files(tmp_path)
    assert await noted() == [bob]
    assert _files(tmp_path) == before
    await _add(tmp_path / "var", "bob")
    assert await noted() == []


def test_a_note_is_told_without_being_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = lay_down(tmp_path, CONFIG)
    assert main(["check", str(config)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("note: ")
    assert "there is no user 'Ann'" in told.err
