"""The way in: ``plantspace`` and ``python -m plantspace``.

In a wheel the rooms (``core``, ``drivers``, ``server`` and the others) stand inside this package's folder, so that
nothing so general becomes a top-level name of site-packages; this module puts that folder first on the import path. In
a checkout the rooms are top-level already, and nothing is changed (docs/decisions/0001-wheel-packaging.md).
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the command line and return its exit code."""
    here = Path(__file__).resolve().parent
    if (here / "server").is_dir() and str(here) not in sys.path:
        sys.path.insert(0, str(here))

    from server import cli  # noqa: PLC0415 - the rooms can be found only now

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
