"""HistoryRead and HistoryUpdate (Part 4 v1.05 5.11.3 and 5.11.5, Part 11 v1.05), from bytes to bytes."""
