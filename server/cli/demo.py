"""``plantspace demo``: a whole plant on this machine."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from server.cli.arguments import Commands, Parser, add_debug, add_log_level

PORT = 4840
_DESCRIPTION = """\
Run a whole plant on this machine, nothing else needed: a filling line's PLC and an energy meter in processes of their
own, a recorded CAN bus, an MQTT broker where there is one, and the gateway. Says what to open and what will happen.

The endpoint is without security and for everyone, so it listens on this machine alone. The configuration and the
history lie in a folder of yours, to look at, to change and to take along; files that you have changed stay as they are,
the others are renewed at each start. Ctrl-C ends all of it."""
_EPILOG = """\
examples:
  plantspace demo
  plantspace demo --data /tmp/plant --seconds 300

exit codes:
  0  ended as asked    1  something could not be started"""
DEVICE = "demo-device"
"""The command that the demo's own processes run; neither the help nor the usage errors of the others name it."""
_DEVICES = ("filler", "meter", "broker")


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo", help="run a whole plant on this machine", description=_DESCRIPTION, epilog=_EPILOG
    )
    text = f"port of the endpoint; by default {PORT}, or a free one where that is taken"
    parser.add_argument("--port", type=_port, metavar="PORT", help=text)
    text = "folder for the configuration and the history (default: plantspace/demo in your data folder)"
    parser.add_argument("--data", type=Path, metavar="DIR", help=text)
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="end by itself after N seconds")
    add_log_level(parser, "error")
    add_debug(parser)
    parser.set_defaults(run=_run)


def device_parser() -> Parser:
    """Give the parser of :data:`DEVICE`."""
    text = "Run one device of the demo; it ends with its standard input."
    parser = Parser(prog=f"plantspace {DEVICE}", description=text)
    parser.add_argument("name", choices=_DEVICES, help="which one")
    parser.add_argument("--port", type=_port, default=0, metavar="PORT", help="where it listens (default: a free port)")
    text = "where the filling line listens, which the meter measures (default: nowhere)"
    parser.add_argument("--line-port", type=_port, default=0, metavar="PORT", help=text)
    parser.set_defaults(debug=False, run=_device)
    add_debug(parser)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    # Loaded when needed: --help answers at once.
    from server.cli.logs import logging_to_stderr  # noqa: PLC0415
    from server.demo.demo import run  # noqa: PLC0415

    with logging_to_stderr(arguments.log_level):
        return asyncio.run(run(arguments.port, PORT, arguments.data, arguments.seconds))


def _device(arguments: argparse.Namespace) -> int:
    # Loaded when needed: --help answers at once.
    from server.demo.devices import broker, process  # noqa: PLC0415

    if arguments.name == "broker":
        asyncio.run(broker.serve())
    else:
        asyncio.run(process.serve(arguments.name, arguments.port, arguments.line_port))
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):  # noqa: PLR2004 - the highest TCP port
        message = f"{text!r} is not a TCP port"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:  # noqa: PLR2004 - thirty years
        message = f"{text!r} is not a number of seconds"
        raise argparse.ArgumentTypeError(message)
    return seconds
