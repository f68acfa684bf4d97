"""Models read apart from the gateway: in a process of its own, with limits; and kept for the next start."""
