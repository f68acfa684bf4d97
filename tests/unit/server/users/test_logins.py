"""Logging in, mostly by those who should not. ``computed`` counts verifications, so no clock is needed to compare."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.users.errors import BAD_ALREADY_EXISTS, LoginFault, LoginRefused, UserRefused
from server.users.identity import NOBODY
from server.users.logins import Logins
from server.users.passwords import Passwords
from server.users.records import UserOption
from server.users.roles import Criterion, IdentityRule
from server.users.settings import UserSettings
from server.users.store import UserStore
from tests.loop_monitor import held_each_time
from tests.unit.server.users.certificates import certificate

PASSWORD = "correct horse battery"
WELL, WRONG = PASSWORD.encode(), b"wrong"
HERE, THERE = "192.0.2.1", "192.0.2.2"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[UserStore]:
    store = UserStore(tmp_path)
    await store.start(watch=False)
    yield store
    await store.stop()


@pytest.fixture
async def logins(store: UserStore, clock: Clock) -> AsyncIterator[Logins]:
    logins = Logins(store, UserSettings(), passwords=Passwords(64, 1), clock=clock, wall=clock)
    await logins.start()
    await logins.administration.add("ann", PASSWORD, roles=["Operator"])
    yield logins
    await logins.stop()


async def fault(logins: Logins, name: str = "ann", password: bytes = WRONG, source: str = HERE) -> LoginFault:
    with pytest.raises(LoginRefused) as refused:
        await logins.by_password(name, password, source)
    assert str(refused.value) == "the log-in is refused"
    assert refused.value.status == 0x8021_0000
    return refused.value.fault


async def test_a_user_logs_in(logins: Logins, store: UserStore) -> None:
    identity = await logins.by_password("ANN", WELL, HERE)
    assert (identity.name, identity.must_change_password, identity.expires) == ("ann", False, None)
    assert store.snapshot.roles.roles_of(identity, security_mode=3) >= {15680, 15656, 15644}
    assert logins.counters.succeeded == 1


async def test_threat_12_every_failure_looks_the_same_and_costs_one_verification(
    logins: Logins, store: UserStore
) -> None:
    for name, change in {
        "disabled": {"options": UserOption.DISABLED},
        "expired": {"expires": 999},
    }.items():
        await logins.administration.add(name, PASSWORD)
        await logins.administration.modify(name, lambda user, change=change: replace(user, **change))
    faults: list[LoginFault] = []
    for name, password in (
        ("ann", WRONG), ("nobody", WELL), ("admin", b"admin"), ("disabled", WELL), ("expired", WELL),
        ("x" * 100_000, WELL), ("", WELL), ("a\0nn", WELL), ("ann", b"\xff"), ("ann", b"x" * 1_000_000),
    ):  # fmt: skip
        before = logins._passwords.computed
        faults.append(await fault(logins, name, password))
        assert logins._passwords.computed == before + 1, name
    assert set(faults) == {
        LoginFault.WRONG_PASSWORD, LoginFault.UNKNOWN, LoginFault.DISABLED, LoginFault.EXPIRED
    }  # fmt: skip
    assert store.snapshot.users["ann"].sources == ()


@pytest.mark.parametrize("name", ["ann", "nobody"])
async def test_threat_12_a_name_is_locked_whether_there_is_such_a_user_or_not(
    logins: Logins, clock: Clock, name: str
) -> None:
    for _ in range(5):
        assert await fault(logins, name) is not LoginFault.LOCKED
    computed = logins._passwords.computed
    assert await fault(logins, name, WELL, THERE) is LoginFault.LOCKED
    assert logins._passwords.computed == computed, "a locked name costs nothing"
    clock.now += 29.9
    assert await fault(logins, name, WELL, THERE) is LoginFault.LOCKED
    clock.now += 0.2
    if name == "ann":
        await logins.by_password(name, WELL, THERE)
    else:
        assert await fault(logins, name, WELL, THERE) is LoginFault.UNKNOWN


async def test_threat_12_an_address_that_tries_many_names_is_locked(logins: Logins) -> None:
    for number in range(20):
        await fault(logins, f"user-{number}")
    assert await fault(logins, "ann", WELL) is LoginFault.LOCKED
    await logins.by_password("ann", WELL, THERE)


async def test_threat_12_guessing_from_elsewhere_does_not_lock_out_who_is_known_here(
    logins: Logins, clock: Clock
) -> None:
    await logins.by_password("ann", WELL, HERE)
    for attempt in range(200):  # an attack of days, from many addresses
        await fault(logins, "ann", WRONG, f"198.51.100.{attempt}")
        clock.now += 400.0
    assert await fault(logins, "ann", WELL, THERE) is LoginFault.LOCKED
    await logins.by_password("ann", WELL, HERE)


async def test_threat_12_guesses_all_at_once_get_hardly_further_than_one_after_the_other(logins: Logins) -> None:
    faults = await asyncio.gather(*(fault(logins, "ann", WRONG, f"198.51.100.{number}") for number in range(100)))
    tried = [one for one in faults if one is not LoginFault.LOCKED]
    assert len(tried) <= 5 + logins.turns._free
    assert logins.counters.locked == 100 - len(tried)


async def test_a_hundred_honest_log_ins_at_once_all_come_in(logins: Logins) -> None:
    await asyncio.gather(*(logins.by_password("ann", WELL, HERE) for _ in range(100)))
    assert logins.counters.succeeded == 100


async def test_an_administrator_ends_a_lock(logins: Logins) -> None:
    for _ in range(6):
        await fault(logins)
    await logins.administration.set_enabled("ann", enabled=True)
    await logins.by_password("ann", WELL, THERE)


async def test_the_price_of_a_hash_is_raised_at_the_next_log_in(logins: Logins, store: UserStore) -> None:
    logins._passwords = Passwords(128, 1)
    await logins.by_password("ann", WELL, HERE)
    assert "$m=128,t=1,p=1$" in store.snapshot.users["ann"].secret
    await logins.by_password("ann", WELL, HERE)


async def test_addresses_that_are_remembered_are_few(logins: Logins, store: UserStore, clock: Clock) -> None:
    for number in range(12):
        clock.now += 1
        await logins.by_password("ann", WELL, f"198.51.100.{number}")
    assert store.snapshot.users["ann"].sources == tuple(f"198.51.100.{number}" for number in range(11, 3, -1))


async def test_a_one_time_password_gives_no_role_until_it_is_changed(logins: Logins, store: UserStore) -> None:
    await logins.administration.set_up("admin", PASSWORD)
    identity = await logins.by_password("admin", WELL, HERE)
    assert identity.must_change_password
    assert store.snapshot.roles.roles_of(identity, security_mode=3) == {15644}
    with pytest.raises(LoginRefused):
        await logins.change_password("admin", WRONG, "another horse battery", HERE)
    with pytest.raises(UserRefused) as refused:
        await logins.change_password("admin", WELL, PASSWORD, HERE)
    assert refused.value.status == BAD_ALREADY_EXISTS
    changed = await logins.change_password("admin", WELL, "another horse battery", HERE)
    assert 15704 in store.snapshot.roles.roles_of(changed, security_mode=3)
    identity = await logins.by_password("admin", b"another horse battery", HERE)
    assert 15704 in store.snapshot.roles.roles_of(identity, security_mode=3)


async def test_anonymous_users_are_let_in_only_where_they_have_a_role(tmp_path: Path, logins: Logins) -> None:
    with pytest.raises(LoginRefused) as refused:
        logins.anonymous()
    assert refused.value.fault is LoginFault.NOT_OFFERED
    (tmp_path / "other").mkdir()
    store = UserStore(tmp_path / "other", {"Observer": (IdentityRule(Criterion.ANONYMOUS),)})
    other = Logins(store)
    assert other.anonymous() is NOBODY
    assert store.snapshot.roles.roles_of(NOBODY) == {15644, 15668}
    await other.stop()


async def test_a_user_who_is_disabled_expired_or_gone_has_no_session(logins: Logins, clock: Clock) -> None:
    identity = await logins.by_password("ann", WELL, HERE)
    assert logins.still_stands(identity)
    await logins.administration.set_enabled("ann", enabled=False)
    assert not logins.still_stands(identity)
    await logins.administration.set_enabled("ann", enabled=True)
    await logins.administration.modify("ann", lambda user: replace(user, expires=2000))
    assert logins.still_stands(identity)
    clock.now = 2000.0
    assert not logins.still_stands(identity)
    clock.now = 1999.0
    await logins.administration.remove("ann")
    assert not logins.still_stands(identity)
    assert logins.still_stands(NOBODY)
    assert not logins.still_stands(replace(NOBODY, expires=1998.0))


async def test_a_certificate_logs_in_as_its_subject(logins: Logins) -> None:
    assert logins.by_certificate(certificate({"CN": "Ann"})).name == "Ann"


async def test_logging_in_never_holds_up_the_loop(store: UserStore) -> None:
    logins = Logins(store)  # at the real price
    numbers = itertools.count()

    async def log_in() -> None:
        name = f"ann{next(numbers)}"
        await logins.administration.add(name, PASSWORD)
        await asyncio.gather(*(logins.by_password(name, WELL, HERE) for _ in range(5)))

    held = await held_each_time(log_in)
    await logins.stop()
    assert not held
