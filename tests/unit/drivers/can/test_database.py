from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import InputError
from drivers.can.database import load
from tests.unit.drivers.can.dbc import TEXT, settings, write_dbc


def problem(folder: Path, text: str, **keys: object) -> str:
    (folder / "test.dbc").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load(settings(**keys), folder)
    return str(raised.value)


def test_signals_are_taken_over(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    messages = load(settings(), tmp_path).messages
    torque = messages["Engine"].signals["Torque"]
    assert (torque.big_endian, torque.signed, torque.scale, torque.offset) == (True, True, 0.5, -100)
    assert messages["Pages"].signals["Inner"].selected_by == {2, 3}
    assert messages["CCVS1"].by_pgn
    assert messages["CCVS1"].pgn == 0xFEF1
    assert not messages["Engine"].by_pgn


def test_match_says_how_messages_are_found(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    assert not load(settings(match="exact"), tmp_path).messages["CCVS1"].by_pgn
    assert not load(settings(match="pgn"), tmp_path).messages["Engine"].by_pgn  # 11 bits hold no group


def test_a_syntax_error_is_told_with_line_and_column(tmp_path: Path) -> None:
    told = problem(tmp_path, TEXT.replace(" SG_ Gear : 32|3@1+", " SG_ 1Gear : 32|3@1+"))
    assert told.startswith(f"{tmp_path / 'test.dbc'}:12:6: invalid DBC syntax")


def test_an_overlap_is_told_at_its_message_and_strict_false_takes_it(tmp_path: Path) -> None:
    text = TEXT.replace("Brake : 35|1", "Brake : 34|1")
    told = problem(tmp_path, text)
    assert told.startswith(f"{tmp_path / 'test.dbc'}:9:1: ")
    assert "strict: false" in told
    assert "Brake" in load(settings(strict=False), tmp_path).messages["Engine"].signals


def test_files_that_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "bad.dbc").write_bytes(b"\x00\xff\x81not a dbc")
    with pytest.raises(InputError) as raised:
        load(settings(dbc=["missing.dbc", "bad.dbc", "."]), tmp_path)
    assert len(raised.value.findings) == 3
    assert "missing.dbc: cannot be read" in str(raised.value)


def test_a_message_in_two_files_is_told(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    (tmp_path / "other.dbc").write_text(TEXT, encoding="utf-8")
    with pytest.raises(InputError, match="the message Engine stands in"):
        load(settings(dbc=["test.dbc", "other.dbc"]), tmp_path)


def test_units_of_old_editors_are_read(tmp_path: Path) -> None:
    (tmp_path / "test.dbc").write_bytes(TEXT.replace('"rpm"', '"°C"').encode("cp1252"))
    assert load(settings(), tmp_path).messages["Engine"].signals["Speed"].unit == "°C"


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    file = write_dbc(tmp_path)
    load(settings(), tmp_path)
    file.write_text(TEXT.replace('"rpm"', '"Hz"'), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert load(settings(), tmp_path).messages["Engine"].signals["Speed"].unit == "Hz"


def test_every_file_of_the_corpus_loads_or_says_where_not(corpus: Path) -> None:
    loaded, lines = 0, 0
    for file in sorted((corpus / "can" / "opendbc").glob("*.dbc")):
        try:
            load(settings(dbc=str(file), strict=False), corpus)
            loaded += 1
        except InputError as error:
            lines += error.findings[0].place.line > 0
    assert loaded >= 90
    assert lines >= 10
