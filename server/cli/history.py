"""``plantspace history``: values and events from the history, raw or summed up; history from elsewhere; its care."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli import history_backup, history_import, history_repair
from server.cli.arguments import Commands, add_debug, duration, whole, zone

if TYPE_CHECKING:  # only for annotations: --help answers at once
    from zoneinfo import ZoneInfo

FORMATS = ("table", "csv", "parquet", "png")
_RESOLUTIONS = ("1s", "1min", "1h")
_DESCRIPTION = """\
Read the history of one or several nodes, also while the gateway runs; nothing is changed.

NODE is a browse path (/Objects/Line1/Filler/Temperature) or a NodeId (nsu=urn:…;s=Line1.Filler.Temperature). With
--config paths are looked up in the model; with --data NODE is compared with the names of what has history, so that
Filler/Temperature or Line1.Filler.Temperature will do where they name one node only.

--start and --end are moments (2026-11-21T08:00:00, in --zone or else UTC where they name no zone) or times before now
(-1h, -30min). Times are shown in --zone, else in UTC. Values that were brought in later are marked backfilled.

--aggregate takes every standard aggregate by its name (Average, TimeAverage, Minimum, StandardDeviationSample …, min
and max for short) and percentiles (p50, p95, p99.9). --resolution shows the summaries that the store keeps, from the
one on that --start lies in. With --aggregate a --start before now is put back to where an interval begins."""
_EPILOG = """\
examples:
  plantspace history query /Objects/Line1/Filler/Temperature --config plant.yaml --start -10min
  plantspace history query Filler/Temperature --data var --limit 20
  plantspace history query Filler/Temperature Filler/Speed --data var --start -1d --aggregate average --interval 1h
  plantspace history query Filler/Temperature --data var --format csv > temperature.csv
  plantspace history query Filler/Temperature --data var --start -1d --format png --output day.png --zone Europe/Berlin
  plantspace history query --events --data var --start -1d

exit codes:
  0  done, also where there are no values    1  there is no such node or history    2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("history", help="read the history", description="Read the history, and care for it.")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    query = inner.add_parser("query", help="print values or events", description=_DESCRIPTION, epilog=_EPILOG)
    query.add_argument("nodes", metavar="NODE", nargs="*", help="browse path, NodeId, or the end of a name")
    source = query.add_mutually_exclusive_group(required=True)
    source.add_argument("--config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    source.add_argument("--data", metavar="DIR", type=Path, help="the gateway's data_dir, or a history file")
    query.add_argument("--start", type=moment_text, default="-1h", metavar="WHEN", help="from when on (default: -1h)")
    query.add_argument("--end", type=moment_text, default="now", metavar="WHEN", help="until when (default: now)")
    query.add_argument("--zone", type=zone, metavar="ZONE", help="time zone, such as Europe/Berlin (default: UTC)")
    query.add_argument("--limit", type=whole, metavar="N", help="at most N values a node, the first ones")
    text = "sum up over intervals instead: Average, Minimum, p95 and so on"
    query.add_argument("--aggregate", metavar="WHAT", help=text)
    text = "length of an interval, such as 1min; only with --aggregate (default: 1min)"
    query.add_argument("--interval", type=duration, metavar="TIME", help=text)
    text = "for --aggregate: a value holds until the next one, instead of a line between the two"
    query.add_argument("--stepped", action="store_true", help=text)
    text = "show the summaries that are stored of each 1s, 1min or 1h"
    query.add_argument("--resolution", choices=_RESOLUTIONS, metavar="LENGTH", help=text)
    query.add_argument("--events", action="store_true", help="list events instead, of NODE as their source or of all")
    query.add_argument("--format", choices=FORMATS, default="table", help="how values are written (default: table)")
    text = "write into this file; parquet and png need it"
    query.add_argument("--output", type=Path, metavar="FILE", help=text)
    add_debug(query)
    query.set_defaults(run=_query)
    history_import.add_to(inner)
    history_backup.add_to(inner)
    history_repair.add_to(inner)


def _query(arguments: argparse.Namespace) -> int:
    start, end = (moment(text, arguments.zone) for text in (arguments.start, arguments.end))
    if wrong := _wrong(arguments, start, end):
        return _usage(wrong)
    start = _rounded(arguments, start)
    if arguments.events:
        from server.cli.history_events import list_events  # noqa: PLC0415 - loaded when needed: --help answers at once

        listing = list_events(
            arguments.config,
            arguments.data,
            (start, end),
            arguments.limit,
            as_csv=arguments.format == "csv",
            sources=arguments.nodes,
            zone=arguments.zone,
            output=arguments.output,
        )
        asyncio.run(listing)
        return 0
    from server.cli.history_answer import Query, answer  # noqa: PLC0415 - as above

    query = Query(
        tuple(arguments.nodes),
        start,
        end,
        arguments.limit,
        arguments.aggregate,
        arguments.interval or 60.0,
        arguments.format,
        arguments.output,
        arguments.resolution,
        arguments.zone,
        arguments.stepped,
    )
    asyncio.run(answer(query, arguments.config, arguments.data))
    return 0


def _rounded(arguments: argparse.Namespace, start: int) -> int:
    """Let a time before now begin with an interval, and summaries with the one that the start lies in."""
    from core.durations import parse_duration  # noqa: PLC0415 - keeps --help quick
    from core.time import TICKS_PER_SECOND  # noqa: PLC0415 - as above

    length = 0.0
    if arguments.resolution:
        length = parse_duration(arguments.resolution)
    elif arguments.aggregate and arguments.start.startswith("-"):
        length = arguments.interval or 60.0
    return start - start % max(1, round(length * TICKS_PER_SECOND))


def _wrong(arguments: argparse.Namespace, start: int, end: int) -> str:
    """Say what does not go together; empty where all is well."""
    rules = (
        (arguments.interval and not arguments.aggregate, "--interval says how long --aggregate sums up: give both"),
        (
            arguments.aggregate and arguments.resolution,
            "--aggregate works out what --resolution reads: give one of them",
        ),
        (
            arguments.events and (arguments.aggregate or arguments.resolution or arguments.stepped),
            "events are not summed up: --events goes without --aggregate, --resolution and --stepped",
        ),
        (arguments.stepped and not arguments.aggregate, "--stepped says how --aggregate reads values: give both"),
        (not arguments.nodes and not arguments.events, "name a NODE, or several"),
        (arguments.events and arguments.format not in {"table", "csv"}, "events are written as table or csv"),
        (arguments.format in {"parquet", "png"} and arguments.output is None, "name the file with --output"),
        (start >= end, "--start must lie before --end"),
    )
    return next((text for wrong, text in rules if wrong), "")


def _usage(message: str) -> int:
    import sys  # noqa: PLC0415 - only here

    print(f"plantspace history query: {message} (see --help)", file=sys.stderr)
    return 2


def moment_text(text: str) -> str:
    """Check a moment; it is read once the zone is known."""
    moment(text)
    return text


def moment(text: str, zone: ZoneInfo | None = None) -> int:
    """Read a moment (in ``zone`` where it names none, by default UTC) or a time before now, as DateTime ticks."""
    from datetime import UTC, datetime  # noqa: PLC0415 - keeps --help quick

    from core import time  # noqa: PLC0415 - as above

    if text.startswith("-"):
        ago = time.now() - round(_before_now(text) * time.TICKS_PER_SECOND)
        return ago - ago % time.TICKS_PER_SECOND  # whole seconds, so that intervals begin where people expect
    try:
        if text == "now":
            return time.now()
        told = datetime.fromisoformat(text)
        return time.from_datetime(told if told.tzinfo else told.replace(tzinfo=zone or UTC))
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
