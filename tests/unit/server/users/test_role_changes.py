from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from server.users import role_changes as changes
from server.users.errors import (
    BAD_ALREADY_EXISTS,
    BAD_INVALID_ARGUMENT,
    BAD_NODE_ID_UNKNOWN,
    BAD_NOT_FOUND,
    BAD_REQUEST_NOT_ALLOWED,
    BAD_RESOURCE_UNAVAILABLE,
    UserRefused,
)
from server.users.roles import Criterion, EndpointRule, IdentityRule, RoleSet
from tests.unit.server.users.test_roles import rules

ANN = IdentityRule(Criterion.USER_NAME, "ann")


def test_a_role_of_our_own_comes_and_goes() -> None:
    roles = changes.add_role(RoleSet(), "Line lead")
    assert roles.roles["Line lead"].identities == ()
    roles = changes.add_identity(roles, "Line lead", ANN)
    assert roles.roles["Line lead"].identities == (ANN,)
    assert "Line lead" not in changes.remove_role(roles, "Line lead").roles


@given(rules)
def test_what_was_added_can_be_removed(rule: IdentityRule) -> None:
    before = changes.add_role(RoleSet(), "Mine")
    after = changes.add_identity(before, "Mine", rule)
    assert changes.remove_identity(after, "Mine", rule) == before


def test_applications_endpoints_and_excludes() -> None:
    endpoint = EndpointRule("opc.tcp://a:4840")
    roles = changes.add_application(RoleSet(), "Operator", "urn:a")
    roles = changes.add_endpoint(roles, "Operator", endpoint)
    roles = changes.set_excludes(roles, "Operator", applications=False)
    role = roles.roles["Operator"]
    assert (role.applications, role.applications_exclude) == (("urn:a",), False)
    assert (role.endpoints, role.endpoints_exclude) == ((endpoint,), True)
    roles = changes.remove_endpoint(changes.remove_application(roles, "Operator", "urn:a"), "Operator", endpoint)
    assert changes.set_excludes(roles, "Operator", applications=True) == RoleSet()


def test_the_rules_of_a_removed_user_go_with_it() -> None:
    roles = changes.add_identity(RoleSet(), "Operator", ANN)
    roles = changes.add_identity(roles, "Engineer", IdentityRule(Criterion.USER_NAME, "Ann"))
    assert changes.without_user(roles, "ANN") == RoleSet()


CONFIGURED = RoleSet(configured={"Operator": (ANN,)})
FULL = RoleSet({f"r{number}": role for number, role in enumerate([RoleSet().roles["Operator"]] * 64)})
REFUSED: list[tuple[int, Callable[[], RoleSet]]] = [
    (BAD_ALREADY_EXISTS, lambda: changes.add_role(RoleSet(), "operator")),
    (BAD_INVALID_ARGUMENT, lambda: changes.add_role(RoleSet(), "")),
    (BAD_RESOURCE_UNAVAILABLE, lambda: changes.add_role(FULL, "Mine")),
    (BAD_REQUEST_NOT_ALLOWED, lambda: changes.remove_role(RoleSet(), "Observer")),
    (BAD_NODE_ID_UNKNOWN, lambda: changes.remove_role(RoleSet(), "Mine")),
    (BAD_REQUEST_NOT_ALLOWED, lambda: changes.add_identity(RoleSet(), "Anonymous", ANN)),
    (BAD_REQUEST_NOT_ALLOWED, lambda: changes.set_excludes(RoleSet(), "AuthenticatedUser", endpoints=False)),
    (
        BAD_REQUEST_NOT_ALLOWED,
        lambda: changes.add_identity(RoleSet(), "SecurityAdmin", IdentityRule(Criterion.ANONYMOUS)),
    ),
    (BAD_ALREADY_EXISTS, lambda: changes.add_identity(CONFIGURED, "Operator", ANN)),
    (BAD_REQUEST_NOT_ALLOWED, lambda: changes.remove_identity(CONFIGURED, "Operator", ANN)),
    (BAD_NOT_FOUND, lambda: changes.remove_identity(RoleSet(), "Operator", ANN)),
    (BAD_NOT_FOUND, lambda: changes.remove_application(RoleSet(), "Operator", "urn:a")),
    (BAD_NOT_FOUND, lambda: changes.remove_endpoint(RoleSet(), "Operator", EndpointRule("a"))),
    (BAD_INVALID_ARGUMENT, lambda: changes.add_application(RoleSet(), "Operator", "")),
    (BAD_INVALID_ARGUMENT, lambda: changes.add_endpoint(RoleSet(), "Operator", EndpointRule())),
    (BAD_INVALID_ARGUMENT, lambda: changes.add_endpoint(RoleSet(), "Operator", EndpointRule("a", 9))),
]


@pytest.mark.parametrize(("status", "change"), REFUSED)
def test_refusals_have_the_status_of_the_method(status: int, change: Callable[[], RoleSet]) -> None:
    with pytest.raises(UserRefused) as refused:
        change()
    assert refused.value.status == status


@pytest.mark.parametrize(
    "rule",
    [
        (99, "x"),
        (Criterion.USER_NAME, ""),
        (Criterion.USER_NAME, "x" * 2000),
        (Criterion.THUMBPRINT, "not hexadecimal"),
        (Criterion.X509_SUBJECT, "ann"),
        (Criterion.ANONYMOUS, "ann"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule: tuple[int, str]) -> None:
    with pytest.raises(UserRefused) as refused:
        changes.checked_rule(IdentityRule(*rule))  # pyright: ignore[reportArgumentType] - a client may send any number
    assert refused.value.status == BAD_INVALID_ARGUMENT


def test_a_thumbprint_is_kept_in_capitals_without_colons() -> None:
    rule = changes.checked_rule(IdentityRule(Criterion.THUMBPRINT, ":".join(["ab"] * 20)))
    assert rule.criteria == "AB" * 20
