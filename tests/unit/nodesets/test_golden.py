from __future__ import annotations

from pathlib import Path

import pytest

from nodesets.model import read_model
from nodesets.resolver import PACKAGED_MODELS, resolve

GOLDEN = Path(__file__).parents[2] / "golden" / "nodesets"


def findings_of(case: Path) -> list[str]:
    """Find what is wrong with a case's files, told with places relative to the case's folder."""
    model = read_model(
        resolve(sorted(case.glob("*.NodeSet2.xml")), [library] if (library := case / "library").exists() else [])
    )
    return [
        str(finding).replace(f"{case}/", "").replace(str(PACKAGED_MODELS), "<packaged>") for finding in model.findings
    ]


@pytest.mark.parametrize("case", sorted(GOLDEN.iterdir()), ids=lambda case: case.name)
def test_finds_what_the_case_expects(case: Path) -> None:
    assert findings_of(case) == (case / "expected.txt").read_text(encoding="utf-8").splitlines()
