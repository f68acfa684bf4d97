from __future__ import annotations

import re

import pytest

from core.errors import SettingError
from server.audit.entry import NO_HASH, Entry, chain, digest, keep, read_entry
from server.audit.record import AuditRecord
from server.audit.syslog import framed, lost_message, message_of
from server.audit.syslog_target import SyslogTarget
from tests.clock import START
from tests.unit.server.audit.samples import URIS, all_records, write

RFC_5424 = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z) ([\x21-\x7e]{1,255}) ([\x21-\x7e]{1,48}) "
    rb'([\x21-\x7e]{1,128}) ([\x21-\x7e]{1,32}) (\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\]) '
    rb"\xef\xbb\xbf(.*)",
    re.DOTALL,
)


def entry_of(record: AuditRecord, time: int = START) -> Entry:
    written = chain(keep(record, time, "urn:gateway", URIS), 7, NO_HASH)
    return read_entry(written, digest(written))


def parts(message: bytes) -> tuple[bytes, ...]:
    match = RFC_5424.fullmatch(message)
    assert match is not None, message
    return match.groups()


@pytest.mark.parametrize("record", list(all_records()), ids=lambda record: type(record).__name__)
def test_every_record_is_a_message(record: AuditRecord) -> None:
    entry = entry_of(record)
    message = message_of(entry, "gateway.example", "line-1", 2048)
    _, _, host, app, process, kind, data, text = parts(message)
    assert (host, app, process, kind) == (b"gateway.example", b"plantspace", b"line-1", entry.type.encode())
    assert f'sequence="7" hash="{entry.hash.hex()}"'.encode() in data
    assert text.decode().isprintable()


@pytest.mark.parametrize(
    ("record", "severity"),
    [(write(), 5), (write(status=False), 4), (next(one for one in all_records() if one.severity == 700), 3)],
)
def test_what_was_refused_is_more_severe(record: AuditRecord, severity: int) -> None:
    assert parts(message_of(entry_of(record), "h", "g", 2048))[0] == str(13 * 8 + severity).encode()


@pytest.mark.parametrize(
    ("ticks", "told"),
    [(0, b"40Z"), (5, b"40Z"), (10, b"40.000001Z"), (1_234_567, b"40.123456Z"), (5_000_000, b"40.5Z")],
)
def test_times_have_six_digits_at_most(ticks: int, told: bytes) -> None:
    assert parts(message_of(entry_of(write(), START + ticks), "h", "g", 2048))[1].endswith(told)


def test_a_clients_texts_cannot_leave_their_place() -> None:
    nasty = 'a"]\\ \n<1>1 x'
    message = message_of(entry_of(write(client_user_id=nasty, message=nasty)), "h \n", "g\x00", 2048)
    _, _, host, _, process, _, data, text = parts(message)
    assert (host, process) == (b"h__", b"g_")
    assert rb'user="a\"\]\\  <1>1 x"' in data
    assert b"\n" not in text


@pytest.mark.parametrize("largest", [480, 700])
def test_long_messages_are_cut_between_characters(largest: int) -> None:
    message = message_of(entry_of(write(message="ü" * 4000)), "h", "g", largest)
    assert largest - 1 <= len(message) <= largest
    message.decode()


def test_lost_records_are_told() -> None:
    *_, kind, data, text = parts(lost_message(3, START, "h", "g", 2048))
    assert (kind, data) == (b"ForwardingLost", b'[plantspace@32473 lost="3"]')
    assert text.startswith(b"3 audit records were not forwarded")


def test_frames_count_octets() -> None:
    assert framed("ü".encode()) == b"2 \xc3\xbc"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("udp://logs", "udp://logs:514"),
        ("tcp://10.0.0.1", "tcp://10.0.0.1:601"),
        ("tls://[::1]:7000", "tls://[::1]:7000"),
    ],
)
def test_targets(url: str, told: str) -> None:
    assert str(SyslogTarget.parse(url)) == told


@pytest.mark.parametrize(
    "url", ["", "logs:514", "http://logs", "udp://", "tcp://logs/x", "tcp://logs:99999", "udp://u@h"]
)
def test_wrong_targets_are_refused(url: str) -> None:
    with pytest.raises(SettingError, match="write udp://"):
        SyslogTarget.parse(url)
