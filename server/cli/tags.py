"""``plantspace tags export|import``: the bindings of all devices as one table, there and back."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from server.cli.arguments import Commands, add_debug

_DESCRIPTION = """\
Write the bindings of all devices into one CSV file, for a spreadsheet or a script, and read them back.

The file has the column `device` and the columns of a bindings file."""
_EXPORT = """\
Write the bindings of all devices of CONFIG into FILE.csv (- for standard output).

Devices whose bindings stand as a list in CONFIG are exported too, and so is each row that type_bindings make. Devices
that have none, such as a CAN bus whose database says what there is, are left out."""
_IMPORT = """\
Read the bindings of devices from FILE.csv and put them into those devices' bindings files.

Everything is checked first, the model and the addresses as well; with one error nothing is changed. Devices that
FILE.csv does not name stay as they are; of those that it names it gives all bindings. Rows that type_bindings make may
stand there as they were exported, or be left out all together: they are changed in the tables of the types. The files
before are kept beside the new ones, with the time in their names. A running gateway goes on with what it has; restart
it to take the new bindings."""
_EXPORT_EPILOG = """\
examples:
  plantspace tags export plant.yaml tags.csv
  plantspace tags export plant.yaml - | grep Temperature"""
_IMPORT_EPILOG = """\
examples:
  plantspace tags import plant.yaml tags.csv --dry-run
  plantspace tags import plant.yaml tags.csv"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("tags", help="export and import bindings", description=_DESCRIPTION)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    export = inner.add_parser("export", help="bindings to one CSV file", description=_EXPORT, epilog=_EXPORT_EPILOG)
    export.add_argument("config", metavar="CONFIG", type=Path, help="configuration file (YAML)")
    export.add_argument("file", metavar="FILE.csv", help="the file to write; - for standard output")
    add_debug(export)
    export.set_defaults(run=_export)
    bring = inner.add_parser("import", help="bindings from one CSV file", description=_IMPORT, epilog=_IMPORT_EPILOG)
    bring.add_argument("config", metavar="CONFIG", type=Path, help="configuration file (YAML)")
    bring.add_argument("file", metavar="FILE.csv", type=Path, help="the file to read")
    bring.add_argument("--dry-run", action="store_true", help="check and show what would change, and change nothing")
    add_debug(bring)
    bring.set_defaults(run=_import)


def _export(arguments: argparse.Namespace) -> int:
    from server.cli.tags_export import export  # noqa: PLC0415 - loaded when needed: --help answers at once

    export(arguments.config, arguments.file)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from server.cli.tags_import import bring_in  # noqa: PLC0415 - loaded when needed: --help answers at once

    asyncio.run(bring_in(arguments.config, arguments.file, dry_run=arguments.dry_run))
    return 0
