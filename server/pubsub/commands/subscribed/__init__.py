"""DataSets that others publish, written to variables (DataSetReaders, Part 14 v1.05 6.2.9 and 6.2.10)."""
