"""The Session services of Part 4 v1.05 5.7, from bytes to bytes: who is let in, as whom, and for how long."""
