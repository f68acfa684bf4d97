"""``plantspace history backup``: copies of the history, the events and the outbox, also while the gateway runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from server.cli.arguments import Commands, add_debug

_DESCRIPTION = """\
Copy the history, the events and the outbox of the gateway that CONFIG describes into FOLDER, also while it runs.

The gateway is not held up and nothing is missing from a copy: each is its file as it was at one moment. The copies
appear under their names when all of them are whole and on the disk. No file is overwritten: FOLDER must not hold one
of these names. On a terminal it says how far it is; otherwise it is quiet."""
_EPILOG = """\
examples:
  plantspace history backup plant.yaml /backup/2026-11-22
  plantspace history query Filler/Temperature --data /backup/2026-11-22

exit codes:
  0  done    1  it could not be done; no copy is there    2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "backup", help="copy the history while the gateway runs", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to; made where it is not there")
    add_debug(parser)
    parser.set_defaults(run=_backup)


def _backup(arguments: argparse.Namespace) -> int:
    import sys  # noqa: PLC0415 - loaded when needed: --help answers at once

    from historian.sqlite.backup import back_up  # noqa: PLC0415 - as above
    from server.cli.history_files import files_of  # noqa: PLC0415 - as above
    from server.cli.terminal import Progress, is_terminal  # noqa: PLC0415 - as above

    files = files_of(arguments.config)
    with Progress("copying") as progress:

        def tell(file: Path, done: int, total: int) -> None:
            progress.doing = f"copying {file.name}, {100 * done // max(total, 1)} %"

        made = back_up(files, arguments.folder, progress=tell)
    if is_terminal(sys.stdout):
        for file in made:
            print(f"{file}  {file.stat().st_size / 1e6:.1f} MB")
    return 0
