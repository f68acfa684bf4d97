from __future__ import annotations

from pathlib import Path

import pytest

from core.datatypes import DataType
from core.errors import InputError
from drivers.can.address import parse_address
from drivers.can.discovery import check, discover
from tests.unit.drivers.can.dbc import settings, write_dbc


def test_tags_carry_what_the_dbc_says(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    tags = {tag.name: tag for tag in discover(settings(), tmp_path)}
    speed, gear, count = tags["Engine.Speed"], tags["Engine.Gear"], tags["Engine.Count"]
    assert (speed.datatype, speed.unit, speed.minimum, speed.maximum) == (DataType.DOUBLE, "rpm", 0, 8031.875)
    assert speed.description == "Speed of the crankshaft"
    assert gear.states == ((0, "Neutral"), (1, "First"), (7, "Reverse"))
    assert (count.minimum, count.maximum) == (None, None)
    assert not any(tag.writable for tag in tags.values())


def test_signals_and_writable_choose_by_pattern(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    conf = settings(signals=["Engine.*", "CCVS1.*"], writable=["Engine.[ST]*", "CCVS1.*"])
    tags = discover(conf, tmp_path)
    assert [tag.name for tag in tags if tag.writable] == ["Engine.Speed", "Engine.Torque"]  # a group is never written
    assert {tag.name.partition(".")[0] for tag in tags} == {"Engine", "CCVS1"}


def test_nothing_of_a_log_is_writable(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    (tmp_path / "can.log").write_text("(1.0) can0 100#00\n", encoding="ascii")
    tags = discover(settings(url="log:can.log", writable=["*"]), tmp_path)
    assert tags
    assert not any(tag.writable for tag in tags)


def test_check_names_the_nearest(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    texts = ["Engine.Speed", "Engin.Speed", "Engine.Sped", "Engine.Speed@3", "Xyz.A", "CCVS1.WheelSpeed@3"]
    problems = check(settings(), [parse_address(text, None) for text in texts], tmp_path)
    assert [problem.column for problem in problems] == [1, 8, 13, 1]
    assert [problem.mend for problem in problems][:2] == ["did you mean 'Engine'?", "did you mean 'Speed'?"]


def test_everything_wrong_with_the_files_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        discover(settings(url="log:missing.log"), tmp_path)
    assert len(raised.value.findings) == 2
    write_dbc(tmp_path)
    with pytest.raises(InputError, match=r"missing\.log"):
        check(settings(url="log:missing.log"), [], tmp_path)
