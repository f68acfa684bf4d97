"""Roles against a slow model: Part 18 read sentence by sentence, without anything that makes it quick or short."""

from __future__ import annotations

from dataclasses import replace

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from core.security_mode import SecurityMode
from server.users.identity import NOBODY, Identity, IdentityKind, parse_subject
from server.users.roles import (
    Connection,
    Criterion,
    EndpointRule,
    IdentityRule,
    Role,
    RoleSet,
    well_known_roles,
)
from server.users.well_known import WELL_KNOWN

NAMES = ("ann", "Ann", "bob")
THUMBPRINTS = ("A" * 40, "B" * 40)
SUBJECTS = ("CN=ann/O=Works", "O=Works/CN=ann", "CN=bob")
TEXTS = ("operators", "engineers")
APPLICATIONS = ("urn:a", "urn:b")
URLS = ("opc.tcp://gateway:4840", "opc.tcp://GATEWAY:4840/", "opc.tcp://other:4840")
POLICIES = ("policy-1", "policy-2")

rules = st.one_of(
    st.builds(IdentityRule, st.just(Criterion.USER_NAME), st.sampled_from(NAMES)),
    st.builds(IdentityRule, st.just(Criterion.THUMBPRINT), st.sampled_from(THUMBPRINTS)),
    st.builds(IdentityRule, st.just(Criterion.X509_SUBJECT), st.sampled_from(SUBJECTS)),
    st.builds(IdentityRule, st.sampled_from((Criterion.ROLE, Criterion.GROUP_ID)), st.sampled_from(TEXTS)),
    st.builds(IdentityRule, st.just(Criterion.APPLICATION), st.sampled_from(APPLICATIONS)),
    st.builds(
        IdentityRule,
        st.sampled_from((Criterion.ANONYMOUS, Criterion.AUTHENTICATED_USER, Criterion.TRUSTED_APPLICATION)),
        st.just(""),
    ),
)
endpoints = st.builds(
    EndpointRule,
    st.sampled_from(("", *URLS)),
    st.sampled_from(list(SecurityMode)),
    st.sampled_from(("", *POLICIES)),
    st.sampled_from(("", "tcp")),
)
roles = st.builds(
    Role,
    st.just("Mine"),
    st.lists(rules, max_size=3).map(tuple),
    st.lists(st.sampled_from(APPLICATIONS), max_size=2, unique=True).map(tuple),
    st.booleans(),
    st.lists(endpoints, max_size=2).map(tuple),
    st.booleans(),
)
texts = st.frozensets(st.sampled_from(TEXTS))
identities = st.one_of(
    st.just(NOBODY),
    st.builds(Identity, st.just(IdentityKind.USER_NAME), st.sampled_from(NAMES)),
    st.builds(Identity, st.just(IdentityKind.ISSUED), st.sampled_from(NAMES), roles=texts, groups=texts),
    st.builds(
        Identity,
        st.just(IdentityKind.CERTIFICATE),
        st.sampled_from(NAMES),
        thumbprint=st.sampled_from(THUMBPRINTS),
        subjects=st.lists(st.sampled_from(SUBJECTS).map(parse_subject), max_size=2).map(tuple),
    ),
)
connections = st.builds(
    Connection,
    st.sampled_from(("", *APPLICATIONS)),
    st.sampled_from(URLS),
    st.sampled_from((SecurityMode.NONE, SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT)),
    st.sampled_from(POLICIES),
    st.sampled_from(("tcp", "wss")),
)


def rule_holds(rule: IdentityRule, who: Identity, connection: Connection) -> bool:
    """Part 18 v1.05 4.4.3, a sentence a line."""
    signed = connection.security_mode in (SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT)
    return {
        Criterion.USER_NAME: who.kind == "user name" and who.name.lower() == rule.criteria.lower(),
        Criterion.THUMBPRINT: who.kind == "certificate" and who.thumbprint == rule.criteria,
        Criterion.ROLE: who.kind == "issued token" and rule.criteria in who.roles,
        Criterion.GROUP_ID: who.kind == "issued token" and rule.criteria in who.groups,
        Criterion.ANONYMOUS: who.kind == "anonymous",
        Criterion.AUTHENTICATED_USER: who.kind != "anonymous",
        Criterion.APPLICATION: signed and connection.application_uri == rule.criteria,
        Criterion.X509_SUBJECT: who.kind == "certificate"
        and sorted(rule.criteria.split("/")) in [sorted(map("=".join, one)) for one in who.subjects],
        Criterion.TRUSTED_APPLICATION: signed and connection.application_uri != "",
    }[rule.criterion]


def is_granted(role: Role, who: Identity, connection: Connection) -> bool:
    """Part 18 v1.05 4.4.1: an identity, and the application, and the endpoint."""
    signed = connection.security_mode != SecurityMode.NONE
    known = connection.application_uri if signed else ""
    if role.applications_exclude:
        application = not role.applications or (known != "" and known not in role.applications)
    else:
        application = known != "" and known in role.applications
    listed = False
    for rule in role.endpoints:
        url = rule.url == "" or rule.url.lower().rstrip("/") == connection.endpoint_url.lower().rstrip("/")
        mode = rule.security_mode in (SecurityMode.INVALID, connection.security_mode)
        policy = rule.security_policy in ("", connection.security_policy)
        listed = listed or (url and mode and policy and rule.transport in ("", connection.transport))
    endpoint = not listed if role.endpoints_exclude else listed
    return application and endpoint and any(rule_holds(rule, who, connection) for rule in role.identities)


@given(roles, identities, connections)
def test_roles_are_given_as_the_slow_model_says(role: Role, who: Identity, connection: Connection) -> None:
    names = RoleSet({**well_known_roles(), "Mine": role}).names_of(who, connection)
    assert ("Mine" in names) == is_granted(role, who, connection)
    assert "Anonymous" in names
    assert ("AuthenticatedUser" in names) == (who != NOBODY)
    assert ("TrustedApplication" in names) == (connection.application_uri != "" and connection.security_mode > 1)


@given(roles, identities, connections)
def test_rules_of_the_configuration_count_as_the_roles_own(role: Role, who: Identity, connection: Connection) -> None:
    own = RoleSet({"Mine": role})
    configured = RoleSet({"Mine": replace(role, identities=())}, {"Mine": role.identities})
    assert own.names_of(who, connection) == configured.names_of(who, connection)


@given(roles, identities, connections)
def test_whoever_must_change_the_password_is_anonymous(role: Role, who: Identity, connection: Connection) -> None:
    role_set = RoleSet({**well_known_roles(), "Mine": role})
    assert role_set.names_of(replace(who, must_change_password=True), connection) == ["Anonymous"]


def test_threat_02_a_name_of_an_application_that_nobody_proved_gives_nothing() -> None:
    role_set = RoleSet(
        {
            "A": Role("A", (IdentityRule(Criterion.APPLICATION, "urn:admin"),)),
            "B": Role("B", (IdentityRule(Criterion.ANONYMOUS),), ("urn:admin",), applications_exclude=False),
            "C": Role("C", (IdentityRule(Criterion.ANONYMOUS),), ("urn:evil",), applications_exclude=True),
        }
    )
    assert role_set.names_of(NOBODY, Connection("urn:admin", security_mode=SecurityMode.NONE)) == []


def test_a_token_or_certificate_with_the_name_of_a_user_is_not_that_user() -> None:
    role_set = RoleSet({"A": Role("A", (IdentityRule(Criterion.USER_NAME, "admin"),))})
    for kind in (IdentityKind.ISSUED, IdentityKind.CERTIFICATE):
        assert role_set.names_of(Identity(kind, "admin"), Connection()) == []


def test_keys_of_roles_are_the_standards_and_our_own() -> None:
    role_set = RoleSet({**well_known_roles(), "Mine": Role("Mine")}, own_namespace=3)
    for name, number in WELL_KNOWN.items():
        assert number == getattr(ua.ObjectIds, f"WellKnownRole_{name}")
        assert role_set.key_of(name) == number
    assert role_set.key_of("Mine") == (3, "Role.Mine")
    assert role_set.name_of((3, "Role.Mine")) == "Mine"
    assert role_set.name_of(4711) is None
    assert role_set.roles_of(NOBODY) == frozenset({15644})


@pytest.mark.parametrize("ours", [Criterion, SecurityMode])
def test_numbers_are_the_standards(ours: type[Criterion | SecurityMode]) -> None:
    theirs = {Criterion: ua.IdentityCriteriaType, SecurityMode: ua.MessageSecurityMode}[ours]
    named = {one.name.upper().replace("_", ""): one.value for one in ours}
    assert named == {one.name.upper().replace("_", ""): one.value for one in theirs}
