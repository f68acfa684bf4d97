"""The history of events and alarms."""
