"""What is changed, by clients and by others, is what the nodes show."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from server.ua_stack.role_set.binding import USER_MANAGEMENT
from server.users.administration import UserAdministration
from server.users.passwords import Passwords
from server.users.role_changes import add_identity, add_role, remove_role
from server.users.roles import Criterion, IdentityRule
from server.users.store import UserStore
from server.users.well_known import WELL_KNOWN
from tests.unit.server.ua_stack.role_set.bound import OTHER_PASSWORD, Bound, bound, endpoint, rule, text, truth


async def test_what_another_process_changes_is_shown(plant: Bound) -> None:
    other = UserStore(plant.store.path.parent, own_namespace=2)
    await other.start(watch=False)
    users = UserAdministration(other, Passwords(64, 1))
    await other.change_roles(lambda roles: add_role(roles, "Shift"))
    await users.add("bob", OTHER_PASSWORD, roles=["Shift", "Observer"])
    await plant.store.refresh()
    assert "Shift" in plant.roles_shown()
    for key in ((2, "Role.Shift"), WELL_KNOWN["Observer"]):
        (told,) = plant.value(key, "Identities")
        assert (told.CriteriaType, told.Criteria) == (Criterion.USER_NAME, "bob")
    assert [one.UserName for one in plant.value(USER_MANAGEMENT, "Users")] == ["admin", "bob"]
    assert await plant.call((2, "Role.Shift"), "RemoveIdentity", rule(1, "bob")) == "Good"

    await other.change_roles(lambda roles: remove_role(roles, "Shift"))
    await plant.store.refresh()
    assert "Shift" not in plant.roles_shown()
    await other.stop()


async def test_roles_of_the_file_are_there_from_the_start(tmp_path: Path) -> None:
    async with bound(tmp_path) as first:
        await first.add_role("Shift")
        await first.call((2, "Role.Shift"), "AddApplication", text("urn:a"))
    async with bound(tmp_path) as second:
        assert second.value((2, "Role.Shift"), "Applications") == ["urn:a"]
        assert await second.call((2, "Role.Shift"), "RemoveApplication", text("urn:a")) == "Good"


async def test_a_name_that_looks_like_a_member_is_a_role(plant: Bound) -> None:
    names = ("Shift", "Shift/Identities", "Shift.Identities", "Identities.Shift", "AddIdentity/InputArguments.Shift")
    for name in names:
        assert await plant.add_role(name) == "Good"
        assert await plant.call((2, f"Role.{name}"), "AddIdentity", rule(1, name)) == "Good"
    for name in names:
        (told,) = plant.value((2, f"Role.{name}"), "Identities")
        assert told.Criteria == name


async def test_a_value_keeps_its_time_until_it_changes(plant: Bound) -> None:
    node = plant.member(WELL_KNOWN["Operator"], "Identities")
    first, second = plant.attributes.value(node), plant.attributes.value(node)
    assert first.source_time == second.source_time
    await plant.store.change_roles(
        lambda roles: add_identity(roles, "Operator", IdentityRule(Criterion.USER_NAME, "ann"))
    )
    third = plant.attributes.value(node)
    assert third.source_time is not None
    assert first.source_time is not None
    assert third.source_time > first.source_time


class SlowModel:
    """Roles as the standard tells them, in lists."""

    def __init__(self) -> None:
        self.roles: dict[str, dict[str, list[Any]]] = {name: _empty() for name in ("Observer", "Operator")}
        self.excludes: dict[tuple[str, str], bool] = {}

    def add_role(self, name: str) -> str:
        if name in self.roles:
            return "BadAlreadyExists"
        self.roles[name] = _empty()
        return "Good"

    def remove_role(self, name: str) -> str:
        if name not in self.roles:
            return "BadNodeIdUnknown"
        if name in WELL_KNOWN:
            return "BadRequestNotAllowed"
        del self.roles[name]
        self.excludes = {key: value for key, value in self.excludes.items() if key[0] != name}
        return "Good"

    def add(self, name: str, field: str, what: object) -> str:
        held = self.roles[name][field]
        if what in held:
            return "BadAlreadyExists"
        held.append(what)
        return "Good"

    def remove(self, name: str, field: str, what: object) -> str:
        held = self.roles[name][field]
        if what not in held:
            return "BadNotFound"
        held.remove(what)
        return "Good"


def _empty() -> dict[str, list[Any]]:
    return {"Identities": [], "Applications": [], "Endpoints": []}


_NAMES = st.sampled_from(["Observer", "Operator", "Shift", "shift.2", "Früh"])
_RULES = st.sampled_from([(1, "ann"), (1, "bob"), (3, "op"), (4, "line-1"), (5, None), (6, None), (7, "urn:a")])
_URIS = st.sampled_from(["urn:a", "urn:b", "urn:ä"])
_ENDPOINTS = st.sampled_from([("opc.tcp://a:1", 0, None), ("opc.tcp://a:1", 3, None), (None, 2, "policy")])
_STEPS = st.one_of(
    st.tuples(st.just("AddRole"), _NAMES, st.none()),
    st.tuples(st.just("RemoveRole"), _NAMES, st.none()),
    st.tuples(st.sampled_from(["AddIdentity", "RemoveIdentity"]), _NAMES, _RULES),
    st.tuples(st.sampled_from(["AddApplication", "RemoveApplication"]), _NAMES, _URIS),
    st.tuples(st.sampled_from(["AddEndpoint", "RemoveEndpoint"]), _NAMES, _ENDPOINTS),
    st.tuples(st.sampled_from(["ApplicationsExclude", "EndpointsExclude"]), _NAMES, st.booleans()),
)
_FIELDS: dict[str, tuple[str, Callable[[Any], ua.Variant]]] = {
    "Identity": ("Identities", lambda what: rule(*what)),
    "Application": ("Applications", text),
    "Endpoint": ("Endpoints", lambda what: endpoint(*what)),
}


@settings(max_examples=25, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_random_changes_leave_what_a_slow_model_says(steps: list[tuple[str, str, Any]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with bound(Path(folder)) as plant:
                model = SlowModel()
                for verb, name, what in steps:
                    assert await _done(plant, verb, name, what) == _expected(model, verb, name, what), (verb, name)
                    _compare(plant, model)

    asyncio.run(run())


async def _done(plant: Bound, verb: str, name: str, what: Any) -> str:
    key = plant.role(name)
    if verb == "AddRole":
        return await plant.add_role(name)
    if verb == "RemoveRole":
        return await plant.remove_role(key)
    if key not in plant.space:
        return "no such role"
    if verb.endswith("Exclude"):
        return "Good" if not await plant.write(key, verb, truth(what)) else "refused"
    _, given = _FIELDS[verb.removeprefix("Add").removeprefix("Remove")]
    return await plant.call(key, verb, given(what))


def _expected(model: SlowModel, verb: str, name: str, what: Any) -> str:
    if verb == "AddRole":
        return model.add_role(name)
    if verb == "RemoveRole":
        return model.remove_role(name)
    if name not in model.roles:
        return "no such role"
    if verb.endswith("Exclude"):
        model.excludes[name, verb] = what
        return "Good"
    field, _ = _FIELDS[verb.removeprefix("Add").removeprefix("Remove")]
    return model.add(name, field, what) if verb.startswith("Add") else model.remove(name, field, what)


def _compare(plant: Bound, model: SlowModel) -> None:
    own = plant.roles_shown() - WELL_KNOWN.keys()
    assert {name for name in own if not name.startswith("SecurityKeyServer")} == model.roles.keys() - WELL_KNOWN.keys()
    for name, lists in model.roles.items():
        key = plant.role(name)
        told = plant.value(key, "Identities")
        assert [(int(one.CriteriaType), one.Criteria) for one in told] == lists["Identities"]
        assert plant.value(key, "Applications") == lists["Applications"]
        told = plant.value(key, "Endpoints")
        shown = [(one.EndpointUrl, int(one.SecurityMode), one.SecurityPolicyUri) for one in told]
        assert shown == lists["Endpoints"]
        for exclude in ("ApplicationsExclude", "EndpointsExclude"):
            assert plant.value(key, exclude) is model.excludes.get((name, exclude), True)
