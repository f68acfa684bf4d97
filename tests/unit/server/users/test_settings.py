from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Findings, SettingError
from core.settings import Document, build
from server.users.lockout import LockRule
from server.users.roles import Criterion, IdentityRule
from server.users.settings import RoleSettings, UserSettings, configured_rules

TEXT = """\
users:
  password: {shortest: 16}
  lock_out: {failures: 3, first: 10s, longest: 1h}
  issuers:
    plant:
      issuer: https://login.example.com/realms/plant
      audience: urn:plantspace:line-1
      keys: https://login.example.com/realms/plant/keys
      claims: {name: preferred_username, roles: realm_access.roles}
roles:
  Operator: {users: [ann], groups: [operators]}
"""


def read(tmp_path: Path, text: str) -> tuple[UserSettings | None, Findings]:
    file = tmp_path / "plant.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    document = Document.read(file, findings)
    assert document is not None
    return build(UserSettings, document.section(("users",)), findings), findings


def test_sections_are_read(tmp_path: Path) -> None:
    users, findings = read(tmp_path, TEXT)
    assert not findings
    assert users is not None
    assert users.lock_out.of_user() == LockRule(3, 10.0, 3600.0)
    assert users.lock_out.of_source() == LockRule(20, 10.0, 3600.0)
    assert users.password.rules().shortest == 16
    assert users.issuers["plant"].claims.roles == "realm_access.roles"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keys", "http://login.example.com/keys"),
        ("keys", "ftp://login.example.com/keys"),
        ("keys", "http://127.0.0.1.evil.com/keys"),
        ("algorithms", "[HS256]"),
        ("algorithms", "[none]"),
        ("algorithms", "[]"),
        ("issuer", '""'),
        ("keyz", "x"),
    ],
)
def test_what_would_not_be_safe_is_refused(tmp_path: Path, key: str, value: str) -> None:
    good = {"issuer": "https://a", "audience": "urn:a", "keys": "https://a/keys"}
    lines = "".join(f"      {name}: {text}\n" for name, text in (good | {key: value}).items())
    _, findings = read(tmp_path, f"users:\n  issuers:\n    plant:\n{lines}")
    assert len(findings.items) == 1
    assert findings.items[0].place.line > 0


def test_rules_of_the_configuration() -> None:
    roles = {
        "Operator": RoleSettings(users=["ann"], groups=["operators"], claims=["op"], authenticated=True),
        "Lead": RoleSettings(certificates=["ab" * 20], subjects=["CN=Ann"], applications=["urn:a"], like="Engineer"),
    }
    rules = configured_rules(roles, "Operator")
    assert rules["Operator"] == (
        IdentityRule(Criterion.USER_NAME, "ann"),
        IdentityRule(Criterion.GROUP_ID, "operators"),
        IdentityRule(Criterion.ROLE, "op"),
        IdentityRule(Criterion.AUTHENTICATED_USER),
        IdentityRule(Criterion.ANONYMOUS),
    )
    assert [rule.criteria for rule in rules["Lead"]] == ["AB" * 20, "CN=Ann", "urn:a"]
    assert configured_rules({}, "none") == {}
    assert configured_rules({}, "Observer") == {"Observer": (IdentityRule(Criterion.ANONYMOUS),)}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Anonymous", RoleSettings(users=["ann"])),
        ("Operator", RoleSettings(like="Engineer")),
        ("SecurityAdmin", RoleSettings(authenticated=True)),
        ("Operator", RoleSettings(certificates=["no thumbprint"])),
        (" ", RoleSettings()),
    ],
)
def test_roles_that_may_not_be_so_are_refused(name: str, settings: RoleSettings) -> None:
    with pytest.raises(SettingError):
        configured_rules({name: settings})
