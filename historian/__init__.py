"""The archive: the store contract, the SQLite store, and the outbox between the process image and every sink."""
