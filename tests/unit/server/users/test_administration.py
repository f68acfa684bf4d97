from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.users.administration import UserAdministration
from server.users.errors import (
    BAD_ALREADY_EXISTS,
    BAD_CONFIGURATION_ERROR,
    BAD_INVALID_ARGUMENT,
    BAD_NODE_ID_UNKNOWN,
    BAD_NOT_FOUND,
    BAD_NOT_SUPPORTED,
    BAD_OUT_OF_RANGE,
    UserRefused,
)
from server.users.passwords import Passwords
from server.users.records import UserOption
from server.users.role_changes import add_identity
from server.users.roles import Criterion, IdentityRule
from server.users.store import UserStore

PASSWORD = "correct horse battery"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[UserStore]:
    store = UserStore(tmp_path)
    await store.start(watch=False)
    yield store
    await store.stop()


@pytest.fixture
def users(store: UserStore) -> UserAdministration:
    return UserAdministration(store, Passwords(64, 1), clock=lambda: 1000.0)


async def refusal(awaitable: object) -> int:
    with pytest.raises(UserRefused) as refused:
        await awaitable  # type: ignore[misc] # pyright: ignore[reportGeneralTypeIssues] - any of the coroutines
    return refused.value.status


async def test_the_first_administrator_is_made_once_and_must_change_the_password(
    users: UserAdministration, store: UserStore
) -> None:
    user = await users.set_up("admin", PASSWORD)
    assert user.must_change_password
    assert store.snapshot.administrators() == ["admin"]
    assert await refusal(users.set_up("other", PASSWORD)) == BAD_ALREADY_EXISTS
    assert PASSWORD not in repr(user)
    assert "argon2" not in repr(user)


async def test_what_may_not_be_is_refused(users: UserAdministration) -> None:
    await users.add("ann", PASSWORD)
    assert await refusal(users.add("ANN", PASSWORD)) == BAD_ALREADY_EXISTS
    assert await refusal(users.add("bob", "short")) == BAD_OUT_OF_RANGE
    assert await refusal(users.add("bob", PASSWORD, roles=["Nobody"])) == BAD_NODE_ID_UNKNOWN
    assert await refusal(users.add("bob", PASSWORD, options=UserOption(12))) == BAD_CONFIGURATION_ERROR
    assert await refusal(users.add("bob", PASSWORD, options=UserOption(1 << 9))) == BAD_NOT_SUPPORTED
    assert await refusal(users.add("bob", PASSWORD, description="x" * 2000)) == BAD_INVALID_ARGUMENT
    assert await refusal(users.set_roles("bob", add=["Operator"])) == BAD_NOT_FOUND
    assert await refusal(users.set_roles("ann", add=["Operator"], remove=["Engineer"])) == BAD_NOT_FOUND


async def test_roles_are_given_and_taken_by_name_all_or_none(users: UserAdministration, store: UserStore) -> None:
    await users.add("ann", PASSWORD, roles=["Operator"])
    assert await users.set_roles("Ann", add=["Operator", "Engineer"]) == ["Operator", "Engineer"]
    assert await users.set_roles("ann", remove=["Operator"]) == ["Engineer"]
    assert await refusal(users.set_roles("ann", add=["Observer"], remove=["Operator"])) == BAD_NOT_FOUND
    assert store.snapshot.roles_named("ann") == ["Engineer"]


async def test_a_new_user_does_not_inherit_what_was_meant_for_one_of_that_name(
    users: UserAdministration, store: UserStore
) -> None:
    await store.change_roles(lambda roles: add_identity(roles, "Engineer", IdentityRule(Criterion.USER_NAME, "ann")))
    await users.add("Ann", PASSWORD, roles=["Observer"])
    assert store.snapshot.roles_named("ann") == ["Observer"]
    await users.remove("ann")
    await users.add("ann", PASSWORD)
    assert store.snapshot.roles_named("ann") == []


async def test_options_are_minded(users: UserAdministration) -> None:
    await users.add("ann", PASSWORD, options=UserOption.NO_DELETE | UserOption.NO_CHANGE_BY_USER)
    assert await refusal(users.remove("ann")) == BAD_NOT_SUPPORTED
    assert await refusal(users.changed_by_user("ann", "another horse battery")) == BAD_NOT_SUPPORTED
    assert (
        await refusal(users.set_password("ann", "another horse battery", must_change=True)) == BAD_CONFIGURATION_ERROR
    )
    assert (await users.set_password("ann", "another horse battery")).released == 1000


async def test_a_user_is_configured_as_a_whole_or_not_at_all(users: UserAdministration, store: UserStore) -> None:
    await users.add("ann", PASSWORD, description="early")
    before = store.snapshot.users["ann"]
    assert await refusal(users.configure("ann", password="short", description="late")) == BAD_OUT_OF_RANGE
    both = UserOption.MUST_CHANGE_PASSWORD | UserOption.NO_CHANGE_BY_USER
    assert await refusal(users.configure("ann", options=both, description="late")) == BAD_CONFIGURATION_ERROR
    assert await refusal(users.configure("bob", description="late")) == BAD_NOT_FOUND
    assert store.snapshot.users["ann"] == before
    user = await users.configure("ANN", password="another horse battery", options=UserOption.DISABLED)
    assert (user.name, user.description, user.is_enabled, user.released) == ("ann", "early", False, 1000)
    assert user.secret != before.secret
