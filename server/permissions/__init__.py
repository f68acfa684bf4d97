"""The ``permissions:`` section: RolePermissions and AccessRestrictions that the configuration gives to nodes."""
