"""Part 14's JSON messages (v1.05 7.2.5), their values by Part 6 v1.05 5.4."""
