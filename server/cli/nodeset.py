"""``plantspace nodeset check``: everything that is wrong with NodeSet2 files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from server.cli.arguments import Commands, add_debug
from server.cli.findings import tell
from server.cli.terminal import Progress, paint

_DESCRIPTION = """\
Say everything that is wrong with NodeSet2 files, or nothing: XML, NodeIds, references, types, required models.

The models that a file requires are looked for among the files given, in the --search folders and among those that come
with Plantspace."""
_EPILOG = """\
examples:
  plantspace nodeset check models/line.NodeSet2.xml
  plantspace nodeset check models/*.xml --search /usr/share/plantspace/nodesets

exit codes:
  0  nothing is wrong    1  errors were found"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("nodeset", help="check NodeSet2 files", description="Check NodeSet2 files.")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    checking = inner.add_parser("check", help="say what is wrong", description=_DESCRIPTION, epilog=_EPILOG)
    checking.add_argument("files", metavar="FILE", nargs="+", type=Path, help="NodeSet2 XML file")
    text = "folder to look for required models in; may be given several times"
    checking.add_argument("--search", metavar="DIR", action="append", type=Path, default=[], help=text)
    add_debug(checking)
    checking.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> int:
    # Loaded when needed: --help answers at once.
    from nodesets.resolver import resolve  # noqa: PLC0415
    from nodesets.validation import validate  # noqa: PLC0415

    with Progress("checking"):
        resolution = resolve(arguments.files, arguments.search)
        findings = validate(resolution)
    for warning in resolution.warnings:
        print(f"{paint('note:', 'yellow', sys.stderr)} {warning}", file=sys.stderr)
    if findings:
        tell(findings, sys.stdout)
    return 1 if findings else 0
