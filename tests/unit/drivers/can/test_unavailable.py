from __future__ import annotations

from pathlib import Path

import pytest

from core.quality import Status
from drivers.can.database import load
from drivers.can.unavailable import Rule, reserved_of
from tests.unit.drivers.can.dbc import settings, write_dbc


@pytest.mark.parametrize(
    ("signal", "rule", "raw", "status"),
    [
        ("Speed", "nmea2000", 0xFFFF, Status.BAD_NO_DATA),
        ("Speed", "nmea2000", 0xFFFE, Status.BAD_OUT_OF_RANGE),
        ("Speed", "nmea2000", 0xFFFD, Status.GOOD),
        ("Torque", "nmea2000", 0x7FFF, Status.BAD_NO_DATA),
        ("Torque", "nmea2000", 0x7FFE, Status.BAD_OUT_OF_RANGE),
        ("Torque", "nmea2000", -1, Status.GOOD),
        ("Gear", "nmea2000", 7, Status.GOOD),  # the DBC names it
        ("Gear", "nmea2000", 6, Status.GOOD),
        ("Speed", "j1939", 0xFF00, Status.BAD_NO_DATA),
        ("Speed", "j1939", 0xFEFF, Status.BAD_SENSOR_FAILURE),
        ("Speed", "j1939", 0xFDFF, Status.GOOD),
    ],
)
def test_reserved_values(tmp_path: Path, signal: str, rule: Rule, raw: int, status: Status) -> None:
    write_dbc(tmp_path)
    spec = load(settings(), tmp_path).messages["Engine"].signals[signal]
    reserved = reserved_of(spec, rule)
    assert reserved is not None
    assert reserved.status_of(raw) == status


def test_flags_floats_and_ordinary_buses_have_none(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    messages = load(settings(), tmp_path).messages
    assert reserved_of(messages["Engine"].signals["Brake"], "nmea2000") is None
    assert reserved_of(messages["Precise"].signals["Level"], "nmea2000") is None
    assert reserved_of(messages["Engine"].signals["Speed"], "none") is None


def test_canboats_database_is_known(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "canboat.dbc"))
    assert load(conf, corpus).not_available == "nmea2000"
    assert load(settings(dbc=str(corpus / "can" / "tp_nmea.dbc")), corpus).not_available == "none"
