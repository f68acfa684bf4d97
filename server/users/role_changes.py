"""Changes of roles as the methods of RoleSet and RoleType make them (Part 18 v1.05 4.2, 4.4.5 to 4.4.10).

Each takes a set of roles and gives the changed one, or raises :class:`~server.users.errors.UserRefused` with the
method's StatusCode.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from core.security_mode import SecurityMode
from server.users.errors import (
    BAD_ALREADY_EXISTS,
    BAD_INVALID_ARGUMENT,
    BAD_NODE_ID_UNKNOWN,
    BAD_NOT_FOUND,
    BAD_REQUEST_NOT_ALLOWED,
    BAD_RESOURCE_UNAVAILABLE,
    UserRefused,
)
from server.users.identity import parse_subject
from server.users.names import name_key, proper_name
from server.users.roles import Criterion, EndpointRule, IdentityRule, Role, RoleSet
from server.users.well_known import FIXED, NOT_FOR_EVERYBODY

MOST_ROLES: Final = 64
MOST_RULES: Final = 1000
"""Identities, applications or endpoints of one role."""
_LONGEST_CRITERIA: Final = 1024
_WITHOUT_CRITERIA: Final = (Criterion.ANONYMOUS, Criterion.AUTHENTICATED_USER, Criterion.TRUSTED_APPLICATION)
_THUMBPRINT: Final = re.compile(r"[0-9A-F]{40}")


def add_role(roles: RoleSet, name: str) -> RoleSet:
    """Add a role of our own that nobody has yet."""
    name = proper_name(name, "role's name")
    if name_key(name) in map(name_key, roles.roles):
        raise UserRefused(BAD_ALREADY_EXISTS, f"there is a role {name!r} already")
    if len(roles.roles) >= MOST_ROLES:
        raise UserRefused(BAD_RESOURCE_UNAVAILABLE, f"there are {MOST_ROLES} roles already", "remove one first")
    return replace(roles, roles={**roles.roles, name: Role(name)})


def remove_role(roles: RoleSet, name: str) -> RoleSet:
    """Remove a role of our own."""
    role = _role(roles, name)
    if role.is_well_known or name in roles.configured:
        where = "the standard" if role.is_well_known else "the configuration file"
        raise UserRefused(BAD_REQUEST_NOT_ALLOWED, f"the role {name!r} is one of {where}")
    return replace(roles, roles={key: one for key, one in roles.roles.items() if key != name})


def add_identity(roles: RoleSet, name: str, rule: IdentityRule) -> RoleSet:
    """Give a role to those whom a rule fits."""
    role = _changeable(roles, name)
    rule = checked_rule(rule)
    if rule.criterion in _WITHOUT_CRITERIA and name in NOT_FOR_EVERYBODY:
        problem = f"the role {name} is not given to everybody"
        raise UserRefused(BAD_REQUEST_NOT_ALLOWED, problem, "name users, groups or certificates")
    if rule in roles.role(name).identities:
        raise UserRefused(BAD_ALREADY_EXISTS, f"the role {name!r} has that rule already")
    _check_room(len(role.identities))
    return _with(roles, replace(role, identities=(*role.identities, rule)))


def remove_identity(roles: RoleSet, name: str, rule: IdentityRule) -> RoleSet:
    """Take a rule away from a role."""
    role = _changeable(roles, name)
    rule = checked_rule(rule)
    if rule not in role.identities:
        if rule in roles.configured.get(name, ()):
            problem = "that rule stands in the configuration file"
            raise UserRefused(BAD_REQUEST_NOT_ALLOWED, problem, "take it out there")
        raise UserRefused(BAD_NOT_FOUND, f"the role {name!r} has no such rule")
    return _with(roles, replace(role, identities=tuple(one for one in role.identities if one != rule)))


def add_application(roles: RoleSet, name: str, uri: str) -> RoleSet:
    """Add an ApplicationUri to a role's list."""
    role = _changeable(roles, name)
    if not uri or len(uri) > _LONGEST_CRITERIA:
        raise UserRefused(BAD_INVALID_ARGUMENT, f"an application's URI has 1 to {_LONGEST_CRITERIA} characters")
    if uri in role.applications:
        raise UserRefused(BAD_ALREADY_EXISTS, f"the role {name!r} names that application already")
    _check_room(len(role.applications))
    return _with(roles, replace(role, applications=(*role.applications, uri)))


def remove_application(roles: RoleSet, name: str, uri: str) -> RoleSet:
    """Take an ApplicationUri out of a role's list."""
    role = _changeable(roles, name)
    if uri not in role.applications:
        raise UserRefused(BAD_NOT_FOUND, f"the role {name!r} does not name that application")
    return _with(roles, replace(role, applications=tuple(one for one in role.applications if one != uri)))


def add_endpoint(roles: RoleSet, name: str, endpoint: EndpointRule) -> RoleSet:
    """Add an endpoint to a role's list."""
    role = _changeable(roles, name)
    if endpoint == EndpointRule() or max(map(len, (endpoint.url, endpoint.security_policy, endpoint.transport))) > (
        _LONGEST_CRITERIA
    ):
        raise UserRefused(BAD_INVALID_ARGUMENT, "an endpoint says at least one thing, and that is not endless")
    if endpoint.security_mode not in tuple(SecurityMode):
        raise UserRefused(BAD_INVALID_ARGUMENT, f"{endpoint.security_mode} is no security mode")
    if endpoint in role.endpoints:
        raise UserRefused(BAD_ALREADY_EXISTS, f"the role {name!r} names that endpoint already")
    _check_room(len(role.endpoints))
    return _with(roles, replace(role, endpoints=(*role.endpoints, endpoint)))


def remove_endpoint(roles: RoleSet, name: str, endpoint: EndpointRule) -> RoleSet:
    """Take an endpoint out of a role's list."""
    role = _changeable(roles, name)
    if endpoint not in role.endpoints:
        raise UserRefused(BAD_NOT_FOUND, f"the role {name!r} does not name that endpoint")
    return _with(roles, replace(role, endpoints=tuple(one for one in role.endpoints if one != endpoint)))


def set_excludes(
    roles: RoleSet, name: str, *, applications: bool | None = None, endpoints: bool | None = None
) -> RoleSet:
    """Write ApplicationsExclude and EndpointsExclude; None leaves one as it is."""
    role = _changeable(roles, name)
    return _with(
        roles,
        replace(
            role,
            applications_exclude=role.applications_exclude if applications is None else applications,
            endpoints_exclude=role.endpoints_exclude if endpoints is None else endpoints,
        ),
    )


def without_user(roles: RoleSet, name: str) -> RoleSet:
    """Take every rule away that names a user: another one of that name must not inherit them."""
    kept: dict[str, Role] = {}
    for key, role in roles.roles.items():
        rules = tuple(rule for rule in role.identities if not names_user(rule, name))
        kept[key] = replace(role, identities=rules)
    return replace(roles, roles=kept)


def names_user(rule: IdentityRule, name: str) -> bool:
    """Tell whether a rule is about the user of a name."""
    return rule.criterion is Criterion.USER_NAME and name_key(rule.criteria) == name_key(name)


def checked_rule(rule: IdentityRule) -> IdentityRule:
    """Give a rule in its one spelling. Raises :class:`~server.users.errors.UserRefused`."""
    try:
        criterion = Criterion(rule.criterion)
    except ValueError:
        raise UserRefused(BAD_INVALID_ARGUMENT, f"{rule.criterion} is no kind of identity rule") from None
    criteria = rule.criteria or ""
    if criterion in _WITHOUT_CRITERIA:
        if criteria:
            raise UserRefused(BAD_INVALID_ARGUMENT, f"a rule of the kind {criterion.name} has no criteria")
        return IdentityRule(criterion)
    if not criteria or len(criteria) > _LONGEST_CRITERIA:
        problem = f"a rule of the kind {criterion.name} has 1 to {_LONGEST_CRITERIA} characters of criteria"
        raise UserRefused(BAD_INVALID_ARGUMENT, problem)
    if criterion is Criterion.USER_NAME:
        criteria = proper_name(criteria)
    elif criterion is Criterion.THUMBPRINT:
        criteria = re.sub(r"[\s:]", "", criteria).upper()
        if not _THUMBPRINT.fullmatch(criteria):
            raise UserRefused(BAD_INVALID_ARGUMENT, "a thumbprint has 40 hexadecimal digits (SHA-1)")
    elif criterion is Criterion.X509_SUBJECT:
        try:
            parse_subject(criteria)
        except ValueError as error:
            problem = f"the subject {criteria!r} cannot be read: {error}"
            raise UserRefused(BAD_INVALID_ARGUMENT, problem, 'write it like CN="Ann Example"/O=Works') from error
    return IdentityRule(criterion, criteria)


def _role(roles: RoleSet, name: str) -> Role:
    role = roles.roles.get(name)
    if role is None:
        raise UserRefused(BAD_NODE_ID_UNKNOWN, f"there is no role {name!r}", f"roles are {', '.join(roles.roles)}")
    return role


def _changeable(roles: RoleSet, name: str) -> Role:
    role = _role(roles, name)
    if name in FIXED:
        raise UserRefused(BAD_REQUEST_NOT_ALLOWED, f"the role {name!r} is as the standard says (Part 18 4.3)")
    return role


def _check_room(count: int) -> None:
    if count >= MOST_RULES:
        raise UserRefused(BAD_RESOURCE_UNAVAILABLE, f"the role has {MOST_RULES} of them already", "remove one first")


def _with(roles: RoleSet, role: Role) -> RoleSet:
    return replace(roles, roles={**roles.roles, role.name: role})
