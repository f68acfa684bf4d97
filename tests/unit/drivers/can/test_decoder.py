"""The decoder against cantools' own, over DBC files from real vehicles and random payloads."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from cantools.database.can import Database, Message
from cantools.database.errors import DecodeError, Error
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.datatypes import DataType
from core.errors import InputError
from core.quality import Status
from core.time import now
from drivers.can.bits import end_of, place_of, put, take
from drivers.can.database import MessageSpec, SignalSpec, load
from drivers.can.decoder import MessageDecoder, Wanted, natural_type
from drivers.can.frame import Frame
from drivers.can.gathering import Gatherer
from drivers.can.routing import Route, Router
from tests.thorough import examples
from tests.unit.drivers.can.dbc import settings, write_dbc

Pair = tuple[Message, MessageSpec]


@cache
def pairs_of(file: Path) -> list[Pair]:
    """Load a DBC by cantools and by us; signals beyond their message's end are left to us alone."""
    specs = load(settings(dbc=str(file), strict=False), file.parent).messages
    parser = Database(strict=False)
    parser.add_dbc_file(str(file), encoding="cp1252")
    unique = {message.name: message for message in parser.messages if message.signals}
    return [pair for message in unique.values() for pair in comparable(message, specs[message.name])]


def comparable(message: Message, spec: MessageSpec) -> list[Pair]:
    """Give what cantools can decode: of signals that overlap, each in a message of its own."""
    if any(end_of(signal) > message.length * 8 for signal in spec.signals.values()):
        return []
    selectors = {signal.selector for signal in spec.signals.values()} - {None}
    if not selectors <= {signal.name for signal in message.signals if signal.is_multiplexer}:
        return []  # a selector marked 'm' and not 'M': cantools gives none of its signals
    try:
        message.refresh(strict=True)
    except Error:
        if message.is_multiplexed():
            return []
        alone = [
            Message(message.frame_id, s.name, message.length, [s], is_extended_frame=True) for s in message.signals
        ]
        return [(one, replace(spec, signals={one.name: spec.signals[one.name]})) for one in alone]
    return [(message, spec)]


@cache
def corpus_pairs(corpus: Path) -> list[Pair]:
    found: list[Pair] = []
    for file in [*sorted((corpus / "can" / "opendbc").glob("*.dbc")), *sorted((corpus / "can").glob("*.dbc"))]:
        try:
            found += pairs_of(file)
        except InputError:
            continue
    return found


def decode(spec: MessageSpec, payload: bytes) -> tuple[dict[str, int | float], dict[str, int]]:
    """Decode by the whole way: router, decoder, batches; give physical values and StatusCodes by signal."""
    names = list(spec.signals)
    wanted = [Wanted(slot, natural_type(spec.signals[name]), spec.signals[name]) for slot, name in enumerate(names)]
    decoder = MessageDecoder(spec, wanted, "none")
    gatherer = Gatherer(Router([Route(decoder)]))
    values: dict[str, int | float] = {}
    statuses: dict[str, int] = {}
    for batch in gatherer.batches([Frame(now(), spec.key, payload)], now()):
        codes = [int(batch.status)] * len(batch) if isinstance(batch.status, int) else batch.status.tolist()
        for slot, value, status in zip(batch.slots.tolist(), batch.values.tolist(), codes, strict=True):
            values[names[slot]] = value
            statuses[names[slot]] = status
    return values, statuses


def agree(message: Message, spec: MessageSpec, payload: bytes) -> None:
    ours, statuses = decode(spec, payload)
    try:
        theirs = message.decode_simple(payload, decode_choices=False, allow_truncated=True)
    except DecodeError as error:
        assert "expected multiplexer id" in str(error)  # noqa: PT017 - other errors are ours
        return
    good = {name: value for name, value in ours.items() if not statuses[name]}
    assert set(good) == set(theirs), message.name
    for name, value in theirs.items():
        assert isinstance(value, int | float)
        same = good[name] == value or (math.isnan(value) and math.isnan(good[name]))
        assert same, f"{message.name}.{name} is {value!r}, not {good[name]!r}"


@hypothesis_settings(
    max_examples=examples(40, 2_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_random_messages_of_real_databases_decode_as_cantools_does(corpus: Path, data: st.DataObject) -> None:
    message, spec = data.draw(st.sampled_from(corpus_pairs(corpus)))
    agree(message, spec, data.draw(st.binary(max_size=message.length + 2)))


def test_every_message_of_real_databases_decodes_as_cantools_does(corpus: Path) -> None:
    generator = random.Random(1)
    pairs = corpus_pairs(corpus)
    assert len(pairs) > 3000
    for message, spec in pairs:
        agree(message, spec, generator.randbytes(message.length))


@given(st.binary(min_size=8, max_size=8))
def test_multiplexers_floats_and_byte_orders(tmp_path_factory: pytest.TempPathFactory, payload: bytes) -> None:
    for message, spec in pairs_of(_dbc(tmp_path_factory)):
        if message.length == len(payload):
            agree(message, spec, payload)


@given(st.sampled_from([(page, inner) for page in range(4) for inner in (5, 6)]), st.binary(min_size=8, max_size=8))
def test_extended_multiplexing(
    tmp_path_factory: pytest.TempPathFactory, choice: tuple[int, int], payload: bytes
) -> None:
    specs = load(settings(), _dbc(tmp_path_factory).parent).messages
    page, inner = choice
    found, _ = decode(specs["Pages"], bytes([page, inner, *payload[2:]]))
    expected = {"Page", ("First", "Second", "Inner", "Inner")[page]}
    if page >= 2 and inner == 5:
        expected.add("Deep")
    assert set(found) == expected


@st.composite
def placed_signals(draw: st.DrawFn) -> SignalSpec:
    start, length = draw(st.integers(0, 63)), draw(st.integers(1, 64))
    return SignalSpec(
        name="s",
        start=start,
        length=length,
        big_endian=draw(st.booleans()),
        signed=draw(st.booleans()),
        is_float=False,
        scale=1,
        offset=0,
        unit="",
        minimum=None,
        maximum=None,
        comment="",
        states=(),
        selector=None,
        selected_by=frozenset(),
    )


@given(placed_signals(), st.binary(min_size=16, max_size=16), st.integers())
def test_what_is_put_is_taken(signal: SignalSpec, payload: bytes, value: int) -> None:
    place = place_of(signal, 16)
    raw = value % (1 << signal.length) - (1 << (signal.length - 1) if signal.signed else 0)
    changed = put(place, payload, raw)
    assert take(place, changed) == raw
    assert put(place, changed, take(place, payload)) == payload


def test_a_short_frame_is_bad_no_data_for_what_it_lacks(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    values, statuses = decode(load(settings(), tmp_path).messages["Engine"], bytes([0x20, 0x03]))
    assert values["Speed"] == 100.0
    assert statuses["Speed"] == Status.GOOD
    assert {statuses[name] for name in ("Torque", "Gear", "Brake", "Count")} == {Status.BAD_NO_DATA}


def test_types_are_the_smallest_that_fit(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    messages = load(settings(), tmp_path).messages
    found = {f"{m.name}.{s.name}": natural_type(s) for m in messages.values() for s in m.signals.values()}
    assert found["Engine.Speed"] is DataType.DOUBLE
    assert found["Engine.Gear"] is DataType.BYTE
    assert found["Engine.Brake"] is DataType.BOOLEAN
    assert found["Engine.Count"] is DataType.UINT32
    assert found["Precise.Level"] is DataType.FLOAT
    assert found["Pages.Second"] is DataType.SBYTE


def _dbc(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "can-dbc"
    folder.mkdir(exist_ok=True)
    file = folder / "test.dbc"
    return file if file.exists() else write_dbc(folder)
