"""``plantspace check``: everything that is wrong with a configuration."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from core.errors import InputError
from server.cli.arguments import Commands, add_debug
from server.cli.findings import tell
from server.cli.terminal import Progress, counted, paint

_DESCRIPTION = """\
Say everything that is wrong with CONFIG and what it names (NodeSets, bindings, databases, the data folder), or
nothing.

One line an error: file:line:column, what is wrong, and in brackets the mend. Nothing is started, no device is asked,
nothing changes on disk. What passes here, `plantspace run` starts, for the same user. A note on standard error tells
what is allowed and seldom meant, such as a user of commands whom nobody has made yet."""
_EPILOG = """\
examples:
  plantspace check plant.yaml
  plantspace check plant.yaml --verbose && systemctl restart plantspace

exit codes:
  0  nothing is wrong    1  errors were found"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check", help="say what is wrong with a configuration", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="configuration file (YAML)")
    parser.add_argument("-v", "--verbose", action="store_true", help="also say what was checked")
    add_debug(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        counts, warnings = asyncio.run(_check(arguments.config))
    except InputError as error:
        tell(error.findings, sys.stdout)
        return 1
    for warning in warnings:
        print(f"{paint('note:', 'yellow', sys.stderr)} {warning}", file=sys.stderr)
    if arguments.verbose:
        parts = [counted(count, noun.removesuffix("s")) for noun, count in counts.items() if count]
        print(f"{arguments.config}: {paint('nothing is wrong', 'green', sys.stdout)}: {', '.join(parts)}")
    return 0


async def _check(config: Path) -> tuple[dict[str, int], list[str]]:
    from server.cli.planning import plan_to_run  # noqa: PLC0415 - loaded when needed: --help answers at once

    with Progress(f"checking {config}"):
        plan = await plan_to_run(config)
        await plan.discard()
    return plan.counts(), plan.warnings
