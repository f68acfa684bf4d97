from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.nodesets.core_nodes import CORE
from tests.unit.nodesets.written import write


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a standard namespace of a few nodes in the place of the published one, which takes a second to read."""
    file = write(tmp_path, CORE, "standard/core.NodeSet2.xml")
    monkeypatch.setattr("nodesets.model.standard_file", lambda: file)
    return file
