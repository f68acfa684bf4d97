"""The sections ``users:`` and ``roles:`` of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from core.durations import PositiveDuration
from core.errors import SettingError
from core.settings import Settings
from server.users.errors import UserRefused
from server.users.lockout import LockRule
from server.users.names import proper_name
from server.users.passwords import PasswordRules
from server.users.role_changes import checked_rule
from server.users.roles import Criterion, IdentityRule
from server.users.well_known import FIXED, NOT_FOR_EVERYBODY, WELL_KNOWN

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures with a public key (RFC 7518 3.1, RFC 8037): whoever can check one cannot make one."""
_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
_LOOPBACK: Final = re.compile(r"http://(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(/|$)")
_URL: Final = re.compile(r"https?://[^\s/]+(/\S*)?")


def _keys(text: str) -> str:
    if "://" in text:
        if not _URL.fullmatch(text):
            problem = f"{text!r} is no URL"
            raise SettingError(problem, "write one such as https://login.example.com/keys, or the name of a file")
        if not text.startswith("https://") and not _LOOPBACK.match(text):
            problem = "keys that come over http may be anybody's"
            raise SettingError(problem, "write https://, or fetch them into a file")
    elif not text.strip() or "\0" in text:
        problem = "must be a URL or a file"
        raise SettingError(problem, "write where the issuer's JWKS is")
    return text


class ClaimSettings(Settings):
    """Which claims of a token say what. ``roles`` and ``groups`` hold one text or a list of texts."""

    name: str = Field(default="sub", min_length=1)
    roles: str = Field(default="roles", min_length=1)
    groups: str = Field(default="groups", min_length=1)


class IssuerSettings(Settings):
    """One issuer of JSON Web Tokens. ``issuer``: what its tokens have as ``iss``; ``keys``: its JWKS, URL or file.

    ``audience``: what tokens for this gateway have among their ``aud``. ``ca_file``: PEM file with the authorities of
    the URL's certificate; the system's where it is left out. ``lifetime``: the longest that a token may be valid.
    """

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    keys: Annotated[str, AfterValidator(_keys)]
    ca_file: str = ""
    algorithms: list[Algorithm] = Field(default_factory=lambda: list(_ALGORITHMS), min_length=1)
    claims: ClaimSettings = ClaimSettings()
    leeway: PositiveDuration = 30.0
    lifetime: PositiveDuration = 86_400.0
    timeout: PositiveDuration = 5.0


class LockOutSettings(Settings):
    """When log-ins are locked: ``failures`` of one user, ``source_failures`` of one address lock it for ``first``."""

    failures: int = Field(default=5, ge=1, le=100)
    source_failures: int = Field(default=20, ge=1, le=1000)
    first: PositiveDuration = 30.0
    longest: PositiveDuration = 900.0

    def of_user(self) -> LockRule:
        """Give the rule for a user's name."""
        return LockRule(self.failures, self.first, max(self.first, self.longest))

    def of_source(self) -> LockRule:
        """Give the rule for an address."""
        return LockRule(self.source_failures, self.first, max(self.first, self.longest))


class PasswordSettings(Settings):
    """What new passwords must be; in characters."""

    shortest: int = Field(default=12, ge=8, le=128)

    def rules(self) -> PasswordRules:
        """Give the rules."""
        return PasswordRules(self.shortest)


class UserSettings(Settings):
    """The ``users:`` section. ``issuers``: name of each, and its section."""

    password: PasswordSettings = PasswordSettings()
    lock_out: LockOutSettings = LockOutSettings()
    issuers: dict[str, IssuerSettings] = Field(default_factory=dict[str, IssuerSettings])


class RoleSettings(Settings):
    """One role of the ``roles:`` section: who has it beside those whom ``plantspace user`` and OPC UA clients name.

    ``users``, ``certificates`` (thumbprints), ``subjects``, ``groups`` and ``claims`` (roles of tokens),
    ``applications``; ``authenticated``: everybody who has logged in. ``like``: an own role may do what a well-known one
    does, where a node says nothing about it.
    """

    users: list[str] = Field(default_factory=list[str])
    certificates: list[str] = Field(default_factory=list[str])
    subjects: list[str] = Field(default_factory=list[str])
    groups: list[str] = Field(default_factory=list[str])
    claims: list[str] = Field(default_factory=list[str])
    applications: list[str] = Field(default_factory=list[str])
    authenticated: bool = False
    like: Literal["Observer", "Operator", "Supervisor", "Engineer", "ConfigureAdmin", "SecurityAdmin"] | None = None

    def rules(self) -> tuple[IdentityRule, ...]:
        """Give the identity rules. Raises :class:`~server.users.errors.UserRefused`."""
        lists = {
            Criterion.USER_NAME: self.users,
            Criterion.THUMBPRINT: self.certificates,
            Criterion.X509_SUBJECT: self.subjects,
            Criterion.GROUP_ID: self.groups,
            Criterion.ROLE: self.claims,
            Criterion.APPLICATION: self.applications,
        }
        rules = [checked_rule(IdentityRule(criterion, text)) for criterion, texts in lists.items() for text in texts]
        if self.authenticated:
            rules.append(IdentityRule(Criterion.AUTHENTICATED_USER))
        return tuple(dict.fromkeys(rules))


def configured_rules(roles: Mapping[str, RoleSettings], anonymous: str = "none") -> dict[str, tuple[IdentityRule, ...]]:
    """Give the rules of the configuration by role. ``anonymous``: the role of ``server.anonymous``, or ``none``.

    Raises :class:`~core.errors.SettingError`.
    """
    rules: dict[str, tuple[IdentityRule, ...]] = {}
    for name, settings in roles.items():
        try:
            rules[proper_name(name, "role's name")] = settings.rules()
        except UserRefused as error:
            problem = f"the role {name!r}: {error.problem}"
            raise SettingError(problem, error.mend) from error
        if name in FIXED:
            problem = f"the role {name!r} is as the standard says"
            raise SettingError(problem, "name another one")
        if settings.like is not None and name in WELL_KNOWN:
            problem = f"the role {name!r} is a well-known one and is like no other"
            raise SettingError(problem, "leave 'like' out")
        if settings.authenticated and name in NOT_FOR_EVERYBODY:
            problem = f"the role {name} is not given to everybody"
            raise SettingError(problem, "name users, groups or certificates")
    if anonymous != "none":
        rules[anonymous] = (*rules.get(anonymous, ()), IdentityRule(Criterion.ANONYMOUS))
    return rules
