"""A gateway that users log in to over an encrypted endpoint, and clients that do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from certs.own import own_certificate
from server.users.administration import UserAdministration
from server.users.passwords import PasswordRules, Passwords
from server.users.records import NO_OPTIONS, UserOption
from server.users.store import UserStore
from tests.system.patient import PatientClient
from tests.system.plant import Plant

PASSWORD = "correct horse battery"
APPLICATION = "urn:test:client"
ENCRYPTED = ua.MessageSecurityMode.SignAndEncrypt


async def add_user(data_dir: Path, name: str, *roles: str, must_change: bool = False) -> None:
    """Add a user as ``plantspace user add`` does, from outside the gateway."""
    await asyncio.to_thread(data_dir.mkdir, 0o700, exist_ok=True)
    store = UserStore(data_dir)
    await store.start(watch=False)
    try:
        administration = UserAdministration(store, Passwords(), PasswordRules(12))
        options = UserOption.MUST_CHANGE_PASSWORD if must_change else NO_OPTIONS
        await administration.add(name, PASSWORD, roles=roles, options=options)
    finally:
        await store.stop()


def trusted_client(plant: Plant, folder: Path) -> tuple[Path, Path]:
    """Make a client's certificate, and trust it; gives the files of certificate and key."""
    own_certificate(folder, APPLICATION, "client")
    trusted = plant.gateway.plan.data_dir / "certs" / "trusted"
    shutil.copy(folder / "own.der", trusted / "client.der")
    return folder / "own.der", folder / "own.key.pem"


@asynccontextmanager
async def logged_in(
    plant: Plant, identity: tuple[Path, Path], name: str = "", password: str = PASSWORD
) -> AsyncGenerator[Client]:
    """Connect asyncua's client over SignAndEncrypt as a user; anonymously without a name."""
    client = PatientClient(plant.url)
    client.application_uri = APPLICATION
    await client.set_security(SecurityPolicyBasic256Sha256, *identity, mode=ENCRYPTED)
    if name:
        client.set_user(name)
        client.set_password(password)
    async with client:
        yield client
