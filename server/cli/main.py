"""Reads the arguments, runs the command, and says errors in one plain line."""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import Final

from core.errors import InputError, PlantspaceError
from server.cli import audit, certs, check, demo, history, nodeset, run, tags, user
from server.cli.arguments import Parser, add_debug
from server.cli.findings import tell
from server.cli.terminal import paint

DONE, FOUND_ERRORS, USAGE = 0, 1, 2
_MOMENT_AGO: Final = re.compile(r"-\d.*", re.DOTALL)
_DESCRIPTION = """\
Plantspace, an industrial IoT gateway around one OPC UA address space.

A configuration file names NodeSet2 models, devices and the addresses that fill the models' variables; OPC UA clients
browse, read, write and subscribe to them, history is kept for them, and PubSub carries them to MQTT."""
_EPILOG = """\
examples:
  plantspace demo                          a whole plant on this machine, nothing else needed
  plantspace check plant.yaml              everything that is wrong with a configuration, or nothing
  plantspace run plant.yaml                the gateway
  plantspace history query /Objects/Line1/Filler/Temperature --config plant.yaml --start -1h

exit codes:
  0  done    1  errors were found    2  the command line was wrong

`plantspace COMMAND --help` explains a command."""


def main(argv: list[str] | None = None) -> int:
    """Run ``plantspace`` with ``argv`` (those of the process by default) and give the exit code."""
    given = _join_moments(sys.argv[1:] if argv is None else argv)
    hidden = given[:1] == [demo.DEVICE]
    parser = demo.device_parser() if hidden else _parser()
    try:
        arguments = parser.parse_args(given[1:] if hidden else given)
    except SystemExit as end:  # argparse has said what there is to say
        return int(end.code or DONE)
    if "run" not in arguments:
        parser.print_help(sys.stderr)
        return USAGE
    return _guarded(arguments)


def _guarded(arguments: argparse.Namespace) -> int:
    """Run the command; what goes wrong becomes plain lines and an exit code."""
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough; nothing more can be written there
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return FOUND_ERRORS
    except Exception as error:
        if arguments.debug and not isinstance(error, PlantspaceError):
            raise
        _say(error)
        return FOUND_ERRORS
    return code


def _say(error: Exception) -> None:
    if isinstance(error, InputError):
        tell(error.findings, sys.stderr, "nothing was started or changed")
        return
    message = str(error)
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror
    elif not isinstance(error, PlantspaceError):
        words = " ".join(message.split())
        message = f"unexpected {type(error).__name__}: {words} (--debug shows where; please report it)"
    print(f"{paint('plantspace:', 'red', sys.stderr)} {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="plantspace", description=_DESCRIPTION, epilog=_EPILOG)
    parser.set_defaults(debug=False)
    add_debug(parser)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for command in (demo, run, check, history, tags, nodeset, certs, user, audit):
        command.add_to(commands)
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and end."""
        import plantspace  # noqa: PLC0415 - only this needs it

        print(f"plantspace {plantspace.__version__}")
        parser.exit()


def _join_moments(argv: list[str]) -> list[str]:
    """Join ``--start -1h`` to ``--start=-1h``: argparse takes what begins with a dash for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in ("--start", "--end", "--from", "--to") and _MOMENT_AGO.fullmatch(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
