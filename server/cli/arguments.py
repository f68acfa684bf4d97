"""What the commands' parsers have in common."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeAlias

from core.errors import SettingError
from core.settings import parse_duration

if TYPE_CHECKING:  # only for annotations: --help answers at once
    from zoneinfo import ZoneInfo

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """Keeps help texts as they were written, and takes no abbreviated options."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own options
        """Take argparse's options."""
        options.setdefault("formatter_class", _Help)
        options.setdefault("allow_abbrev", False)
        super().__init__(**options)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Leaves room for a command's name and its help on one line."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def add_debug(parser: argparse.ArgumentParser) -> None:
    """Let the option stand before and after a command."""
    text = "show the traceback of an unexpected error"
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=text)


def add_log_level(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--log-level``."""
    from server.cli.logs import LEVELS  # noqa: PLC0415 - keeps this module light

    text = f"how much is logged on standard error: {', '.join(LEVELS)} (default: {default})"
    parser.add_argument("--log-level", choices=LEVELS, default=default, metavar="LEVEL", help=text)


def duration(text: str) -> float:
    """Read a duration argument such as ``10s``."""
    try:
        seconds = parse_duration(text)
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if seconds <= 0:
        message = f"{text!r} is no time at all"
        raise argparse.ArgumentTypeError(message)
    return seconds


def whole(text: str) -> int:
    """Read a whole number above 0."""
    if not (text.isascii() and text.isdigit() and int(text)):
        message = f"{text!r} is not a whole number above 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def zone(text: str) -> ZoneInfo:
    """Read the name of a time zone."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - keeps --help quick

    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        message = f"{text!r} is no time zone of this machine, such as UTC or Europe/Berlin"
        raise argparse.ArgumentTypeError(message) from error
