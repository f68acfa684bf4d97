"""UADP: the binary NetworkMessages of Part 14 v1.05 7.2.4, both ways."""
