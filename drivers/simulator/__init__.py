"""Simulated devices: signals made in the gateway, for trials, tests and load."""
