"""Users and roles as rows, there and back."""

from __future__ import annotations

import sqlite3
from typing import Final

from server.users.names import name_key
from server.users.records import Snapshot, UserOption, UserRecord
from server.users.roles import Criterion, EndpointRule, IdentityRule, Role, RoleSet, well_known_roles

SOURCES_KEPT: Final = 8
"""Addresses that a user is remembered to have logged in from; the oldest gives way."""


def load(connection: sqlite3.Connection) -> Snapshot:
    """Read everything."""
    return Snapshot(_users(connection), RoleSet(_roles(connection)))


def _users(connection: sqlite3.Connection) -> dict[str, UserRecord]:
    sources: dict[int, list[str]] = {}
    for user, source in connection.execute("SELECT user, source FROM user_sources ORDER BY user, seen DESC"):
        sources.setdefault(user, []).append(source)
    rows = connection.execute(
        "SELECT id, key, name, secret, options, description, expires, made, password_changed, released"
        " FROM users ORDER BY key"
    )
    return {
        key: UserRecord(
            name,
            secret,
            UserOption(options),
            description,
            expires,
            made,
            password_changed,
            released,
            tuple(sources.get(number, ())),
        )
        for number, key, name, secret, options, description, expires, made, password_changed, released in rows
    }


def put_user(connection: sqlite3.Connection, user: UserRecord) -> None:
    """Add a user, or write another's place of the same name; the sources stay as they are."""
    values = (user.name, user.secret, int(user.options), user.description, user.expires)
    times = (user.made, user.password_changed, user.released)
    connection.execute(
        "INSERT INTO users (key, name, secret, options, description, expires, made, password_changed, released)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET name = excluded.name,"
        " secret = excluded.secret, options = excluded.options, description = excluded.description,"
        " expires = excluded.expires, made = excluded.made, password_changed = excluded.password_changed,"
        " released = excluded.released",
        (name_key(user.name), *values, *times),
    )


def delete_user(connection: sqlite3.Connection, name: str) -> None:
    """Remove a user."""
    connection.execute("DELETE FROM users WHERE key = ?", (name_key(name),))


def put_source(connection: sqlite3.Connection, name: str, source: str, seen: int) -> None:
    """Remember where a user logged in from."""
    key = (name_key(name),)
    connection.execute(
        "INSERT OR REPLACE INTO user_sources (user, source, seen) SELECT id, ?, ? FROM users WHERE key = ?",
        (source, seen, *key),
    )
    connection.execute(
        "DELETE FROM user_sources WHERE (user, source) IN (SELECT user, source FROM user_sources"
        " WHERE user = (SELECT id FROM users WHERE key = ?) ORDER BY seen DESC LIMIT -1 OFFSET ?)",
        (*key, SOURCES_KEPT),
    )


def _roles(connection: sqlite3.Connection) -> dict[str, Role]:
    """Give the roles: the well-known ones as they are at first, unless they were changed."""
    roles = well_known_roles()
    rows = "SELECT id, name, applications_exclude, endpoints_exclude FROM roles ORDER BY id"
    for number, name, applications_exclude, endpoints_exclude in connection.execute(rows).fetchall():
        one = (number,)
        identities = connection.execute(
            "SELECT criterion, criteria FROM role_identities WHERE role = ? ORDER BY place", one
        )
        applications = connection.execute("SELECT uri FROM role_applications WHERE role = ? ORDER BY place", one)
        endpoints = connection.execute(
            "SELECT url, security_mode, security_policy, transport FROM role_endpoints WHERE role = ? ORDER BY place",
            one,
        )
        roles[name] = Role(
            name,
            tuple(IdentityRule(Criterion(criterion), criteria) for criterion, criteria in identities),
            tuple(uri for (uri,) in applications),
            bool(applications_exclude),
            tuple(EndpointRule(*row) for row in endpoints),
            bool(endpoints_exclude),
        )
    return roles


def put_roles(connection: sqlite3.Connection, before: RoleSet, after: RoleSet) -> None:
    """Write the roles that are different."""
    for name in before.roles:
        if name not in after.roles:
            connection.execute("DELETE FROM roles WHERE name = ?", (name,))
    for name, role in after.roles.items():
        if before.roles.get(name) != role:
            _put_role(connection, role)


def _put_role(connection: sqlite3.Connection, role: Role) -> None:
    connection.execute(
        "INSERT INTO roles (name, applications_exclude, endpoints_exclude) VALUES (?, ?, ?) ON CONFLICT (name)"
        " DO UPDATE SET applications_exclude = excluded.applications_exclude,"
        " endpoints_exclude = excluded.endpoints_exclude",
        (role.name, role.applications_exclude, role.endpoints_exclude),
    )
    (number,) = connection.execute("SELECT id FROM roles WHERE name = ?", (role.name,)).fetchone()
    connection.execute("DELETE FROM role_identities WHERE role = ?", (number,))
    connection.execute("DELETE FROM role_applications WHERE role = ?", (number,))
    connection.execute("DELETE FROM role_endpoints WHERE role = ?", (number,))
    connection.executemany(
        "INSERT INTO role_identities VALUES (?, ?, ?, ?)",
        [(number, place, int(rule.criterion), rule.criteria) for place, rule in enumerate(role.identities)],
    )
    connection.executemany(
        "INSERT INTO role_applications VALUES (?, ?, ?)",
        [(number, place, uri) for place, uri in enumerate(role.applications)],
    )
    connection.executemany(
        "INSERT INTO role_endpoints VALUES (?, ?, ?, ?, ?, ?)",
        [(number, place, *endpoint) for place, endpoint in enumerate(role.endpoints)],
    )
