"""Secure channels of Part 4 v1.05 5.6 and Part 6 v1.05 6.7: who may open one, its keys, and how long they last."""
