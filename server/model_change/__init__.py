"""A changed model in a running gateway: compared with what is served, checked, applied whole or not at all, told."""
