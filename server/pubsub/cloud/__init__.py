"""Brokers of clouds: what each wants and forbids, its credentials, its device twins."""
