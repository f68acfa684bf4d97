"""Users, roles and permissions: who somebody is, which roles that gives, and what the roles may do."""
