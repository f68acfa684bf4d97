from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from core.security_mode import SecurityMode
from server.address_space.node import RolePermission
from server.users.permissions import (
    Permissions,
    Restriction,
    access_mask,
    access_restrictions_met,
    fallback_permissions,
    permissions_of,
    standard_namespace,
)
from server.users.roles import Role, RoleSet, well_known_roles
from server.users.well_known import ALL_PERMISSIONS, DEFAULTS, WELL_KNOWN, Permission

FALLBACK = fallback_permissions(RoleSet())
OPERATOR, OBSERVER = WELL_KNOWN["Operator"], WELL_KNOWN["Observer"]
keys = st.sampled_from([*WELL_KNOWN.values(), (1, "Role.Mine")])
said = st.none() | st.lists(st.builds(RolePermission, keys, st.integers(0, ALL_PERMISSIONS)), max_size=4).map(tuple)


def slow(
    own: tuple[RolePermission, ...] | None,
    default: tuple[RolePermission, ...] | None,
    roles: frozenset[object] | None,
) -> set[int]:
    """Part 3 v1.05 5.2.9 bit by bit."""
    if roles is None:
        return set(range(17))
    if own is None and default is None:
        given = list(FALLBACK.items())
    else:
        given = [(one.role, one.permissions) for one in (own if own is not None else default) or ()]
    return {bit for role, bits in given if role in roles for bit in range(17) if bits >> bit & 1}


@given(said, said, st.none() | st.frozensets(keys))
def test_permissions_are_those_of_the_slow_model(
    own: tuple[RolePermission, ...] | None,
    default: tuple[RolePermission, ...] | None,
    roles: frozenset[int | tuple[int, str]] | None,
) -> None:
    bits = permissions_of(own, default, roles, FALLBACK)
    assert {bit for bit in range(17) if bits >> bit & 1} == slow(own, default, roles)
    kept = Permissions(FALLBACK)
    assert kept.of(own, default, roles) == kept.of(own, default, roles) == bits


def test_threat_13_an_empty_list_lets_nobody_do_anything() -> None:
    assert permissions_of((), None, frozenset({OPERATOR}), FALLBACK) == 0


def test_what_is_remembered_is_not_mixed_up_when_tuples_come_and_go() -> None:
    kept = Permissions({})
    for number in range(1000):
        bits = number & ALL_PERMISSIONS
        assert kept.of((RolePermission(OPERATOR, bits),), None, frozenset({OPERATOR})) == bits


def test_bits_are_the_standards() -> None:
    ours = {one.name.replace("_", ""): one.value for one in Permission if one.name}
    theirs = {str(one.name).upper(): one.value for one in ua.PermissionType}
    assert ours == theirs


def test_defaults_are_what_the_standard_suggests() -> None:
    assert DEFAULTS["Observer"] == Permission(0x8A1)
    assert DEFAULTS["Operator"] == DEFAULTS["Observer"] | Permission.WRITE | Permission.CALL
    assert not DEFAULTS["Supervisor"] & Permission.WRITE
    assert not DEFAULTS["SecurityAdmin"] & (Permission.WRITE | Permission.CALL)
    assert not DEFAULTS["Anonymous"] | DEFAULTS["AuthenticatedUser"] | DEFAULTS["TrustedApplication"]


def test_an_own_role_is_like_a_well_known_one_or_may_nothing() -> None:
    roles = RoleSet({**well_known_roles(), "Lead": Role("Lead"), "Guest": Role("Guest")}, own_namespace=2)
    fallback = fallback_permissions(roles, {"Lead": "Operator"})
    assert fallback[2, "Role.Lead"] == DEFAULTS["Operator"]
    assert fallback[2, "Role.Guest"] == 0


def test_every_session_finds_its_way_in_the_standard_namespace() -> None:
    standard = standard_namespace(FALLBACK)
    assert permissions_of(None, standard, frozenset({WELL_KNOWN["Anonymous"]}), FALLBACK) == 0x821
    assert permissions_of(None, standard, frozenset({OPERATOR}), FALLBACK) == DEFAULTS["Operator"]


@dataclass
class _Modes:
    none: bool
    sign: bool
    encrypt: bool


@pytest.mark.parametrize(
    ("bits", "met"),
    [
        (0, _Modes(none=True, sign=True, encrypt=True)),
        (Restriction.SIGNING_REQUIRED, _Modes(none=False, sign=True, encrypt=True)),
        (Restriction.ENCRYPTION_REQUIRED, _Modes(none=False, sign=False, encrypt=True)),
        (3, _Modes(none=False, sign=False, encrypt=True)),
    ],
)
def test_threat_13_restrictions_ask_for_a_safe_connection(bits: int, met: _Modes) -> None:
    for mode, expected in (
        (SecurityMode.NONE, met.none),
        (SecurityMode.SIGN, met.sign),
        (SecurityMode.SIGN_AND_ENCRYPT, met.encrypt),
    ):
        assert access_restrictions_met(bits, None, mode) is expected
        assert access_restrictions_met(None, bits, mode) is expected
        assert access_restrictions_met(0, bits, mode)
        assert access_restrictions_met(bits, None, mode, browsing=True)
        assert access_restrictions_met(bits | Restriction.APPLY_TO_BROWSE, None, mode, browsing=True) is expected


def test_a_session_may_be_required() -> None:
    bits = Restriction.SESSION_REQUIRED
    assert access_restrictions_met(bits, None, SecurityMode.NONE)
    assert not access_restrictions_met(bits, None, SecurityMode.NONE, has_session=False)


def test_access_levels_lose_what_is_not_permitted() -> None:
    assert access_mask(0) & 0x6F == 0
    assert access_mask(int(Permission.READ)) & 0x6F == 0x01
    assert access_mask(int(Permission.WRITE)) & 0x6F == 0x62
    assert access_mask(int(Permission.READ_HISTORY | Permission.MODIFY_HISTORY)) & 0x6F == 0x0C
    assert access_mask(ALL_PERMISSIONS) == 0xFFFF_FFFF
    assert access_mask(0) & 0xFFFF_FF90 == 0xFFFF_FF90


def test_a_remembered_answer_is_quick() -> None:
    kept, own, roles = Permissions(FALLBACK), (RolePermission(OBSERVER, 33),), frozenset({OBSERVER})
    began = time.thread_time()
    for _ in range(100_000):
        kept.of(own, None, roles)
    assert time.thread_time() - began < 1.0
