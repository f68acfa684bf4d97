"""``plantspace history query``: values from the history, raw or summed up, as a table or CSV."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from server.cli.arguments import Commands, add_debug, duration, whole

AGGREGATES = ("average", "min", "max", "count")
_DESCRIPTION = """\
Read the history of one or several nodes, also while the gateway runs; nothing is changed.

NODE is a browse path (/Objects/Line1/Filler/Temperature) or a NodeId (nsu=urn:…;s=Line1.Filler.Temperature). With
--config paths are looked up in the model; with --data NODE is compared with the names of what has history, so that
Filler/Temperature or Line1.Filler.Temperature will do where they name one node only.

--start and --end are moments (2026-11-21T08:00:00, UTC where no zone is given) or times before now (-1h, -30min)."""
_EPILOG = """\
examples:
  plantspace history query /Objects/Line1/Filler/Temperature --config plant.yaml --start -10min
  plantspace history query Filler/Temperature --data var --limit 20
  plantspace history query Filler/Temperature Filler/Speed --data var --start -1d --aggregate average --interval 1h
  plantspace history query Filler/Temperature --data var --format csv > temperature.csv

exit codes:
  0  done, also where there are no values    1  there is no such node or history    2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("history", help="read the history", description="Read the history.")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    query = inner.add_parser("query", help="print values of nodes", description=_DESCRIPTION, epilog=_EPILOG)
    query.add_argument("nodes", metavar="NODE", nargs="+", help="browse path, NodeId, or the end of a name")
    source = query.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    source.add_argument("--data", metavar="DIR", type=Path, help="the gateway's data_dir, or a history file")
    query.add_argument("--start", type=_moment, default="-1h", metavar="WHEN", help="from when on (default: -1h)")
    query.add_argument("--end", type=_moment, default="now", metavar="WHEN", help="until when (default: now)")
    query.add_argument("--limit", type=whole, metavar="N", help="at most N values a node, the first ones")
    text = "sum up over intervals instead: average, min, max, count"
    query.add_argument("--aggregate", choices=AGGREGATES, metavar="WHAT", help=text)
    text = "length of an interval, such as 1min; only with --aggregate (default: 1min)"
    query.add_argument("--interval", type=duration, metavar="TIME", help=text)
    query.add_argument(
        "--format", choices=("table", "csv"), default="table", help="how values are written (default: table)"
    )
    add_debug(query)
    query.set_defaults(run=_query)


def _query(arguments: argparse.Namespace) -> int:
    from server.cli.history_answer import Query, answer  # noqa: PLC0415 - loaded when needed: --help answers at once

    if arguments.interval and not arguments.aggregate:
        return _usage("--interval says how long --aggregate sums up: give both")
    if arguments.start >= arguments.end:
        return _usage("--start must lie before --end")
    query = Query(
        tuple(arguments.nodes),
        arguments.start,
        arguments.end,
        arguments.limit,
        arguments.aggregate,
        arguments.interval or 60.0,
        csv=arguments.format == "csv",
    )
    asyncio.run(answer(query, arguments.config, arguments.data))
    return 0


def _usage(message: str) -> int:
    import sys  # noqa: PLC0415 - only here

    print(f"plantspace history query: {message} (see --help)", file=sys.stderr)
    return 2


def _moment(text: str) -> int:
    """Read a moment or a time before now, as DateTime ticks."""
    from core import time  # noqa: PLC0415 - keeps --help quick

    if text.startswith("-"):
        ago = time.now() - round(_before_now(text) * time.TICKS_PER_SECOND)
        return ago - ago % time.TICKS_PER_SECOND  # whole seconds, so that intervals begin where people expect
    try:
        return time.now() if text == "now" else time.from_iso(text)
    except ValueError as error:
        message = f"{text!r} is neither a moment (2026-11-21T08:00:00Z) nor a time before now (-1h)"
        raise argparse.ArgumentTypeError(message) from error


def _before_now(text: str) -> float:
    """Read a time before now such as ``-1h``, in seconds."""
    from core.durations import UNITS, parse_duration  # noqa: PLC0415 - keeps --help quick
    from core.errors import SettingError  # noqa: PLC0415 - as above

    try:
        return parse_duration(text[1:])
    except SettingError as error:
        mend = error.mend if UNITS in error.mend else f"{error.mend}; units are {UNITS}"
        message = f"{text!r} is no time before now, such as -1h: {error.problem} ({mend})"
        raise argparse.ArgumentTypeError(message) from error
