"""DataSets of events: what the address space tells, and what the gateway logs (Part 14 v1.05 6.2.3.8)."""
