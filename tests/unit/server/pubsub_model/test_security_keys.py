"""GetSecurityKeys gives keys to who has the role for them, and tells others nothing."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest
from asyncua.ua.status_codes import StatusCodes

from core.security_mode import SecurityMode
from server.pubsub_model.refusal import PubSubRefused
from server.pubsub_model.security_keys import get_security_keys
from server.ua_stack.sessions import CALLER, GatewaySession
from server.users.well_known import WELL_KNOWN
from tests.unit.server.pubsub_model.site import Published

ENCRYPTED, SIGNED = SecurityMode.SIGN_AND_ENCRYPT, SecurityMode.SIGN


@contextmanager
def _calling(role: str, mode: SecurityMode = ENCRYPTED) -> Generator[None]:
    caller = SimpleNamespace(
        channel=SimpleNamespace(mode=mode), roles=frozenset((WELL_KNOWN[role],)), client_user_id="eve"
    )
    token = CALLER.set(cast("GatewaySession", caller))
    try:
        yield
    finally:
        CALLER.reset(token)


async def test_who_has_the_role_gets_the_keys() -> None:
    with _calling("SecurityKeyServerAccess"):
        given = await get_security_keys(Published().security_keys)("plant", 4, 2)
    assert [one.Value for one in given] == ["uri", 4, [b"key", b"key"], 5.0, 10.0]


@pytest.mark.parametrize(
    ("role", "mode", "group", "status"),
    [
        ("ConfigureAdmin", ENCRYPTED, "plant", StatusCodes.BadUserAccessDenied),
        ("SecurityAdmin", ENCRYPTED, "plant", StatusCodes.BadUserAccessDenied),
        ("Anonymous", ENCRYPTED, "nothing", StatusCodes.BadUserAccessDenied),
        ("SecurityKeyServerAccess", SIGNED, "plant", StatusCodes.BadSecurityModeInsufficient),
        ("SecurityKeyServerAccess", ENCRYPTED, "nothing", StatusCodes.BadNotFound),
        ("SecurityKeyServerAccess", ENCRYPTED, "x" * 300, StatusCodes.BadNotFound),
        ("SecurityKeyServerAccess", ENCRYPTED, None, StatusCodes.BadNotFound),
    ],
)
async def test_others_learn_nothing(role: str, mode: SecurityMode, group: str | None, status: int) -> None:
    with _calling(role, mode), pytest.raises(PubSubRefused) as refused:
        await get_security_keys(Published().security_keys)(group, 0, 1)
    assert refused.value.status == status
