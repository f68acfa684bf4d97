"""``plantspace history repair``: checks the history to the last byte, and mends what can be mended."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from server.cli.arguments import Commands, add_debug

if TYPE_CHECKING:
    from historian.sqlite.repair import FileReport, Outcome
    from historian.sqlite.salvage import Loss

_SHOWN = 20
_DESCRIPTION = """\
Check the history of the gateway that CONFIG describes, and mend it. The gateway must be stopped.

Every page of history.sqlite, every checksum and the totals are checked. From a damaged file, and from files that the
gateway has set aside as history.sqlite.corrupt-…, all that can be read is brought into a new file, nothing twice, which
then takes the name history.sqlite. What is lost is told by point and time. A sound history is left as it is.

Files that were damaged or set aside stay, as history.sqlite.salvaged-…: delete them when you miss nothing. While it
works, it needs room for about twice the files in the same folder."""
_EPILOG = """\
examples:
  plantspace history repair plant.yaml --dry-run     only look, change nothing
  plantspace history repair plant.yaml

exit codes:
  0  the history is sound, or it is now    1  --dry-run has found damage, or it could not be mended
  2  wrong arguments"""


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "repair", help="check the history, mend what is damaged", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the gateway's configuration file")
    parser.add_argument("--dry-run", action="store_true", help="say what is damaged, and change nothing")
    add_debug(parser)
    parser.set_defaults(run=_repair)


def _repair(arguments: argparse.Namespace) -> int:
    from historian.sqlite.repair import repair  # noqa: PLC0415 - loaded when needed: --help answers at once
    from server.cli.history_files import HISTORY, history_folder  # noqa: PLC0415 - as above
    from server.cli.terminal import Progress  # noqa: PLC0415 - as above
    from server.data_folder import DataFolder  # noqa: PLC0415 - as above

    place = history_folder(arguments.config, HISTORY)
    folder = DataFolder(place)
    asyncio.run(folder.start())
    try:
        with Progress("checking") as progress:

            def tell(doing: str) -> None:
                progress.doing = doing

            outcome = repair(place / HISTORY, dry_run=arguments.dry_run, tell=tell)
    finally:
        asyncio.run(folder.stop())
    return _answer(outcome, place / HISTORY, dry_run=arguments.dry_run)


def _answer(outcome: Outcome, path: Path, *, dry_run: bool) -> int:
    """Print what was found and done; gives the exit code."""
    reports = [*([outcome.present] if outcome.present else []), *outcome.set_aside]
    for report in reports:
        _tell(report)
    if outcome.is_new:
        come = f", with {outcome.brought_in} samples of what was set aside" if outcome.set_aside else ""
        print(f"{path.name}: a new file stands in its place{come}")
        for file in outcome.kept:
            print(f"  {file.name} is kept: delete it when you miss nothing")
    damaged = any(not report.is_sound for report in reports)
    return int(damaged and dry_run)


def _tell(report: FileReport) -> None:
    """Print what a file is, what of it is lost, and what had to be guessed."""
    name = report.path.name
    if report.unreadable:
        print(f"{name}: nothing of it can be read ({report.unreadable})")
        return
    state = "sound" if report.is_sound else "damaged"
    print(f"{name}: {state}, {report.samples} samples of {report.points} points can be read")
    for line in report.pages[:_SHOWN]:
        print(f"  SQLite: {' '.join(line.split())}")
    if len(report.pages) > _SHOWN:
        print(f"  SQLite: and {len(report.pages) - _SHOWN} more")
    of_points: dict[str, list[Loss]] = {}
    for loss in report.losses:
        of_points.setdefault(loss.points, []).append(loss)
    for points, losses in of_points.items():
        print(f"  lost: {_sum(losses)} of {points}, {_time(losses)}")
    for note in report.notes:
        print(f"  {note}")


def _sum(losses: list[Loss]) -> str:
    """Say how many samples are lost."""
    known = sum(loss.samples or 0 for loss in losses)
    if all(loss.samples is not None for loss in losses):
        return f"{known} samples"
    return f"more than {known} samples" if known else "an unknown number of samples"


def _time(losses: list[Loss]) -> str:
    """Say of which time they are."""
    firsts = [loss.first for loss in losses if loss.first is not None]
    lasts = [loss.last for loss in losses if loss.last is not None]
    if not firsts or not lasts:
        return "of an unknown time"
    places = f" ({len(losses)} places)" if len(losses) > 1 else ""
    return f"{_moment(min(firsts))} to {_moment(max(lasts))}{places}"


def _moment(ticks: int) -> str:
    from core.time import to_iso  # noqa: PLC0415 - keeps --help quick

    try:
        return to_iso(ticks)
    except (OverflowError, ValueError):  # what a damaged row says
        return "?"
