from __future__ import annotations

import pytest

from server.address_space.space import AddressSpace
from tests.unit.server.events.plant import plant


@pytest.fixture(scope="session")
def space() -> AddressSpace:
    """A plant that tests do not change."""
    return plant()


@pytest.fixture(scope="session")
def growing() -> AddressSpace:
    """A plant that tests add to; nothing that is there is taken away."""
    return plant()
