from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.time import from_iso
from server.pubsub.state import StateFile

NOW = from_iso("2024-01-01T00:00:00Z")
VERSION = 24 * 365 * 86_400 + 6 * 86_400
"""Seconds from 2000 to 2024."""


async def _loaded(path: Path) -> StateFile:
    state = StateFile(path)
    await state.load()
    return state


async def test_a_new_writer_gets_an_id_and_a_version_by_the_time(tmp_path: Path) -> None:
    state = await _loaded(tmp_path / "pubsub.json")
    assert state.admit("a", "t/a", ["1", "2"], NOW)
    assert state.admit("b", "t/b", ["1"], NOW)
    assert (state.writers["a"].major, state.writers["a"].minor) == (VERSION, VERSION)
    assert [state.writers[name].writer_id for name in "ab"] == [1, 2]


async def test_versions_follow_the_content_and_nothing_else(tmp_path: Path) -> None:
    state = await _loaded(tmp_path / "pubsub.json")
    state.admit("a", "t", ["1", "2"], NOW)
    await state.save()
    state = await _loaded(tmp_path / "pubsub.json")
    assert not state.admit("a", "t", ["1", "2"], NOW + 10**9)
    assert state.admit("a", "t", ["1", "2", "3"], NOW)  # in the same second: still a newer version
    assert (state.writers["a"].major, state.writers["a"].minor) == (VERSION, VERSION + 1)
    assert state.admit("a", "t", ["2", "3"], NOW + 100 * 10**7)
    assert (state.writers["a"].major, state.writers["a"].minor) == (VERSION + 100, VERSION + 100)
    assert state.admit("a", "elsewhere", ["2", "3"], NOW)


async def test_numbers_never_go_back_whatever_ends_a_run(tmp_path: Path) -> None:
    state = await _loaded(tmp_path / "pubsub.json")
    state.admit("a", "t", [], NOW)
    await state.promise("a", 5)
    again = await _loaded(tmp_path / "pubsub.json")
    assert again.writers["a"].sequence >= 5
    written = (tmp_path / "pubsub.json").stat().st_mtime_ns
    await state.promise("a", 500)
    assert (tmp_path / "pubsub.json").stat().st_mtime_ns == written


async def test_a_writer_that_comes_back_goes_on_and_its_id_was_nobody_elses(tmp_path: Path) -> None:
    state = await _loaded(tmp_path / "pubsub.json")
    state.admit("a", "t/a", ["1", "2"], NOW)
    await state.promise("a", 5)
    promised = state.writers["a"].sequence
    state.dismiss("a")
    await state.save()
    state = await _loaded(tmp_path / "pubsub.json")
    state.admit("b", "t/b", ["1"], NOW)
    assert state.admit("a", "t/a", ["1", "2"], NOW - 1000)
    assert [state.writers[name].writer_id for name in "ab"] == [1, 2]
    assert (state.writers["a"].major, state.writers["a"].minor) == (VERSION + 1, VERSION + 1)
    assert state.writers["a"].sequence == promised
    for number in range(1_200):
        state.admit(str(number), "", ["1"], NOW)
        state.dismiss(str(number))
    assert len(state.writers) == 1_002


async def test_a_promise_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    state = StateFile(tmp_path / "file" / "pubsub.json")
    state.admit("a", "t", [], NOW)
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        await state.promise("a", 5)
    assert state.writers["a"].sequence == 1


@pytest.mark.parametrize("content", ["", "{", '{"a": 3}', '{"a": {"writer_id": "x"}}'])
async def test_a_damaged_file_is_set_aside(tmp_path: Path, content: str) -> None:
    file = tmp_path / "pubsub.json"
    file.write_text(content, encoding="utf-8")
    state = await _loaded(file)
    assert state.writers == {}
    assert (tmp_path / "pubsub.damaged").read_text(encoding="utf-8") == content
    assert not file.exists()


async def test_a_file_that_cannot_be_read_is_left_alone_and_named(tmp_path: Path) -> None:
    (tmp_path / "pubsub.json").mkdir()
    with pytest.raises(StoreUnavailable, match=r"pubsub\.json: it cannot be read"):
        await _loaded(tmp_path / "pubsub.json")
    assert (tmp_path / "pubsub.json").is_dir()
