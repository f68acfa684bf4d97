"""History of events and alarms: recorded into the outbox, read and changed through the services of Part 11."""
