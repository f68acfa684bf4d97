from __future__ import annotations

from pathlib import Path

import pytest

from server.cli import main
from tests.command import ROOT

CASES = sorted(folder.name for folder in (ROOT / "tests" / "golden" / "configurations").iterdir())


@pytest.mark.parametrize("case", CASES)
def test_check_says_what_is_expected(
    case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ROOT / "tests" / "golden" / "configurations" / case
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    expected = Path("expected.txt").read_text(encoding="utf-8")
    code = main(["check", "plant.yaml"])
    said = capsys.readouterr()
    assert said.out.replace(str(ROOT), "ROOT") == expected
    assert said.err == ""
    assert code == (1 if expected else 0)
    assert sorted(folder.rglob("*")) == before
