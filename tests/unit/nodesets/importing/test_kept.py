from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import Finding, Place
from nodesets.compiled.lines import compiled, line_of
from nodesets.importing import kept as kept_module
from nodesets.importing.kept import KeptModels, key_of
from nodesets.importing.request import Request
from nodesets.limits import Limits
from nodesets.model import Model, read_model, standard_header
from nodesets.resolver import resolve
from tests.unit.nodesets.written import document, write

NODES = '<UAObject NodeId="ns=1;i=1" BrowseName="1:A"/>'
KEY = "0" * 64


@pytest.fixture
def request_of(tmp_path: Path, core: Path) -> Request:
    del core
    file = write(tmp_path, document(NODES, required=""))
    return Request(standard_header(), resolve([file]), Limits())


@pytest.fixture
def model(request_of: Request) -> Model:
    return read_model(request_of.resolution)


@pytest.fixture
def kept(tmp_path: Path, model: Model) -> KeptModels:
    models = KeptModels(tmp_path / "var" / "models")
    models.keep(KEY, list(compiled(model)))
    return models


@pytest.fixture
def file(tmp_path: Path, kept: KeptModels) -> Path:
    del kept
    return tmp_path / "var" / "models" / f"{KEY}.model"


def test_what_was_kept_is_found(kept: KeptModels, model: Model) -> None:
    found = kept.find(KEY, Limits())
    assert found is not None
    assert (found.nodesets, found.nodes, found.warnings) == (model.nodesets, model.nodes, model.warnings)


def test_only_its_owner_may_read_it(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_found_under_another_key_or_where_nothing_is(kept: KeptModels, tmp_path: Path) -> None:
    assert kept.find("1" * 64, Limits()) is None
    assert KeptModels(tmp_path / "nowhere").find(KEY, Limits()) is None
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("part", [0, 1, 40, 200, -200, -2, -1])
def test_threat_27_one_changed_byte_and_it_is_not_believed(kept: KeptModels, file: Path, part: int) -> None:
    content = bytearray(file.read_bytes())
    content[part] ^= 1
    file.write_bytes(content)
    assert kept.find(KEY, Limits()) is None


def test_a_torn_file_is_not_believed(kept: KeptModels, file: Path) -> None:
    content = file.read_bytes()
    for length in {0, 1, 50, 100, len(content) // 2, len(content) - 1, *range(90, len(content), 97)}:
        file.write_bytes(content[:length])
        assert kept.find(KEY, Limits()) is None
    file.write_bytes(content + b"\n[]")
    assert kept.find(KEY, Limits()) is None


def test_a_file_of_another_model_under_this_name_is_not_believed(kept: KeptModels, file: Path) -> None:
    other = "1" * 64
    file.rename(file.with_stem(other))
    assert kept.find(other, Limits()) is None


def test_threat_27_a_right_checksum_over_wrong_lines_is_not_believed(kept: KeptModels) -> None:
    kept.keep(KEY, [line_of(["model", 1, 1]), line_of(["end"])])
    assert kept.find(KEY, Limits()) is None


def test_threat_27_what_others_may_have_written_is_not_believed(kept: KeptModels, file: Path, tmp_path: Path) -> None:
    file.chmod(0o620)
    assert kept.find(KEY, Limits()) is None
    file.chmod(0o600)
    real = file.rename(tmp_path / "elsewhere.model")
    file.symlink_to(real)
    assert kept.find(KEY, Limits()) is None
    file.unlink()
    os.mkfifo(file)
    assert kept.find(KEY, Limits()) is None


def test_one_that_is_larger_than_any_model_may_be_is_not_read(kept: KeptModels) -> None:
    assert kept.find(KEY, Limits(total_bytes=100)) is None


def test_a_damaged_one_is_set_aside_and_made_anew(kept: KeptModels, file: Path, model: Model) -> None:
    file.write_bytes(b"torn")
    kept.keep(KEY, list(compiled(model)))
    assert kept.find(KEY, Limits()) is not None
    assert file.with_suffix(".damaged").read_bytes() == b"torn"


def test_one_model_is_kept(kept: KeptModels, file: Path, model: Model) -> None:
    kept.keep("1" * 64, list(compiled(model)))
    assert [one.name for one in file.parent.iterdir()] == ["1" * 64 + ".model"]


def test_a_draft_left_by_a_crash_is_in_nobodys_way(kept: KeptModels, file: Path, model: Model) -> None:
    file.with_suffix(".draft").write_bytes(b"half")
    kept.keep(KEY, list(compiled(model)))
    assert [one.suffix for one in file.parent.iterdir() if one.suffix == ".draft"] == []


def test_the_key_follows_from_everything_that_the_model_does(request_of: Request, tmp_path: Path) -> None:
    key = key_of(request_of)
    assert key is not None
    assert len(key) == 64
    assert key_of(request_of) == key
    others = [
        request_of._replace(limits=Limits(nodes=7)),
        request_of._replace(resolution=replace(request_of.resolution, missing=frozenset({"urn:x"}))),
        request_of._replace(resolution=replace(request_of.resolution, files=())),
        request_of._replace(resolution=replace(request_of.resolution, others={"urn:x": request_of.resolution.files})),
    ]
    keys = {key_of(one) for one in others}
    write(tmp_path, document(NODES.replace("1:A", "1:B"), required=""))
    keys.add(key_of(request_of))
    assert len(keys) == 5
    assert key not in keys
    assert None not in keys


def test_the_key_follows_from_the_code_that_reads(
    request_of: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = write(tmp_path, "one = 1\n", "code/deep/reader.py")
    monkeypatch.setattr(kept_module, "_COMPILER", tmp_path / "code")
    key = key_of(request_of)
    code.write_text("one = 11\n")
    assert key_of(request_of) != key


def test_no_key_where_something_is_wrong_or_too_large(request_of: Request) -> None:
    wrong = replace(request_of.resolution, findings=(Finding(Place("x"), "wrong"),))
    assert key_of(request_of._replace(resolution=wrong)) is None
    assert key_of(request_of._replace(limits=Limits(total_bytes=10))) is None
    request_of.resolution.files[0].file.unlink()
    assert key_of(request_of) is None
