"""asyncua's client of a gateway with every policy, as tests bend it."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one; its own hooks are used.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportPrivateUsage=false
# pyright: reportAttributeAccessIssue=false, reportPrivateImportUsage=false
from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asyncua import Client, ua

from tests.system.log_in import APPLICATION, PASSWORD
from tests.system.patient import PatientClient
from tests.system.secured_gateway import SecuredGateway
from tests.unit.server.ua_stack.secure_channel.peer import KINDS

Secret = Callable[[bytes], tuple[bytes, str | None]]
"""From a session's nonce to the bytes of a password and the algorithm that they are said to be encrypted with."""


async def asyncua_apart(
    gateway: SecuredGateway,
    name: str,
    *,
    policy: str = "Basic256Sha256",
    mode: str = "SignAndEncrypt",
    files: tuple[Path, Path] | None = None,
) -> Client:
    """Make asyncua's client, not connected yet."""
    client = PatientClient(gateway.url)
    client.application_uri = APPLICATION
    if policy != "None":
        await client.set_security(KINDS[policy], *(files or gateway.files), mode=ua.MessageSecurityMode[mode])
    client.set_user(name)
    client.set_password(PASSWORD)
    return client


@asynccontextmanager
async def asyncua_client(gateway: SecuredGateway, name: str, **how: str) -> AsyncGenerator[Client]:
    """Connect and log in."""
    async with await asyncua_apart(gateway, name, **how) as client:
        yield client


class Heard:
    """Keeps the values that come."""

    def __init__(self, values: list[float]) -> None:
        self._values = values

    def datachange_notification(self, _node: object, value: float, _data: object) -> None:
        self._values.append(value)


class GivenSecret(PatientClient):
    """Logs in with what ``given`` makes of the session's nonce."""

    def __init__(self, url: str, given: Secret) -> None:
        super().__init__(url)
        self.given = given
        self.set_user("ann")

    def _add_user_auth(self, params: ua.ActivateSessionParameters, username: str | None, password: str | None) -> None:
        """Make the token (asyncua's own hook)."""
        del password
        token: Any = ua.UserNameIdentityToken()
        token.PolicyId = self.server_policy(ua.UserTokenType.UserName).PolicyId
        token.UserName = username
        token.Password, token.EncryptionAlgorithm = self.given(self._server_nonce or b"")
        params.UserIdentityToken = token
