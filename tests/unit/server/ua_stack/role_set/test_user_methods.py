"""AddUser, ModifyUser, RemoveUser and ChangePassword (Part 18 v1.05 5.2.5 to 5.2.8)."""

# asyncua's annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportArgumentType=false
from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from server.address_space.attributes import AttributeRefused
from server.ua_stack.role_set.binding import USER_MANAGEMENT
from server.users.identity import NOBODY, Identity, IdentityKind
from server.users.records import UserOption
from server.users.well_known import WELL_KNOWN
from tests.unit.server.ua_stack.role_set.bound import (
    ANONYMOUS,
    OTHER_PASSWORD,
    Bound,
    FakeCaller,
    FakeChannel,
)

THIRD_PASSWORD = "neither horse nor battery"


def option(plant: Bound, name: str) -> UserOption:
    return plant.store.snapshot.users[name].options


async def test_users_come_change_and_go(plant: Bound) -> None:
    assert await plant.add_user("ann", OTHER_PASSWORD, 8, "the early shift") == "Good"
    told = plant.value(USER_MANAGEMENT, "Users")
    assert [(one.UserName, int(one.UserConfiguration), one.Description) for one in told] == [
        ("admin", 0, None),
        ("ann", 8, "the early shift"),
    ]
    assert (await plant.logins.by_password("ann", OTHER_PASSWORD.encode(), "192.0.2.1")).must_change_password
    assert plant.store.snapshot.roles_named("ann") == [], "roles are given by rules alone"
    assert await plant.modify_user("ANN", options=0, description="late") == "Good"
    told = plant.value(USER_MANAGEMENT, "Users")
    assert [(one.UserName, int(one.UserConfiguration), one.Description) for one in told][1:] == [("ann", 0, "late")]
    assert await plant.remove_user("ann") == "Good"
    assert [one.UserName for one in plant.value(USER_MANAGEMENT, "Users")] == ["admin"]


async def test_what_is_asked_of_passwords_is_told(plant: Bound) -> None:
    plant.caller = FakeCaller(NOBODY, frozenset((ANONYMOUS,)), FakeChannel(1))
    length = plant.value(USER_MANAGEMENT, "PasswordLength")
    assert (length.Low, length.High) == (12, 256)
    assert plant.value(USER_MANAGEMENT, "PasswordOptions") == 0x1F
    assert "different" in plant.value(USER_MANAGEMENT, "PasswordRestrictions").Text


@pytest.mark.parametrize(
    ("name", "password", "options", "description", "status"),
    [
        ("ADMIN", OTHER_PASSWORD, 0, "", "BadAlreadyExists"),
        ("ann", "short", 0, "", "BadOutOfRange"),
        ("ann", None, 0, "", "BadOutOfRange"),
        ("ann", "x" * 257, 0, "", "BadOutOfRange"),
        ("ann", "aaaaaaaaaaaaaaaa", 0, "", "BadOutOfRange"),
        ("horse", OTHER_PASSWORD, 0, "", "BadOutOfRange"),
        ("ann", OTHER_PASSWORD, 16, "", "BadNotSupported"),
        ("ann", OTHER_PASSWORD, 4 | 8, "", "BadConfigurationError"),
        ("ann", OTHER_PASSWORD, 0, "x" * 1025, "BadInvalidArgument"),
        ("", OTHER_PASSWORD, 0, "", "BadInvalidArgument"),
        ("an\0n", OTHER_PASSWORD, 0, "", "BadInvalidArgument"),
        ("x" * 100_000, OTHER_PASSWORD, 0, "", "BadInvalidArgument"),
    ],
)
async def test_users_that_may_not_be(
    plant: Bound, name: str, password: str | None, options: int, description: str, status: str
) -> None:
    before = plant.store.snapshot
    assert await plant.add_user(name, password, options, description) == status
    assert plant.store.snapshot is before


async def test_modify_is_whole_or_nothing(plant: Bound) -> None:
    await plant.add_user("ann", OTHER_PASSWORD, 0, "as before")
    before = plant.store.snapshot.users["ann"]
    assert await plant.modify_user("ann", password="short", options=2, description="new") == "BadOutOfRange"
    assert await plant.modify_user("ann", password="", options=2) == "BadOutOfRange", "no password is no new password"
    assert await plant.modify_user("ann", password=THIRD_PASSWORD, options=12) == "BadConfigurationError"
    assert await plant.modify_user("ann", password=THIRD_PASSWORD, options=1 << 20) == "BadNotSupported"
    assert await plant.modify_user("ann", password=THIRD_PASSWORD, description="x" * 2000) == "BadInvalidArgument"
    assert await plant.modify_user("bob", password=THIRD_PASSWORD) == "BadNotFound"
    assert plant.store.snapshot.users["ann"] == before
    assert await plant.modify_user("ann") == "Good", "what is not to be modified is left as it is"
    assert plant.store.snapshot.users["ann"] == before
    assert await plant.modify_user("ann", password=THIRD_PASSWORD) == "Good"
    assert (await plant.logins.by_password("ann", THIRD_PASSWORD.encode(), "192.0.2.1")).name == "ann"


@pytest.mark.parametrize("change", [{"password": THIRD_PASSWORD}, {"options": 0}], ids=["password", "enabled"])
async def test_a_new_password_and_enabling_end_locks(plant: Bound, change: dict[str, Any]) -> None:
    await plant.add_user("ann", OTHER_PASSWORD)
    for _ in range(5):
        plant.logins.users.failed("ann")
    await plant.modify_user("ann", options=2)
    await plant.modify_user("ann", description="not at work")
    assert plant.logins.users.remaining("ann")
    assert await plant.modify_user("ann", **change) == "Good"
    assert not plant.logins.users.remaining("ann")


async def test_nobody_ends_the_session_that_they_call_from(plant: Bound) -> None:
    assert await plant.remove_user("Admin") == "BadInvalidSelfReference"
    assert await plant.modify_user("ADMIN", options=2) == "BadInvalidSelfReference"
    assert await plant.modify_user("admin", options=1) == "Good"
    # who came by a certificate with that name in it is somebody else; but the last SecurityAdmin stays
    plant.caller = FakeCaller(Identity(IdentityKind.CERTIFICATE, "admin", thumbprint="A" * 40))
    assert await plant.modify_user("admin", options=2) == "BadRequestNotAllowed"
    assert await plant.remove_user("admin") == "BadNotSupported", "NoDelete"
    assert await plant.modify_user("admin", options=0) == "Good"
    assert await plant.remove_user("admin") == "BadRequestNotAllowed"
    assert await plant.remove_user("nobody") == "BadNotFound"


@pytest.mark.parametrize("method", ["AddUser", "ModifyUser", "RemoveUser"])
async def test_threat_13_users_are_for_administrators_on_encrypted_channels(plant: Bound, method: str) -> None:
    await plant.add_user("ann", OTHER_PASSWORD)
    before = plant.store.snapshot
    calls: dict[str, Callable[[], Awaitable[str]]] = {
        "AddUser": lambda: plant.add_user("bob", OTHER_PASSWORD),
        "ModifyUser": lambda: plant.modify_user("ann", password=THIRD_PASSWORD),
        "RemoveUser": lambda: plant.remove_user("ann"),
    }
    everybody = frozenset((ANONYMOUS, *(number for name, number in WELL_KNOWN.items() if name != "SecurityAdmin")))
    plant.caller = FakeCaller(roles=everybody)
    assert await calls[method]() == "BadUserAccessDenied"
    for mode in (1, 2):
        plant.caller = FakeCaller(channel=FakeChannel(mode))
        assert await calls[method]() == "BadSecurityModeInsufficient"
    assert plant.store.snapshot is before


@pytest.mark.parametrize(
    "caller",
    [FakeCaller(channel=FakeChannel(2)), FakeCaller(roles=frozenset((ANONYMOUS, 15680)))],
    ids=["signed", "operator"],
)
async def test_threat_13_users_and_rules_are_shown_to_administrators_alone(plant: Bound, caller: FakeCaller) -> None:
    plant.caller = caller
    for owner, name in (
        (USER_MANAGEMENT, "Users"),
        (15680, "Identities"),
        (15680, "Applications"),
        (15680, "Endpoints"),
    ):
        with pytest.raises(AttributeRefused):
            plant.attributes.read(plant.member(owner, name), AttributeIds.Value, plant.context)


async def as_ann(plant: Bound, options: int = 8) -> FakeCaller:
    """Let a user call who has just been added; such a session has the role Anonymous alone (5.2.8)."""
    await plant.add_user("ann", OTHER_PASSWORD, options)
    identity = await plant.logins.by_password("ann", OTHER_PASSWORD.encode(), "192.0.2.1")
    plant.caller = caller = FakeCaller(identity, frozenset((ANONYMOUS,)))
    return caller


async def test_whoever_must_changes_the_password_without_any_role(plant: Bound) -> None:
    caller = await as_ann(plant)
    assert await plant.change_password("wrong", THIRD_PASSWORD) == "BadIdentityTokenInvalid"
    assert await plant.change_password(OTHER_PASSWORD, OTHER_PASSWORD) == "BadAlreadyExists"
    assert await plant.change_password(OTHER_PASSWORD, "short") == "BadOutOfRange"
    assert plant.changed == []
    assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "Good"
    ((session, identity),) = plant.changed
    assert session is caller
    assert (identity.name, identity.must_change_password) == ("ann", False)
    assert not option(plant, "ann")
    assert not (await plant.logins.by_password("ann", THIRD_PASSWORD.encode(), "192.0.2.1")).must_change_password


async def test_passwords_are_changed_on_encrypted_channels_by_those_who_have_one(plant: Bound) -> None:
    caller = await as_ann(plant, 0)
    for mode in (1, 2):
        caller.channel.mode = mode
        assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "BadSecurityModeInsufficient"
    for identity in (NOBODY, Identity(IdentityKind.CERTIFICATE, "ann"), Identity(IdentityKind.ISSUED, "ann")):
        plant.caller = FakeCaller(identity)
        assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "BadInvalidState"
    plant.caller = None
    assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "BadInvalidState"


async def test_a_password_that_is_an_administrators_to_change(plant: Bound) -> None:
    await as_ann(plant, 4)
    assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "BadNotSupported"


async def test_threat_12_guessing_by_change_password_locks_like_log_ins_do(plant: Bound) -> None:
    caller = await as_ann(plant, 0)
    caller.channel.peer = "198.51.100.7"  # from where ann never logged in
    for _ in range(5):
        assert await plant.change_password("a wrong password", THIRD_PASSWORD) == "BadIdentityTokenInvalid"
    assert await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD) == "BadIdentityTokenInvalid"
    assert plant.logins.counters.locked == 1


async def test_no_password_is_logged(plant: Bound, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    short, long = "pAss1", "pAss2" * 100
    await plant.add_user("ann", short)
    await plant.add_user("ann", long)
    await plant.add_user("ann", OTHER_PASSWORD)
    await plant.add_user("ann", OTHER_PASSWORD)
    await plant.modify_user("ann", password=short)
    await plant.modify_user("nobody", password=THIRD_PASSWORD)
    await as_ann(plant)
    await plant.change_password("wRong3", THIRD_PASSWORD)
    await plant.change_password(OTHER_PASSWORD, short)
    await plant.change_password(OTHER_PASSWORD, OTHER_PASSWORD)
    await plant.change_password(OTHER_PASSWORD, THIRD_PASSWORD)
    assert "AddUser is refused" in caplog.text
    for secret in (short, "pAss2", "wRong3", OTHER_PASSWORD, THIRD_PASSWORD, "argon2"):
        assert secret not in caplog.text
    assert max(map(len, caplog.messages)) < 400


async def test_who_may_not_call_cannot_fill_the_log(plant: Bound, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "plantspace")
    nobody = frozenset((ANONYMOUS,))
    for caller in (FakeCaller(roles=nobody), FakeCaller(NOBODY, nobody), FakeCaller(channel=FakeChannel(1))):
        plant.caller = caller
        assert await plant.add_user("ann", OTHER_PASSWORD) in ("BadUserAccessDenied", "BadSecurityModeInsufficient")
        assert await plant.change_password("wrong", THIRD_PASSWORD) != "Good"
    assert caplog.messages == []


async def test_a_store_that_cannot_be_written_is_told(plant: Bound, caplog: pytest.LogCaptureFixture) -> None:
    await plant.store.stop()
    assert await plant.add_user("ann", OTHER_PASSWORD) == "BadResourceUnavailable"
    assert await plant.add_role("Shift") == "BadResourceUnavailable"
    given = ua.Variant(Value=False, VariantType=ua.VariantType.Boolean)
    assert await plant.write(15680, "EndpointsExclude", given) == ua.StatusCodes.BadResourceUnavailable
    assert "AddUser cannot be done" in caplog.text
