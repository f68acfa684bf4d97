from __future__ import annotations

from pathlib import Path

import can
import pytest
from cantools.database.can import Database
from hypothesis import given
from hypothesis import strategies as st

from drivers.can.frame import EXTENDED
from drivers.can.logs import look_at, parse_line, read_log


def never(number: int, line: str) -> None:
    pytest.fail(f"line {number} was not read: {line}")


@pytest.mark.parametrize(
    ("line", "seconds", "key", "data"),
    [
        ("(1436509052.249713) vcan0 044#2A366C2BBA", 1436509052.249713, 0x44, "2A366C2BBA"),
        ("(1436509052.249713) vcan0 18FEF123#2A.36", 1436509052.249713, 0x18FEF123 | EXTENDED, "2A36"),
        ("(1.5) can0 123##1112233445566778899AA R", 1.5, 0x123, "112233445566778899AA"),
        ("(1.5) can0 123# T", 1.5, 0x123, ""),
        (
            " (1436509053.650713)  vcan0  13A   [8]  00 00 00 00 00 00 00 28",
            1436509053.650713,
            0x13A,
            "0000000000000028",
        ),
        ("  can0  123   [3]  01 02 03   '...'", None, 0x123, "010203"),
        (" (0.000)  can0  RX - -  18FEF123  [2]  01 02", 0.0, 0x18FEF123 | EXTENDED, "0102"),
        (" (0.000)  can0  123  [12]  01 02 03 04 05 06 07 08 09 0A 0B 0C", 0.0, 0x123, "0102030405060708090A0B0C"),
        ("<0x18eeff01> [8] 05 a0 be 1c 00 a0 a0 c0 ", None, 0x18EEFF01 | EXTENDED, "05a0be1c00a0a0c0"),
    ],
)
def test_lines(line: str, seconds: float | None, key: int, data: str) -> None:
    entry = parse_line(line)
    assert entry is not None
    assert entry.seconds == seconds
    assert entry.frame.key == key
    assert entry.frame.data == bytes.fromhex(data)
    assert not entry.frame.is_error


def test_absolute_dates_differ_by_their_distance() -> None:
    first = parse_line(" (2026-01-01 12:00:00.250000)  can0  123  [1]  01")
    second = parse_line(" (2026-01-01 12:00:01.750000)  can0  123  [1]  01")
    assert first is not None
    assert second is not None
    assert first.seconds is not None
    assert second.seconds is not None
    assert second.seconds - first.seconds == pytest.approx(1.5)


def test_error_frames_are_told_apart() -> None:
    entry = parse_line("(1.0) can0 20000040#0000000000000000")
    assert entry is not None
    assert entry.frame.is_error
    assert entry.frame.key == 0x40


def test_remote_frames_comments_and_headers_pass_silently(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "# a comment\ninterface = can0, family = 29\n\n(1.0) can0 123#R\n can0 123 [0] remote request\n",
        encoding="ascii",
    )
    assert list(read_log(log, never)) == []


def test_broken_lines_are_told_and_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"(1.0) can0 123#01\n(1.0) can0 123#0\n\xff\xfe\n(2.0) can0 12\n(3.0) can0 123#02\n")
    bad: list[int] = []
    found = [entry.frame.data for entry in read_log(log, lambda number, _: bad.append(number))]
    assert found == [b"\x01", b"\x02"]
    assert bad == [3, 4]


@given(st.text(max_size=60))
def test_any_line_is_a_frame_or_none(line: str) -> None:
    parse_line(line)


@pytest.mark.parametrize("suffix", [".asc", ".blf", ".log"])
def test_logs_that_others_write(tmp_path: Path, suffix: str) -> None:
    log = tmp_path / f"trace{suffix}"
    sent = [
        can.Message(timestamp=1000 + n / 10, arbitration_id=n, is_extended_id=n % 2 == 1, data=[n], channel=0)
        for n in range(5)
    ]
    with can.Logger(log) as logger:
        for message in sent:
            logger.on_message_received(message)
    found = list(read_log(log, never))
    assert [entry.frame.key for entry in found] == [m.arbitration_id | EXTENDED * m.is_extended_id for m in sent]
    assert [entry.frame.data for entry in found] == [bytes(m.data) for m in sent]
    assert found[4].seconds is not None
    assert found[0].seconds is not None
    assert found[4].seconds - found[0].seconds == pytest.approx(0.4, abs=1e-3)


def test_canboats_log_is_read_whole(corpus: Path) -> None:
    log = corpus / "can" / "candumpSample1.txt"
    lines = [line for line in log.read_text(encoding="ascii").splitlines() if line.startswith("<")]
    assert len(list(read_log(log, never))) == len(lines) == 6026


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    nothing = look_at(tmp_path / "missing.log")
    assert nothing is not None
    assert "cannot be read" in nothing.problem
    text = tmp_path / "text.log"
    text.write_text("# header\nhello\n" * 2000, encoding="ascii")
    finding = look_at(text)
    assert finding is not None
    assert str(finding).startswith(f"{text}:2:1: no CAN frame is found; 'hello' is none")
    broken = tmp_path / "broken.blf"
    broken.write_bytes(b"nothing")
    assert look_at(broken) is not None
    good = tmp_path / "good.log"
    good.write_text("(1.0) can0 123#01\n", encoding="ascii")
    assert look_at(good) is None


def test_the_demos_log_fits_its_database() -> None:
    folder = Path(__file__).parents[4] / "server" / "demo" / "can"
    parser = Database()
    parser.add_dbc_file(str(folder / "conveyor.dbc"))
    entries = list(read_log(folder / "conveyor.log", never))
    sent = {message.frame_id: message for message in parser.messages}
    for entry in entries:
        sent[entry.frame.key].decode_simple(entry.frame.data)
    assert {entry.frame.key for entry in entries} == set(sent)
    assert entries[-1].seconds is not None
    assert entries[0].seconds is not None
    assert 59 < entries[-1].seconds - entries[0].seconds < 60
