"""The View service set (Part 4 v1.05 5.9) on the address space: Browse, BrowseNext, TranslateBrowsePaths, Register."""
