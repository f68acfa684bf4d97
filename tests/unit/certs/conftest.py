from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from certs.store import TrustStore
from tests.unit.certs.openssl import Authority, need_openssl


@dataclass(frozen=True, slots=True)
class Foreign:
    """A root, an authority beneath it, a client of that, and the empty lists of both authorities."""

    root: Authority
    plant: Authority
    client: bytes
    root_list: bytes
    plant_list: bytes

    @property
    def sent(self) -> list[bytes]:
        return [self.client, self.plant.der, self.root.der]


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Foreign:
    """Nobody may revoke with these: authorities that do are a test's own."""
    need_openssl()
    folder = tmp_path_factory.mktemp("foreign")
    root = Authority(folder, "Foreign Root")
    plant = Authority(folder, "Plant CA", root)
    return Foreign(root, plant, plant.issue(), root.revocation_list(), plant.revocation_list())


@pytest.fixture
def store(tmp_path: Path) -> TrustStore:
    made = TrustStore(tmp_path / "certs")
    made.prepare()
    return made


@pytest.fixture
def trusting(store: TrustStore, foreign: Foreign) -> TrustStore:
    """Trust the plant's authority; the root only completes the chain."""
    store.add_trusted(foreign.plant.der)
    store.add_issuer(foreign.root.der)
    store.add_crl(foreign.plant_list)
    store.add_crl(foreign.root_list)
    return store
