from __future__ import annotations

import pytest
from pydantic import ValidationError

from server.permissions.settings import PermissionSettings
from server.users.well_known import ALL_PERMISSIONS


def test_names_are_bits() -> None:
    names = list(PermissionSettings.model_fields["roles"].annotation.__args__[0].__args__[1].__args__[0].__args__)  # type: ignore[union-attr]
    entry = PermissionSettings.model_validate(
        {"nodes": "/Objects/A", "roles": {"Operator": names, "Observer": ["Browse", "Read", "Read"], "Nobody": []}}
    )
    assert entry.permissions() == {"Operator": ALL_PERMISSIONS, "Observer": 0x21, "Nobody": 0}
    assert entry.restriction_bits() is None


def test_restrictions_are_bits() -> None:
    entry = PermissionSettings.model_validate(
        {"nodes": "/Objects/A", "restrictions": ["EncryptionRequired", "ApplyRestrictionsToBrowse"]}
    )
    assert entry.restriction_bits() == 10
    assert entry.permissions() is None
    assert PermissionSettings.model_validate({"nodes": "/Objects/A", "restrictions": []}).restriction_bits() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodes": "/Objects/A"},
        {"nodes": "", "roles": {}},
        {"nodes": "/Objects/A", "roles": {"Operator": ["Reed"]}},
        {"nodes": "/Objects/A", "restrictions": ["Signed"]},
        {"nodes": "/Objects/A", "roles": {}, "users": []},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        PermissionSettings.model_validate(wrong)
