"""What records keep, and what they never keep."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from server.address_space.asyncua_values import encode_variant
from server.address_space.encoding import double_variant
from server.address_space.extents import DecodingError
from server.address_space.keys import NodeKey, nodeid_of, numeric_key
from server.address_space.space import AddressSpace
from server.audit.changes import AuditUpdateMethod
from server.audit.entry import NO_HASH, Entry, chain, digest, is_done, keep, read_entry
from server.audit.events import AuditEvents
from server.audit.json_lines import as_line, as_sentence
from server.audit.kinds import HIDDEN, MAX_TEXT, MAX_VALUE, Arguments, kept_node, shortened
from server.audit.plain import plain
from server.audit.reading import entries, reading
from server.audit.record import AuditRecord
from server.audit.schema import HEAD_FILE, TRAIL_FILE
from server.audit.syslog import message_of
from server.audit.trail import AuditTrail
from server.events.event_types import EventTypes
from server.events.node_id_text import expanded_to_text
from server.events.values import decode
from tests.unit.server.address_space.plant import standard_space
from tests.unit.server.audit.samples import NODE, SECRET, URIS, activate, all_records, text, write


@pytest.fixture(scope="module")
def space() -> AddressSpace:
    return standard_space()


async def test_no_secret_is_in_the_trail_its_exports_its_events_or_the_log(
    tmp_path: Path, space: AddressSpace, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("UserName", "Password", "NewPassword", "PrivateKey", "CredentialSecret", "Token", "PIN", "pass-phrase")
    hidden = Arguments.of(names, [text("bob"), *[text(SECRET)] * (len(names) - 1)])
    unnamed = Arguments.of((), [text(SECRET), text(SECRET)])
    records = [
        *all_records(),
        *(AuditUpdateMethod(status=True, method_id=NODE, input_arguments=one) for one in (hidden, unnamed)),
        AuditUpdateMethod(status=True, method_id=NODE, output_arguments=unnamed),
        write(new_value=HIDDEN, old_value=HIDDEN),
    ]
    trail = AuditTrail(tmp_path, "line-1", uris=lambda: URIS)
    shown: list[str] = []
    with caplog.at_level(logging.DEBUG):
        await trail.start()
        for record in records:
            trail.record(record)
            shown.append(repr(record))
        await trail.stop()
    events = AuditEvents(EventTypes(space), lambda _: None, "urn:gateway")
    made = b"".join(b"".join(events.make(record, 1).fields.values()) for record in records)
    with reading(tmp_path / TRAIL_FILE) as connection:
        for entry in entries(connection):
            shown += [as_line(entry), as_sentence(entry), message_of(entry, "host", "line-1", 8192).decode()]
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240 - a test's own folder
    for needle in (SECRET, SECRET.encode().hex()):
        assert needle.encode() not in kept
        assert needle.encode() not in made
        assert needle not in "".join(shown)
        assert needle not in caplog.text
    assert b"bob" in kept
    assert (tmp_path / HEAD_FILE).exists()


def test_arguments_hide_secrets_by_their_names_and_those_without_a_name() -> None:
    speed = double_variant(1.0)
    assert Arguments.of(("Speed", "AdminPassword"), (speed, speed)).variants == (speed, HIDDEN)
    assert Arguments.of(("Speed",), (speed, speed)).variants == (speed, HIDDEN)
    assert Arguments.of(("Spin", "Pinion"), (speed, speed)).variants == (speed, speed)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        write().status = False  # type: ignore[misc]  # refused at run time too


def test_long_values_and_texts_are_shortened() -> None:
    entry = _round(write(new_value=text("x" * MAX_VALUE), message="y" * 5000, client_audit_entry_id="z" * 5000))
    value, message, told = (decode(entry.fields[name]) for name in ("NewValue", "Message", "ClientAuditEntryId"))
    assert value is not None
    assert str(value.held).startswith(f"{MAX_VALUE + 5} bytes, SHA-256 ")
    assert message is not None
    assert len(message.held.text) == MAX_TEXT
    assert told is not None
    assert len(told.held) == MAX_TEXT
    short = double_variant(1.0)
    assert shortened(short) is short


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (numeric_key(0, 2253), "i=2253"),
        (NODE, "nsu=urn:plant;s=Line1.Filler.Speed"),
        (numeric_key(2, 70_000), "nsu=urn:plant;i=70000"),
        (numeric_key(2, 7), "nsu=urn:plant;i=7"),
        ((1, b"\x01\x02"), "nsu=urn:gateway;b=AQI="),
        (numeric_key(9, 7), "ns=9;i=7"),
    ],
)
def test_kept_node_ids_name_their_namespace(key: NodeKey, told: str) -> None:
    written = kept_node(URIS)(key)
    value = decode(written)
    assert value is not None
    assert expanded_to_text(value.held) == told


def _round(record: AuditRecord) -> Entry:
    written = chain(keep(record, 5, "urn:gateway", URIS), 7, NO_HASH)
    return read_entry(written, digest(written))


@pytest.mark.parametrize("record", list(all_records()), ids=lambda record: type(record).__name__)
def test_what_is_kept_is_read_back(record: AuditRecord) -> None:
    entry = _round(record)
    assert (entry.sequence, entry.time, entry.previous, entry.type) == (7, 5, NO_HASH, type(record).__name__)
    assert is_done(entry) is record.status
    for variant in entry.fields.values():
        plain(variant)


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(DecodingError):
        read_entry(data, digest(data))


@given(data=st.data())
def test_a_record_with_any_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    written = bytearray(chain(keep(activate(), 5, "", URIS), 7, NO_HASH))
    written[data.draw(st.integers(0, len(written) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        entry = read_entry(bytes(written), NO_HASH)
        as_line(entry)
        as_sentence(entry)
    except DecodingError:
        pass


@pytest.mark.parametrize(
    ("given_value", "told"),
    [
        (ua.Variant(1.5), 1.5),
        (ua.Variant(float("nan")), "NaN"),
        (ua.Variant(float("-inf")), "-Infinity"),
        (ua.Variant(2**60, ua.VariantType.Int64), str(2**60)),
        (ua.Variant([1, 2], ua.VariantType.Int16), [1, 2]),
        (ua.Variant(["a", None], ua.VariantType.String), ["a", None]),
        (ua.Variant([ua.Variant(1.0), ua.Variant("x")], ua.VariantType.Variant), [1.0, "x"]),
        (ua.Variant(b"\x01\xff"), "01ff"),
        (ua.Variant(ua.StatusCode(ua.UInt32(0x80310000))), "BadNoCommunication"),
        (ua.Variant(ua.StatusCode(ua.UInt32(0x80FF0000))), "0x80FF0000"),
        (ua.Variant(ua.QualifiedName("n", 2)), "2:n"),
        (ua.Variant(ua.LocalizedText("t", "en")), "t"),
        (ua.Variant(None), None),
        (ua.Variant(nodeid_of((3, "a"))), "ns=3;s=a"),
        (ua.Variant([ua.DataValue(ua.Variant(1.0))], ua.VariantType.DataValue), [{"Value": 1.0, "Status": "Good"}]),
    ],
)
def test_values_in_plain(given_value: ua.Variant, told: object) -> None:
    assert plain(encode_variant(given_value)) in (told, [{"Value": 1.0}])


def test_a_structure_is_told_by_its_bytes() -> None:
    told = plain(encode_variant(ua.Variant(ua.Range(1.0, 2.0))))
    assert told == {"TypeId": "i=886", "Body": "000000000000f03f0000000000000040"}


def test_a_sentence_shows_what_would_move_the_cursor() -> None:
    entry = _round(write(message="a\nb\x1b[2J\u202e", client_user_id="x"))
    assert as_sentence(entry).endswith("2.5: a\\nb\\x1b[2J\\u202e")
