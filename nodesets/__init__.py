"""The information model: NodeSet2 files, how they are found, checked and loaded, and the units they speak of."""
