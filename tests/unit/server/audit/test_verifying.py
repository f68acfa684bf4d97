"""Whatever is done to a trail behind the gateway's back is found, at its place."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreUnavailable
from server.audit.entry import chain, digest, keep, read_entry
from server.audit.head import Head, read_head, write_head
from server.audit.schema import HEAD_FILE, TRAIL_FILE, make_triggers
from server.audit.verifying import verify
from tests.unit.server.audit.samples import trail_in, write

RECORDS = 6
LAST = RECORDS + 2
"""Behind the trail's beginning, its start and the writes."""


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trail that tests copy."""
    folder = tmp_path_factory.mktemp("trail")
    trail_in(folder, RECORDS)
    return folder


@pytest.fixture
def copy(trail: Path, tmp_path: Path) -> Path:
    for name in (TRAIL_FILE, HEAD_FILE):
        shutil.copy(trail / name, tmp_path / name)
    return tmp_path


def tampered(folder: Path, *statements: tuple[str, Sequence[Any]]) -> None:
    """Do what someone does who knows the tables: without the triggers, which are put back."""
    with closing(sqlite3.connect(folder / TRAIL_FILE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement, values in statements:
            connection.execute(statement, values)
        make_triggers(connection)


def rows(folder: Path) -> list[tuple[int, int, bytes, bytes]]:
    with closing(sqlite3.connect(folder / TRAIL_FILE)) as connection:
        return connection.execute("SELECT sequence, time, hash, record FROM record ORDER BY sequence").fetchall()


def test_a_trail_that_nobody_touched_is_in_order(trail: Path) -> None:
    verdict = verify(trail)
    assert (verdict.broken, verdict.first, verdict.last, verdict.records) == ("", 0, LAST, LAST + 1)
    assert verify(trail / TRAIL_FILE) == verdict


def test_a_copy_can_be_verified_where_nothing_may_be_written(copy: Path) -> None:
    (copy / TRAIL_FILE).chmod(0o400)
    copy.chmod(0o500)
    try:
        before = sorted(copy.iterdir())
        assert not verify(copy).broken
        assert sorted(copy.iterdir()) == before
    finally:
        copy.chmod(0o700)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_change_of_any_byte_of_any_record_is_found(trail: Path, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, LAST))
    stored = rows(trail)[place]
    column = data.draw(st.sampled_from(("record", "hash")))
    held = bytearray(stored[3] if column == "record" else stored[2])
    held[data.draw(st.integers(0, len(held) - 1))] ^= data.draw(st.integers(1, 255))
    copied = trail.parent / "flipped"
    copied.mkdir(exist_ok=True)
    for name in (TRAIL_FILE, HEAD_FILE):
        shutil.copy(trail / name, copied / name)
    statement = f"UPDATE record SET {column} = ? WHERE sequence = ?"  # noqa: S608 - one of two names above
    tampered(copied, (statement, (bytes(held), place)))
    assert f"record {place} " in verify(copied).broken


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_change_is_found_even_where_its_own_hash_was_made_anew(trail: Path, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, LAST))
    held = bytearray(rows(trail)[place][3])
    held[data.draw(st.integers(0, len(held) - 1))] ^= data.draw(st.integers(1, 255))
    copied = trail.parent / "rehashed"
    copied.mkdir(exist_ok=True)
    for name in (TRAIL_FILE, HEAD_FILE):
        shutil.copy(trail / name, copied / name)
    change = (bytes(held), digest(bytes(held)), place)
    tampered(copied, ("UPDATE record SET record = ?, hash = ? WHERE sequence = ?", change))
    broken = verify(copied).broken
    assert any(f"record {number} " in broken for number in (place, place + 1)), broken


@pytest.mark.parametrize("place", [0, 1, 3, LAST - 1])
def test_a_removed_record_is_found(copy: Path, place: int) -> None:
    tampered(copy, ("DELETE FROM record WHERE sequence = ?", (place,)))
    expected = "the records before 1 were removed" if place == 0 else f"record {place} was removed"
    assert expected in verify(copy).broken


def test_a_removed_record_is_found_where_the_others_were_moved_up(copy: Path) -> None:
    tampered(
        copy,
        ("DELETE FROM record WHERE sequence = 3", ()),
        *(("UPDATE record SET sequence = ? WHERE sequence = ?", (one - 1, one)) for one in range(4, LAST + 1)),
    )
    assert verify(copy).broken == "record 3 is not in its place: it was written as 4"


def test_records_in_another_order_are_found(copy: Path) -> None:
    swaps = ((3, -1), (4, 3), (-1, 4))
    tampered(copy, *(("UPDATE record SET sequence = ? WHERE sequence = ?", (to, at)) for at, to in swaps))
    assert verify(copy).broken == "record 3 is not in its place: it was written as 4"


def _forged(folder: Path, place: int) -> tuple[int, int, bytes, bytes]:
    """Make a record that follows the one before ``place`` as it should."""
    kept = keep(write(666.0), 133_000_000_000_000_000, "urn:gateway", ())
    record = chain(kept, place, rows(folder)[place - 1][2])
    return place, kept.time, digest(record), record


def test_a_record_in_the_place_of_another_is_found(copy: Path) -> None:
    tampered(copy, ("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)", _forged(copy, 4)))
    assert verify(copy).broken.startswith("record 5 does not follow what stands before it")


def test_a_record_put_in_between_is_found(copy: Path) -> None:
    forged = _forged(copy, 4)
    moved = [("UPDATE record SET sequence = ? WHERE sequence = ?", (one + 1, one)) for one in range(LAST, 3, -1)]
    tampered(copy, *moved, ("INSERT INTO record VALUES (?, ?, ?, ?)", forged))
    assert verify(copy).broken == "record 5 is not in its place: it was written as 4"


def test_a_chain_that_was_made_anew_from_one_record_on_is_found_by_the_head(copy: Path) -> None:
    stored = rows(copy)
    statements: list[tuple[str, Sequence[Any]]] = []
    last = stored[3][2]
    for sequence, _, recorded_hash, record in stored[4:]:
        changed = bytearray(record)
        changed[17:49] = last
        changed[-1] ^= 1 if sequence == 4 else 0
        assert read_entry(bytes(changed), recorded_hash).sequence == sequence
        last = digest(bytes(changed))
        statements.append(
            ("UPDATE record SET record = ?, hash = ? WHERE sequence = ?", (bytes(changed), last, sequence))
        )
    tampered(copy, *statements)
    assert f"record {LAST} is not the one that the head file names" in verify(copy).broken


@pytest.mark.parametrize("left", [1, 3, LAST])
def test_a_missing_end_is_found(copy: Path, left: int) -> None:
    tampered(copy, ("DELETE FROM record WHERE sequence >= ?", (left,)))
    verdict = verify(copy)
    assert verdict.broken.startswith(f"the end was removed: record {left}")
    assert verdict.last == left - 1


def test_no_record_at_all_is_found(copy: Path) -> None:
    tampered(copy, ("DELETE FROM record", ()))
    (copy / HEAD_FILE).unlink()
    assert "there is no record at all" in verify(copy).broken


def test_the_time_beside_a_record_is_checked_too(copy: Path) -> None:
    tampered(copy, ("UPDATE record SET time = time + 1 WHERE sequence = 2", ()))
    assert verify(copy).broken == "record 2 was changed: the time beside it is another one"


def test_without_the_head_file_nobody_knows_the_end(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "head"
    (copy / HEAD_FILE).rename(elsewhere)
    assert "there is no head file" in verify(copy).broken
    assert not verify(copy, elsewhere).broken


@pytest.mark.parametrize("text", ["", "plantspace-audit-head 1\n9 00\n", "\x00" * 90])
def test_a_damaged_head_file_is_told(copy: Path, text: str) -> None:
    (copy / HEAD_FILE).write_text(text, encoding="ascii")
    assert "is no head file" in verify(copy).broken


def test_an_older_head_is_right_and_what_is_behind_it_is_told(copy: Path) -> None:
    write_head(copy / HEAD_FILE, Head(3, rows(copy)[3][2]))
    verdict = verify(copy)
    assert (verdict.broken, verdict.beyond) == ("", LAST - 3)
    assert read_head(copy / HEAD_FILE) == Head(3, rows(copy)[3][2])


def test_a_removed_beginning_without_a_cut_is_found(copy: Path) -> None:
    tampered(copy, ("DELETE FROM record WHERE sequence < 4", ()))
    assert verify(copy).broken == "the records before 4 were removed, and no record says so"


def test_a_prepared_cut_that_no_record_tells_of_is_found(copy: Path) -> None:
    tampered(copy, ("INSERT INTO cut VALUES (4, ?)", (bytes(32),)))
    assert verify(copy).broken == "a cut through record 4 is prepared, and no record says so"


@pytest.mark.parametrize("name", ["record_update", "record_delete", "record_insert", "cut_delete"])
def test_missing_triggers_are_told(copy: Path, name: str) -> None:
    with closing(sqlite3.connect(copy / TRAIL_FILE)) as connection:
        connection.execute(f"DROP TRIGGER {name}")
    assert name in verify(copy).broken


def test_a_damaged_file_is_told_and_not_raised(copy: Path) -> None:
    content = bytearray((copy / TRAIL_FILE).read_bytes())
    for page in range(8192, len(content), 8192):
        content[page : page + 64] = bytes(64)
    (copy / TRAIL_FILE).write_bytes(content)
    assert verify(copy).broken
    (copy / TRAIL_FILE).write_bytes(b"no database at all, whatever its name may be" * 99)
    assert verify(copy).broken.startswith("the file is damaged")


def test_a_database_of_another_kind_is_told(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / TRAIL_FILE)) as connection:
        connection.execute("CREATE TABLE record (x)")
    assert verify(tmp_path).broken == "the file is no audit trail"


def test_no_trail_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no audit trail"):
        verify(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET time = 0",
        "DELETE FROM record",
        "DELETE FROM record WHERE sequence = 0",
        "INSERT OR REPLACE INTO record VALUES (2, 0, x'00', x'00')",
        "INSERT INTO record VALUES (77, 0, x'00', x'00')",
    ],
)
def test_the_file_itself_refuses_changes(copy: Path, statement: str) -> None:
    before = rows(copy)
    with (
        closing(sqlite3.connect(copy / TRAIL_FILE)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(statement)
    assert rows(copy) == before


def _shorter(held: bytes) -> bytes:
    return held[:-1]


def _longer(held: bytes) -> bytes:
    return held + b"\x00"


def _empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("change", [_shorter, _longer, _empty])
def test_shortened_and_lengthened_records_are_found(copy: Path, change: Callable[[bytes], bytes]) -> None:
    held = change(rows(copy)[2][3])
    tampered(copy, ("UPDATE record SET record = ?, hash = ? WHERE sequence = 2", (held, digest(held))))
    assert "record 2 cannot be read" in verify(copy).broken
