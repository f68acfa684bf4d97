"""Subscriptions that outlive their session and a restart: their state as rows (Part 4 v1.05 6.8)."""
