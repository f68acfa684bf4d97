"""The standard aggregates of history (Part 13 v1.05 5.4.3): one point, many intervals at once."""
