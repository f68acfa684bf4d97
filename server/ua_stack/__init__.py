"""The seam on asyncua: everything that touches its internals lives here. docs/decisions/0003-the-asyncua-seam.md lists the seams."""
