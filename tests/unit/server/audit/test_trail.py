from __future__ import annotations

import asyncio
import hashlib
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from server.audit.administration import UserChanged
from server.audit.changes import AuditWriteUpdate
from server.audit.entry import Entry
from server.audit.json_lines import as_object, text_of
from server.audit.reading import entries, reading
from server.audit.record import AuditRecord
from server.audit.retention_rule import Retention
from server.audit.schema import HEAD_FILE, TRAIL_FILE
from server.audit.trail import AuditTrail
from server.audit.trail_file import TrailFile, Written, append_now
from server.audit.verifying import verify
from tests.clock import START, ManualClock
from tests.command import environment
from tests.unit.server.audit.samples import URIS, activate, all_records, trail_in, write
from tests.waiting import until

DAY = 86_400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def trail(tmp_path: Path, clock: ManualClock) -> AsyncIterator[AuditTrail]:
    made = AuditTrail(tmp_path, "line-1", clock, server_id="urn:gateway", uris=lambda: URIS)
    await made.start()
    yield made
    await made.stop()


def read(folder: Path) -> list[Entry]:
    with reading(folder / TRAIL_FILE) as connection:
        return list(entries(connection))


def types(folder: Path) -> list[str]:
    return [entry.type for entry in read(folder)]


async def test_records_are_kept_in_order_between_a_start_and_a_stop(trail: AuditTrail, tmp_path: Path) -> None:
    trail.record(activate())
    trail.record(write())
    await trail.flush()
    assert types(tmp_path) == ["TrailBegun", "TrailStarted", "AuditActivateSession", "AuditWriteUpdate"]
    await trail.stop()
    assert types(tmp_path)[4:] == ["TrailStopped"]
    assert not verify(tmp_path).broken
    assert (trail.written, trail.lost) == (5, 0)


async def test_a_record_tells_all_that_it_should(trail: AuditTrail, tmp_path: Path) -> None:
    trail.record(write(index_range="0:1", client_audit_entry_id="order 7", message="as asked"))
    await trail.flush()
    told = as_object(read(tmp_path)[-1])
    expected = {
        "Type": "AuditWriteUpdate", "EventType": "i=2100", "SourceName": "Attribute/Write", "ServerId": "urn:gateway",
        "SourceNode": "nsu=urn:plant;s=Line1.Filler.Speed", "AttributeId": 13, "IndexRange": "0:1", "Status": True,
        "OldValue": 1.5, "NewValue": 2.5, "ClientUserId": "alice", "ClientAuditEntryId": "order 7",
        "Message": "as asked", "ActionTimeStamp": "2022-06-18T04:26:40Z", "Time": "2022-06-18T04:26:40Z",
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected


async def test_every_type_of_record_is_kept_and_verified(trail: AuditTrail, tmp_path: Path) -> None:
    given = list(all_records())
    for record in given:
        trail.record(record)
    await trail.flush()
    assert types(tmp_path)[2:] == [type(record).__name__ for record in given]
    assert trail.lost == 0
    assert not verify(tmp_path).broken


async def test_only_the_owner_reads_the_files(trail: AuditTrail, tmp_path: Path) -> None:
    trail.record(write())
    await trail.flush()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}  # noqa: ASYNC240 - a test's own folder
    assert set(modes) >= {TRAIL_FILE, HEAD_FILE, f"{TRAIL_FILE}-wal"}
    assert set(modes.values()) == {0o600}


async def test_it_can_be_verified_while_it_is_written(trail: AuditTrail, tmp_path: Path) -> None:
    for place in range(500):
        trail.record(write(float(place)))
        if place % 100 == 0:
            verdict = await asyncio.to_thread(verify, tmp_path)
            assert not verdict.broken
    await trail.flush()
    assert verify(tmp_path).records == 502


async def test_recording_takes_microseconds(trail: AuditTrail) -> None:
    record = write()
    best, rounds = 1.0, 0
    while best >= 20e-6 and rounds < 30:  # other processes want the machine too: the best round tells what it costs
        begin = time.thread_time()
        for _ in range(200):
            trail.record(record)
        best = min(best, (time.thread_time() - begin) / 200)
        rounds += 1
        await trail.flush()
    assert best < 20e-6, f"{best * 1e6:.1f} µs"


async def test_what_there_is_no_room_for_is_told_at_its_place(tmp_path: Path, clock: ManualClock) -> None:
    trail = AuditTrail(tmp_path, "line-1", clock, room=3)
    for place in range(8):
        clock.jump(1.0)
        trail.record(write(float(place)))
    await trail.start()
    await trail.flush()
    trail.record(write(100.0))
    await trail.stop()
    found = read(tmp_path)[2:]
    assert [one.type for one in found] == [*["AuditWriteUpdate"] * 3, "RecordsLost", "AuditWriteUpdate", "TrailStopped"]
    loss = as_object(found[3])
    assert (loss["Lost"], loss["Status"], trail.lost) == ("5", False, 5)
    assert (loss["FirstTime"], loss["LastTime"]) == ("2022-06-18T04:26:44Z", "2022-06-18T04:26:48Z")
    assert "5 records were lost" in loss["Message"]
    verdict = verify(tmp_path)
    assert (verdict.broken, verdict.lost) == ("", 5)


async def test_large_values_fill_the_room_as_well(tmp_path: Path, clock: ManualClock) -> None:
    trail = AuditTrail(tmp_path, "line-1", clock)
    large = b"\x0f" + (4 << 20).to_bytes(4, "little") + bytes(4 << 20)
    for _ in range(6):
        trail.record(AuditWriteUpdate(status=True, new_value=large))
    await trail.start()
    await trail.stop()
    assert trail.lost == 3
    kept = [one for one in read(tmp_path) if one.type == "AuditWriteUpdate"]
    told = f"{len(large)} bytes, SHA-256 {hashlib.sha256(large).hexdigest()}"
    assert [text_of(one, "NewValue") for one in kept] == [told] * 3


async def test_a_record_that_cannot_be_written_is_told_and_stops_nothing(
    trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trail.record(write(message=5))
    trail.record(write(client_user_id=b"bytes"))
    trail.record(write())
    await trail.flush()
    assert types(tmp_path)[2:] == ["RecordsLost", "RecordsLost", "AuditWriteUpdate"]
    assert trail.lost == 2
    assert "AuditWriteUpdate" in caplog.text


async def test_listeners_hear_at_once_and_of_what_is_written_and_their_errors_are_their_own(
    trail: AuditTrail, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[AuditRecord, int]] = []
    stored: list[Written] = []

    def fail(*_: object) -> None:
        raise LookupError

    trail.on_record(fail)
    trail.on_record(lambda record, moment: heard.append((record, moment)))
    trail.on_written(fail)
    trail.on_written(stored.extend)
    record = write()
    trail.record(record)
    assert heard == [(record, START)]
    await trail.flush()
    assert [one.sequence for one in stored][-1] == 2
    assert "LookupError" in caplog.text


async def test_the_next_run_goes_on_with_the_chain(tmp_path: Path, clock: ManualClock) -> None:
    for _ in range(3):
        trail = AuditTrail(tmp_path, "line-1", clock)
        await trail.start()
        trail.record(write())
        await trail.stop()
    run = ["TrailStarted", "AuditWriteUpdate", "TrailStopped"]
    assert types(tmp_path) == ["TrailBegun", *run * 3]
    assert all(as_object(one)["Status"] for one in read(tmp_path))
    assert not verify(tmp_path).broken


async def test_records_from_before_the_start_are_kept_and_from_after_the_stop_counted(
    tmp_path: Path, clock: ManualClock
) -> None:
    trail = AuditTrail(tmp_path, "line-1", clock)
    trail.record(write())
    await trail.flush()
    await trail.stop()
    await trail.start()
    await trail.stop()
    await trail.stop()
    trail.record(write())
    assert trail.lost == 1
    assert types(tmp_path).count("AuditWriteUpdate") == 1


WRITER = """\
import asyncio, sys
from pathlib import Path
from server.audit.trail import AuditTrail
from tests.unit.server.audit.samples import write

async def main():
    trail = AuditTrail(Path(sys.argv[1]), "line-1")
    await trail.start()
    print("ready", flush=True)
    while True:
        trail.record(write())
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_trail_is_in_order_after_kill_9_and_the_next_start_says_so(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        deadline = time.monotonic() + 60
        while verify(tmp_path).records < 100:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGKILL)
    assert verify(tmp_path).broken == ""
    before = verify(tmp_path).records
    trail_in(tmp_path)
    told = as_object(read(tmp_path)[before])
    assert (told["Type"], told["Status"]) == ("TrailStarted", False)
    assert told["Message"] == "the run before did not end as it should"
    assert verify(tmp_path).broken == ""


def _cut_tail(folder: Path) -> None:
    with closing(sqlite3.connect(folder / TRAIL_FILE, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER record_delete")
        connection.execute("DELETE FROM record WHERE sequence >= 3")


def _lose_file(folder: Path) -> None:
    (folder / TRAIL_FILE).unlink()


def _lose_head(folder: Path) -> None:
    (folder / HEAD_FILE).unlink()


def _damage_head(folder: Path) -> None:
    (folder / HEAD_FILE).write_bytes(b"?")


def _damage_file(folder: Path) -> None:
    (folder / TRAIL_FILE).write_bytes(b"?" * 9000)


@pytest.mark.parametrize("harm", [_cut_tail, _lose_file, _lose_head, _damage_head, _damage_file])
def test_a_restart_does_not_cover_what_was_done_meanwhile(
    tmp_path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    trail_in(tmp_path, 5)
    harm(tmp_path)
    trail_in(tmp_path, 5)
    assert "TrailBroken" in types(tmp_path)
    assert "TrailBroken" in verify(tmp_path).broken
    assert "the audit trail is broken" in caplog.text


def test_a_trail_that_was_just_begun_needs_no_head(tmp_path: Path) -> None:
    trail_in(tmp_path)
    with closing(sqlite3.connect(tmp_path / TRAIL_FILE, isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER record_delete")
        connection.execute("DELETE FROM record WHERE sequence > 0")
        connection.execute(
            "CREATE TRIGGER record_delete BEFORE DELETE ON record WHEN OLD.sequence > "
            "coalesce((SELECT max(through) FROM cut), -1) "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        )
    (tmp_path / HEAD_FILE).unlink()
    trail_in(tmp_path)
    assert not verify(tmp_path).broken


async def test_two_processes_may_append(trail: AuditTrail, tmp_path: Path, clock: ManualClock) -> None:
    def append() -> None:
        other = TrailFile(tmp_path, "line-1", clock, "", lambda: URIS)
        other.open(starting=False)
        for _ in range(20):
            other.append([other.keep(activate(), clock.now())])
        other.close()

    appending = asyncio.create_task(asyncio.to_thread(append))
    for _ in range(20):
        trail.record(write())
        await trail.flush()
    await appending
    await trail.stop()
    assert types(tmp_path).count("AuditActivateSession") == 20
    assert types(tmp_path).count("AuditWriteUpdate") == 20
    assert not verify(tmp_path).broken


def test_a_command_appends_without_a_gateway(tmp_path: Path, clock: ManualClock) -> None:
    trail_in(tmp_path, 1, clock)
    append_now(tmp_path, "line-1", UserChanged(status=True, user="bob", change="added", client_user_id="System/root"))
    trail_in(tmp_path, 0, clock)
    assert types(tmp_path)[-4:] == ["TrailStopped", "UserChanged", "TrailStarted", "TrailStopped"]
    assert as_object(read(tmp_path)[-2])["Status"] is True
    assert not verify(tmp_path).broken


async def test_a_trail_that_is_locked_waits_and_loses_nothing(
    trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / TRAIL_FILE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        trail.record(write())
        await until(lambda: "cannot be written" in caplog.text)
        connection.execute("ROLLBACK")
    await trail.flush()
    assert types(tmp_path)[-1] == "AuditWriteUpdate"
    assert trail.lost == 0


async def test_a_stop_does_not_wait_for_a_disk_that_takes_nothing(
    trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / TRAIL_FILE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(2000):
            trail.record(write(float(number)))
        async with asyncio.timeout(60):
            await trail.stop()
        connection.execute("ROLLBACK")
    assert trail.lost == 2000
    assert "audit records are lost" in caplog.text
    assert types(tmp_path) == ["TrailBegun", "TrailStarted"]
    assert not verify(tmp_path).broken


async def test_a_head_that_cannot_be_written_doubles_no_record(
    trail: AuditTrail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside = tmp_path / f"{HEAD_FILE}.new"
    beside.mkdir()
    trail.record(write())
    await trail.flush()
    assert "the head of the audit trail is behind" in caplog.text
    assert verify(tmp_path).beyond == 1
    beside.rmdir()
    trail.record(write())
    await trail.flush()
    assert types(tmp_path).count("AuditWriteUpdate") == 2
    assert (verify(tmp_path).broken, verify(tmp_path).beyond) == ("", 0)


async def test_a_folder_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    trail = AuditTrail(tmp_path / "nowhere", "line-1")
    with pytest.raises(StoreUnavailable, match="make its folder"):
        await trail.start()
    await trail.stop()


async def test_old_records_go_and_the_rest_is_still_a_chain(tmp_path: Path, clock: ManualClock) -> None:
    trail_in(tmp_path, 300, clock)
    clock.jump(40 * DAY)
    trail_in(tmp_path, 150, clock)
    trail = AuditTrail(tmp_path, "line-1", clock, retention=Retention(age=30 * DAY))
    await trail.start()
    await trail.stop()
    found = read(tmp_path)
    assert found[0].sequence == 303
    assert found[0].time > clock.now() - 30 * DAY * 10_000_000
    (cut,) = [as_object(one) for one in found if one.type == "RecordsCut"]
    assert (cut["Through"], cut["ClientUserId"]) == ("302", "System/Retention")
    assert cut["Continues"] == found[0].previous.hex()
    verdict = verify(tmp_path)
    assert (verdict.broken, verdict.first) == ("", 303)
    again = AuditTrail(tmp_path, "line-1", clock, retention=Retention(age=30 * DAY))
    clock.jump(31 * DAY)
    await again.start()
    await again.stop()
    assert verify(tmp_path).broken == ""
    assert 100 <= verify(tmp_path).records <= 104


async def test_a_trail_that_is_too_large_loses_its_oldest(tmp_path: Path, clock: ManualClock) -> None:
    file = TrailFile(tmp_path, "line-1", clock, "", lambda: URIS)
    file.open()
    file.append([file.keep(write(float(place)), clock.now()) for place in range(2500)])
    retention = Retention(size=512 << 10)
    assert file.cut(retention)
    assert not file.cut(retention)
    file.close()
    verdict = verify(tmp_path)
    assert (verdict.broken, verdict.last) == ("", 2502)
    assert 500 < verdict.records < 1200


async def test_a_cut_cannot_be_used_to_remove_more(tmp_path: Path, clock: ManualClock) -> None:
    trail_in(tmp_path, 300, clock)
    clock.jump(40 * DAY)
    file = TrailFile(tmp_path, "line-1", clock, "", lambda: URIS)
    file.open()
    assert file.cut(Retention(age=30 * DAY))
    file.close()
    with closing(sqlite3.connect(tmp_path / TRAIL_FILE)) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM record")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT OR REPLACE INTO cut SELECT through, x'00' FROM cut")
    assert not verify(tmp_path).broken
