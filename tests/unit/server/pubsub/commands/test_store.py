"""Ids of commands on disk: before, after, and never twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from server.pubsub.commands.store import LEAST_AGE, CommandStore, Entry, Known, Limits


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def entries(*names: str, digest: bytes = b"d") -> list[Entry]:
    return [Entry(name, digest) for name in names]


async def test_an_id_is_known_with_its_answer_also_after_a_restart(tmp_path: Path) -> None:
    store = CommandStore(tmp_path)
    await store.start()
    try:
        assert await store.begin("c", entries("a", "b")) == [None, None]
        await store.finish("c", entries("a")[0], b"answer")
        assert await store.begin("c", entries("a", digest=b"e")) == [Known(is_same=False, answer=b"answer")]
    finally:
        await store.stop()
    store = CommandStore(tmp_path)
    await store.start()
    try:
        known = await store.begin("c", entries("a", "b", "c"))
        assert known == [Known(is_same=True, answer=b"answer"), Known(is_same=True, answer=None), None]
        assert await store.begin("other", entries("a")) == [None]
        await store.withdraw("c", entries("a", "c"))  # only what has no answer
        assert await store.begin("c", entries("a", "c")) == [Known(is_same=True, answer=b"answer"), None]
    finally:
        await store.stop()


async def test_ids_are_forgotten_when_they_are_too_old_or_too_many(tmp_path: Path) -> None:
    clock = Clock()
    store = CommandStore(tmp_path, clock)
    store.limit("c", Limits(10 * LEAST_AGE, 4))
    await store.start()
    try:
        assert await store.begin("c", entries("a", "b", "c", "d")) == [None] * 4
        with pytest.raises(StoreUnavailable, match="younger than an hour"):  # rather than done twice
            await store.begin("c", entries("e"))
        clock.now += LEAST_AGE + 1
        assert await store.begin("c", entries("e")) == [None]
        assert store.counters.forgotten >= 1
        assert (await store.begin("c", entries("e")))[0] is not None
        assert await store.begin("other", entries("a", "b", "c", "d", "e")) == [None] * 5
        clock.now += 10 * LEAST_AGE + 1
        assert await store.begin("c", entries("f", "e", "d", "c")) == [None] * 4
    finally:
        await store.stop()


async def test_without_the_file_nothing_may_be_done_and_answers_are_in_memory(tmp_path: Path) -> None:
    store = CommandStore(tmp_path)
    with pytest.raises(StoreUnavailable):
        await store.begin("c", entries("a"))
    await store.start()
    assert await store.begin("c", entries("a")) == [None]
    await store.stop()
    await store.finish("c", entries("a")[0], b"answer")
    assert store.counters.unsaved == 1
    await store.start()
    try:
        assert await store.begin("c", entries("a")) == [Known(is_same=True, answer=b"answer")]
    finally:
        await store.stop()
    await store.stop()
