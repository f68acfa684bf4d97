from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from server.cli import main
from tests.command import ROOT

_CASES = ROOT / "tests" / "golden" / "configurations"
_WRONG = sorted(folder.name for folder in _CASES.iterdir() if (folder / "expected.txt").read_text(encoding="utf-8"))


def _everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Give all files and folders with their modes, times and contents."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("case", _WRONG)
def test_run_refuses_what_check_finds_and_changes_nothing_on_disk(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(_CASES / case, tmp_path / "plant")
    folder = tmp_path / "plant"
    (folder / "var").mkdir()
    (folder / "var" / "retained.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(folder)
    before = _everything(tmp_path)
    assert main(["run", "plant.yaml"]) == 1
    said = capsys.readouterr()
    assert said.out == ""  # above all not: ready
    findings = (folder / "expected.txt").read_text(encoding="utf-8").splitlines()[:-1]
    told = said.err.replace(str(folder), f"ROOT/tests/golden/configurations/{case}").replace(str(ROOT), "ROOT")
    assert [line for line in findings if line not in told.splitlines()] == []
    assert "nothing was started or changed" in told
    assert _everything(tmp_path) == before
