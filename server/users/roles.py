"""Roles and who has them (Part 18 v1.05 4.4): rules on identities, limits to applications and endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from core.security_mode import SecurityMode
from server.users.identity import Identity, IdentityKind, parse_subject
from server.users.names import name_key
from server.users.well_known import ANONYMOUS, AUTHENTICATED_USER, TRUSTED_APPLICATION, WELL_KNOWN

if TYPE_CHECKING:
    from server.address_space.keys import NodeKey


class Criterion(IntEnum):
    """IdentityCriteriaType (Part 18 v1.05 4.4.4)."""

    USER_NAME = 1
    THUMBPRINT = 2
    ROLE = 3
    GROUP_ID = 4
    ANONYMOUS = 5
    AUTHENTICATED_USER = 6
    APPLICATION = 7
    X509_SUBJECT = 8
    TRUSTED_APPLICATION = 9


class IdentityRule(NamedTuple):
    """IdentityMappingRuleType (Part 18 v1.05 4.4.3)."""

    criterion: Criterion
    criteria: str = ""


class EndpointRule(NamedTuple):
    """EndpointType (Part 18 v1.05 4.4.2); what is empty or 0 fits any."""

    url: str = ""
    security_mode: int = 0
    security_policy: str = ""
    transport: str = ""


class Connection(NamedTuple):
    """How a session reached us. ``application_uri`` of a client whose certificate was verified, else empty."""

    application_uri: str = ""
    endpoint_url: str = ""
    security_mode: int = SecurityMode.NONE
    security_policy: str = ""
    transport: str = ""

    @property
    def trusted_application(self) -> str:
        """The application's URI where messages are signed with its certificate, else empty."""
        return self.application_uri if self.security_mode >= SecurityMode.SIGN else ""


@dataclass(frozen=True, slots=True)
class Role:
    """A role. With ``…_exclude`` its list names what the role is not given to, else the only ones that it is given to.

    So an empty list that excludes limits nothing, and an empty list that does not lets nobody have the role.
    """

    name: str
    identities: tuple[IdentityRule, ...] = ()
    applications: tuple[str, ...] = ()
    applications_exclude: bool = True
    endpoints: tuple[EndpointRule, ...] = ()
    endpoints_exclude: bool = True

    @property
    def is_well_known(self) -> bool:
        """Whether the standard defines it."""
        return self.name in WELL_KNOWN

    def is_granted(self, identity: Identity, connection: Connection) -> bool:
        """Tell whether a session has the role: an identity fits, and so do application and endpoint."""
        return (
            any(_fits(rule, identity, connection) for rule in self.identities)
            and self._takes_application(connection.trusted_application)
            and self._takes_endpoint(connection)
        )

    def _takes_application(self, application: str) -> bool:
        if not self.applications:
            return self.applications_exclude
        # one whose name nobody has proved may be any, the excluded ones too
        return bool(application) and (application in self.applications) is not self.applications_exclude

    def _takes_endpoint(self, connection: Connection) -> bool:
        return any(_is_endpoint(rule, connection) for rule in self.endpoints) is not self.endpoints_exclude


def well_known_roles() -> dict[str, Role]:
    """Give the well-known roles as they are at first: nobody has those that do anything (Part 18 v1.05 4.3)."""
    identities = {
        ANONYMOUS: (IdentityRule(Criterion.ANONYMOUS), IdentityRule(Criterion.AUTHENTICATED_USER)),
        AUTHENTICATED_USER: (IdentityRule(Criterion.AUTHENTICATED_USER),),
        TRUSTED_APPLICATION: (IdentityRule(Criterion.TRUSTED_APPLICATION),),
    }
    return {name: Role(name, identities.get(name, ())) for name in WELL_KNOWN}


@dataclass(frozen=True, slots=True)
class RoleSet:
    """All roles by their names. ``configured``: rules of the configuration file, which count beside the roles' own.

    ``own_namespace``: index of the namespace that the NodeIds of own roles are in; known once the model is loaded.
    """

    roles: Mapping[str, Role] = field(default_factory=well_known_roles)
    configured: Mapping[str, tuple[IdentityRule, ...]] = field(default_factory=dict[str, tuple[IdentityRule, ...]])
    own_namespace: int = 1

    def roles_of(
        self,
        identity: Identity,
        application_uri: str = "",
        endpoint_url: str = "",
        security_mode: int = SecurityMode.NONE,
        security_policy: str = "",
        transport: str = "",
    ) -> frozenset[NodeKey]:
        """Give the keys of the roles that a session has.

        ``application_uri``: of the client's certificate, verified, else empty. ``endpoint_url``: of the endpoint that
        the client chose among ours.
        """
        connection = Connection(application_uri, endpoint_url, security_mode, security_policy, transport)
        return frozenset(self.key_of(name) for name in self.names_of(identity, connection))

    def names_of(self, identity: Identity, connection: Connection) -> list[str]:
        """Give the names of the roles that a session has.

        Anonymous is everybody's (Part 18 v1.05 4.3), and all that there is until a password is changed that must be
        (5.2.3).
        """
        if identity.must_change_password:
            return [ANONYMOUS]
        return [name for name in self.roles if self.role(name).is_granted(identity, connection)]

    def role(self, name: str) -> Role:
        """Give a role with all its rules, those of the configuration too. Raises :class:`KeyError`."""
        role = self.roles[name]
        more = self.configured.get(name)
        return replace(role, identities=(*role.identities, *more)) if more else role

    def key_of(self, name: str) -> NodeKey:
        """Give the key of a role's NodeId; one of our own is named in our own namespace."""
        number = WELL_KNOWN.get(name)
        return number if number is not None else (self.own_namespace, f"Role.{name}")

    def name_of(self, key: NodeKey) -> str | None:
        """Give the name of the role with a NodeId, or None."""
        return next((name for name in self.roles if self.key_of(name) == key), None)


def _fits(rule: IdentityRule, identity: Identity, connection: Connection) -> bool:  # noqa: PLR0911 - one answer a criterion
    match rule.criterion:
        case Criterion.USER_NAME:
            return identity.kind is IdentityKind.USER_NAME and name_key(identity.name) == name_key(rule.criteria)
        case Criterion.THUMBPRINT:
            return identity.kind is IdentityKind.CERTIFICATE and identity.thumbprint == rule.criteria
        case Criterion.ROLE:
            return identity.kind is IdentityKind.ISSUED and rule.criteria in identity.roles
        case Criterion.GROUP_ID:
            return identity.kind is IdentityKind.ISSUED and rule.criteria in identity.groups
        case Criterion.ANONYMOUS:
            return identity.is_anonymous
        case Criterion.AUTHENTICATED_USER:
            return not identity.is_anonymous
        case Criterion.APPLICATION:
            return bool(rule.criteria) and connection.trusted_application == rule.criteria
        case Criterion.X509_SUBJECT:
            return identity.kind is IdentityKind.CERTIFICATE and parse_subject(rule.criteria) in identity.subjects
        case Criterion.TRUSTED_APPLICATION:
            return bool(connection.trusted_application)


def _is_endpoint(rule: EndpointRule, connection: Connection) -> bool:
    return (
        (not rule.url or _plain_url(rule.url) == _plain_url(connection.endpoint_url))
        and rule.security_mode in (SecurityMode.INVALID, connection.security_mode)
        and rule.security_policy in ("", connection.security_policy)
        and rule.transport in ("", connection.transport)
    )


def _plain_url(url: str) -> str:
    """Scheme and host do not depend on case, and a slash at the end says nothing (RFC 3986 6.2)."""
    start, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{start.lower()}{separator}{host.lower()}{slash}{path}".rstrip("/")
