"""Users and roles as OPC UA nodes: RoleSet and UserManagement, for administrators over the wire (Part 18 v1.05)."""
