"""Southbound: the driver contract, the supervisor that runs drivers, and one package a protocol."""
