from __future__ import annotations

from pathlib import Path

import pytest

from analytics.robust_zscore.settings import RobustZScoreSettings
from core.errors import Findings
from core.settings import Document, build


def findings_of(tmp_path: Path, text: str) -> tuple[RobustZScoreSettings | None, list[str]]:
    file = tmp_path / "operator.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None
    settings = build(RobustZScoreSettings, document, findings)
    return settings, [str(finding).removeprefix(str(tmp_path)) for finding in findings.items]


def test_an_input_is_all_that_is_needed(tmp_path: Path) -> None:
    settings, found = findings_of(tmp_path, "operator: robust-zscore\ninput: /Objects/Line1/Temperature\n")
    assert found == []
    assert settings is not None
    assert (settings.window, settings.threshold, settings.minimum_samples, settings.name) == (300, 3.5, 30, "")
    assert settings.input_nodes() == {"Input": "/Objects/Line1/Temperature"}


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("window: 2", ":3:9"),
        ("window: 10001", ":3:9"),
        ("threshold: 0", ":3:12"),
        ("threshold: .nan", ":3:12"),
        ("minimum_samples: 2", ":3:18"),
        ("minimum_samples: 301", ":3:18"),
        ("treshold: 3", ":3:1"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path: Path, line: str, place: str) -> None:
    settings, found = findings_of(tmp_path, f"operator: robust-zscore\ninput: i=1\n{line}\n")
    assert settings is None
    assert len(found) == 1
    assert place in found[0]


def test_a_window_shorter_than_the_default_minimum_is_told_with_its_mend(tmp_path: Path) -> None:
    settings, found = findings_of(tmp_path, "operator: robust-zscore\ninput: i=1\nwindow: 10\n")
    assert settings is None
    assert len(found) == 1
    assert "write minimum_samples: 10 or fewer" in found[0]
