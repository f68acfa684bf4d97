"""The section ``permissions:`` of the configuration."""

from __future__ import annotations

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from core.errors import SettingError
from core.settings import Settings
from server.users.permissions import Restriction
from server.users.well_known import Permission

PermissionName = Literal[
    "Browse",
    "ReadRolePermissions",
    "WriteAttribute",
    "WriteRolePermissions",
    "WriteHistorizing",
    "Read",
    "Write",
    "ReadHistory",
    "InsertHistory",
    "ModifyHistory",
    "DeleteHistory",
    "ReceiveEvents",
    "Call",
    "AddReference",
    "RemoveReference",
    "DeleteNode",
    "AddNode",
]
"""Names of PermissionType (Part 3 v1.05 8.55)."""
RestrictionName = Literal["SigningRequired", "EncryptionRequired", "SessionRequired", "ApplyRestrictionsToBrowse"]
"""Names of AccessRestrictionType (Part 3 v1.05 8.56)."""
_PERMISSIONS: Final = {(one.name or "").replace("_", "").casefold(): int(one) for one in Permission}
_RESTRICTIONS: Final[dict[str, int]] = {
    "SigningRequired": Restriction.SIGNING_REQUIRED,
    "EncryptionRequired": Restriction.ENCRYPTION_REQUIRED,
    "SessionRequired": Restriction.SESSION_REQUIRED,
    "ApplyRestrictionsToBrowse": Restriction.APPLY_TO_BROWSE,
}


class PermissionSettings(Settings):
    """One entry of the ``permissions:`` list: what is said of some nodes, in place of what their NodeSet says.

    ``nodes``: a browse path or a NodeId; ``/**`` at a path's end means the node and everything beneath it, ``*`` and
    ``?`` stand for any characters. ``roles``: what each role may do, and those that are not named nothing; left out,
    the NodeSet's RolePermissions stay. ``restrictions``: AccessRestrictions; left out, the NodeSet's stay.
    """

    nodes: str = Field(min_length=1)
    roles: dict[str, list[PermissionName]] | None = None
    restrictions: list[RestrictionName] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.roles is None and self.restrictions is None:
            problem = f"nothing is said of {self.nodes}"
            raise SettingError(problem, "write roles: {Operator: [Browse, Read]}, or restrictions:")
        return self

    def permissions(self) -> dict[str, int] | None:
        """Give the bits of PermissionType by the roles' names; None where nothing is said of roles."""
        if self.roles is None:
            return None
        return {role: sum({_PERMISSIONS[name.casefold()] for name in names}) for role, names in self.roles.items()}

    def restriction_bits(self) -> int | None:
        """Give the bits of AccessRestrictionType; None where nothing is said of them."""
        return None if self.restrictions is None else sum({_RESTRICTIONS[name] for name in self.restrictions})
