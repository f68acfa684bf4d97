from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from server.users.administration import UserAdministration
from server.users.errors import BAD_REQUEST_NOT_ALLOWED, UserRefused, UserStoreError
from server.users.passwords import Passwords
from server.users.records import Snapshot
from server.users.role_changes import (
    add_application,
    add_endpoint,
    add_identity,
    add_role,
    remove_identity,
    set_excludes,
)
from server.users.roles import Criterion, EndpointRule, IdentityRule, RoleSet
from server.users.store import UserStore
from tests.waiting import until

PASSWORD = "correct horse battery"
ANN = IdentityRule(Criterion.USER_NAME, "ann")


async def started(folder: Path, configured: dict[str, tuple[IdentityRule, ...]] | None = None) -> UserStore:
    store = UserStore(folder, configured)
    await store.start(watch=False)
    return store


def administration(store: UserStore) -> UserAdministration:
    return UserAdministration(store, Passwords(64, 1))


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_threat_27_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = await started(tmp_path)
    await administration(store).set_up("admin", PASSWORD)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files(tmp_path)}
    await store.stop()
    assert modes == {"users.sqlite": 0o600, "users.sqlite-wal": 0o600, "users.sqlite-shm": 0o600}
    assert PASSWORD.encode() not in store.path.read_bytes()


async def test_all_of_it_is_there_after_a_restart(tmp_path: Path) -> None:
    store = await started(tmp_path)

    def change(roles: RoleSet) -> RoleSet:
        roles = add_application(add_role(roles, "Lead"), "Lead", "urn:a")
        roles = add_endpoint(roles, "Lead", EndpointRule("opc.tcp://a:1", 3, "policy", "tcp"))
        roles = add_identity(roles, "Lead", IdentityRule(Criterion.GROUP_ID, "leads"))
        return set_excludes(roles, "Operator", applications=False, endpoints=False)

    await store.change_roles(change)
    await administration(store).add("Änn", PASSWORD, roles=["Operator", "Lead"], description="line 1", expires=2**40)
    before = store.snapshot
    await store.stop()
    again = await started(tmp_path)
    assert again.snapshot == before
    assert again.snapshot.roles_named("änn") == ["Operator", "Lead"]
    await again.stop()


async def test_what_another_process_changes_comes_within_seconds(tmp_path: Path) -> None:
    store = UserStore(tmp_path)
    await store.start()
    heard: list[tuple[Snapshot, Snapshot]] = []
    store.listeners.append(lambda before, after: heard.append((before, after)))
    other = await started(tmp_path)
    await administration(other).add("ann", PASSWORD)
    await other.stop()
    await until(lambda: "ann" in store.snapshot.users, seconds=30)
    await store.stop()
    assert [(len(before.users), len(after.users)) for before, after in heard] == [(0, 1)]


async def test_a_refused_change_changes_nothing(tmp_path: Path) -> None:
    store = await started(tmp_path)
    before = store.snapshot

    def change(roles: RoleSet) -> RoleSet:
        return remove_identity(add_identity(roles, "Operator", ANN), "Engineer", ANN)

    with pytest.raises(UserRefused):
        await store.change_roles(change)
    await store.refresh()
    assert store.snapshot == before
    await store.stop()


async def test_the_last_security_admin_stays(tmp_path: Path) -> None:
    store = await started(tmp_path)
    users = administration(store)
    await users.set_up("admin", PASSWORD)
    rule = IdentityRule(Criterion.USER_NAME, "admin")
    for refused in (
        users.remove("admin"),
        users.set_enabled("admin", enabled=False),
        users.set_roles("admin", remove=["SecurityAdmin"]),
        store.change_roles(lambda roles: remove_identity(roles, "SecurityAdmin", rule)),
    ):
        with pytest.raises(UserRefused) as error:
            await refused
        assert error.value.status == BAD_REQUEST_NOT_ALLOWED
    assert store.snapshot.administrators() == ["admin"]
    await users.add("bob", PASSWORD, roles=["SecurityAdmin"])
    await users.remove("admin")
    assert store.snapshot.administrators() == ["bob"]
    await store.stop()


async def test_rules_and_roles_of_the_configuration_stand_beside_the_files(tmp_path: Path) -> None:
    store = await started(tmp_path, {"Lead": (IdentityRule(Criterion.GROUP_ID, "leads"),)})
    await store.change_roles(lambda roles: add_identity(roles, "Lead", ANN))
    assert len(store.snapshot.roles.role("Lead").identities) == 2
    await store.stop()
    without = await started(tmp_path)
    assert without.snapshot.roles.role("Lead").identities == (ANN,)
    await without.stop()


async def test_a_damaged_file_is_not_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "users.sqlite"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(UserStoreError, match=r"users\.sqlite.*backup"):
        await started(tmp_path)
    assert file.read_bytes().startswith(b"not a database")


async def test_a_file_of_another_kind_or_time_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "users.sqlite")
    connection.execute("CREATE TABLE history (x)")
    connection.commit()
    with pytest.raises(UserStoreError, match="another kind"):
        await started(tmp_path)
    connection.execute("DROP TABLE history")
    connection.commit()
    connection.execute("VACUUM")
    await (await started(tmp_path)).stop()
    connection.execute("PRAGMA user_version=7")
    connection.close()
    with pytest.raises(UserStoreError, match="its format is 7"):
        await started(tmp_path)


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserStoreError, match="nowhere"):
        await started(tmp_path / "nowhere")


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    store = UserStore(tmp_path)
    await store.stop()
    with pytest.raises(UserStoreError, match="not open"):
        await store.refresh()
