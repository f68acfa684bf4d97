"""Device twins and shadows: what a cloud wants of writable nodes, and what they are."""
