from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from server import retained
from server.retained import RetainedError, RetainedValue, RetainedValues
from tests.waiting import until

KEPT = RetainedValue("0b0000000000002440", 0, 132_000_000_000_000_000)


def _values(file: Path, now: dict[str, RetainedValue]) -> RetainedValues:
    return RetainedValues(file, now.get)


def _on_disk(file: Path) -> dict[str, list[object]]:
    return json.loads(file.read_text(encoding="utf-8"))["values"] if file.exists() else {}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retained, "FLUSH_SECONDS", 0.02)


async def test_a_change_is_written_by_itself_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "retained.json"
    values = _values(file, {"nsu=urn:a;s=x": KEPT})
    assert await values.load() == {}
    await values.start()
    values.changed("nsu=urn:a;s=x")
    await until(file.exists)
    await values.stop()
    assert await _values(file, {}).load() == {"nsu=urn:a;s=x": KEPT}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["retained.json"]  # noqa: PTH208 - names are enough


async def test_stop_writes_what_has_just_changed_and_is_safe_twice_and_before_start(tmp_path: Path) -> None:
    file = tmp_path / "retained.json"
    values = _values(file, {"a": KEPT})
    await values.stop()
    await values.start()
    values.changed("a")
    await values.stop()
    await values.stop()
    assert _on_disk(file) == {"a": [KEPT.variant, KEPT.status, KEPT.source_time]}


async def test_nothing_changed_writes_nothing(tmp_path: Path) -> None:
    values = _values(tmp_path / "retained.json", {"a": KEPT})
    await values.start()
    await values.stop()
    assert not os.listdir(tmp_path)  # noqa: PTH208 - a test may block


async def test_values_that_were_not_written_this_time_stay(tmp_path: Path) -> None:
    file = tmp_path / "retained.json"
    for node in ("a", "b"):
        values = _values(file, {node: KEPT})
        await values.load()
        await values.start()
        values.changed(node)
        await values.stop()
    assert set(_on_disk(file)) == {"a", "b"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00garbage",
        b"null",
        b"[]",
        b"{}",
        b'{"version": 2, "values": {}}',
        b'{"version": 1, "values": []}',
        b'{"version": 1, "values": {"a": ["00"]}}',
        b'{"version": 1, "values": {"a": {"variant": 1}}}',
        b'{"version": 1, "values": {"a": ["00", "x", 1]}}',
        b'{"version": 1, "values": {"a": 7}}',
        b"[" * 100_000,
    ],
    ids=lambda content: repr(content[:40]),
)
async def test_a_damaged_file_is_set_aside_told_and_a_new_one_begun(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "retained.json"
    file.write_bytes(content)
    values = _values(file, {"a": KEPT})
    assert await values.load() == {}
    assert not file.exists()
    assert (tmp_path / "retained.json.corrupt").read_bytes() == content
    assert f"{file} is damaged" in caplog.text
    assert "set aside as retained.json.corrupt" in caplog.text
    await values.start()
    values.changed("a")
    await values.stop()
    assert set(_on_disk(file)) == {"a"}


async def test_a_file_that_cannot_be_read_is_one_plain_error(tmp_path: Path) -> None:
    file = tmp_path / "retained.json"
    file.mkdir()
    with pytest.raises(RetainedError, match=r"retained\.json cannot be used: .*directory.*mend"):
        await _values(file, {}).load()


async def test_a_write_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "not-there-yet"
    values = _values(folder / "retained.json", {"a": KEPT})
    await values.start()
    values.changed("a")
    await until(lambda: "cannot be written" in caplog.text)
    folder.mkdir()
    await until((folder / "retained.json").exists)
    await values.stop()
    assert caplog.text.count("cannot be written") == 1
    assert set(_on_disk(folder / "retained.json")) == {"a"}


async def test_stop_while_a_write_is_under_way_loses_neither_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both writes use the same file beside the real one, so they must never overlap."""
    file = tmp_path / "retained.json"
    now = {"a": KEPT}
    values = _values(file, now)
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()
    write: Callable[..., None] = retained._write
    running = overlapping = 0

    def slow(target: Path, content: dict[str, RetainedValue]) -> None:
        nonlocal running, overlapping
        overlapping += running
        running += 1
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)
        write(target, content)
        running -= 1

    monkeypatch.setattr(retained, "_write", slow)
    await values.start()
    values.changed("a")
    await begun.wait()
    now["b"] = KEPT
    values.changed("b")
    stopping = asyncio.create_task(values.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert overlapping == 0
    assert set(_on_disk(file)) == {"a", "b"}
