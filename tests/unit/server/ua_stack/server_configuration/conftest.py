"""One ServerConfiguration a test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.unit.server.ua_stack.server_configuration.authority import Authority
from tests.unit.server.ua_stack.server_configuration.configured import Configured


@pytest.fixture
async def configured(tmp_path: Path) -> AsyncGenerator[Configured]:
    held = Configured(tmp_path / "certs")
    await held.configuration.start()
    yield held
    await held.configuration.stop()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()
