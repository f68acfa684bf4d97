"""The audit trail: what clients and administrators did, as records, OPC UA events, JSON lines and syslog."""
