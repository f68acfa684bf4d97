"""Aggregates of monitored items (Part 4 v1.05 7.22.4, Part 13 v1.05) over all items of a cohort at once."""
