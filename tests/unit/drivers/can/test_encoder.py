from __future__ import annotations

import math
from pathlib import Path

import pytest
from cantools.database.can import Database
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DeviceRefused
from core.quality import Status
from drivers.can.database import MessageSpec, load
from drivers.can.encoder import encode, raw_of
from tests.unit.drivers.can.dbc import TEXT, settings, write_dbc


@pytest.fixture
def messages(tmp_path: Path) -> dict[str, MessageSpec]:
    write_dbc(tmp_path)
    return dict(load(settings(), tmp_path).messages)


@pytest.fixture(scope="module")
def cantools_database() -> Database:
    parser = Database()
    parser.add_dbc_string(TEXT)
    return parser


def test_other_signals_stay(messages: dict[str, MessageSpec], cantools_database: Database) -> None:
    engine = messages["Engine"]
    before = cantools_database.encode_message(
        "Engine", {"Speed": 800, "Torque": -7.5, "Gear": 1, "Brake": 1, "Count": 9}
    )
    after = encode(engine, engine.signals["Torque"], 12.5, before)
    decoded = cantools_database.decode_message("Engine", after, decode_choices=False)
    assert decoded == {"Speed": 800, "Torque": 12.5, "Gear": 1, "Brake": 1, "Count": 9}


def test_multiplexers_are_chosen(messages: dict[str, MessageSpec], cantools_database: Database) -> None:
    pages = messages["Pages"]
    payload = encode(pages, pages.signals["Deep"], 4711, bytes(8))
    assert cantools_database.decode_message("Pages", payload) == {"Page": 2, "Inner": 5, "Deep": 4711}


@given(value=st.floats(width=32))
def test_floats(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_dbc(folder)
    precise = load(settings(), folder).messages["Precise"]
    parser = Database()
    parser.add_dbc_string(TEXT)
    for name in ("Level", "Other"):
        found = parser.decode_message("Precise", encode(precise, precise.signals[name], value, bytes(8)))
        assert isinstance(found, dict)
        assert found[name] == value or math.isnan(value)


@pytest.mark.parametrize(
    ("signal", "value", "status"),
    [
        ("Speed", 9000.0, Status.BAD_OUT_OF_RANGE),
        ("Speed", -1, Status.BAD_OUT_OF_RANGE),
        ("Speed", math.nan, Status.BAD_OUT_OF_RANGE),
        ("Gear", 8, Status.BAD_OUT_OF_RANGE),
        ("Speed", "fast", Status.BAD_TYPE_MISMATCH),
        ("Speed", None, Status.BAD_TYPE_MISMATCH),
    ],
)
def test_what_a_signal_cannot_hold_is_refused(
    messages: dict[str, MessageSpec], signal: str, value: object, status: Status
) -> None:
    with pytest.raises(DeviceRefused) as raised:
        encode(messages["Engine"], messages["Engine"].signals[signal], value, bytes(8))
    assert raised.value.status == status


def test_a_float_too_large_is_refused(messages: dict[str, MessageSpec]) -> None:
    with pytest.raises(DeviceRefused):
        raw_of(messages["Precise"].signals["Level"], 1e300)
