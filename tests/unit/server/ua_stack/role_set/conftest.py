from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.server.ua_stack.role_set.bound import Bound, bound


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Bound]:
    async with bound(tmp_path) as held:
        yield held
