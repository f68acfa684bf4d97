"""Subscriptions and monitored items (Part 4 v1.05 5.13, 5.14) on columns."""
