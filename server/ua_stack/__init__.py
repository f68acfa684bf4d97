"""The seam on asyncua: all that touches its internals lives here; docs/decisions/0003-the-asyncua-seam.md lists it."""
