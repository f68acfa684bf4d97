"""Checks a history file to the last byte, and makes a new one of what can be read of it and of those set aside.

Nothing is changed before the new file is whole and on the disk; then it takes the old one's name. Damaged files stay,
as ``….salvaged-<time>``. Killed at any moment, a repair can be said again: it brings nothing in twice.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from core.durable_files import settle_folder
from core.errors import StoreError
from historian.database import Database, translated
from historian.sqlite import rebuild
from historian.sqlite.salvage import Loss, Salvage
from historian.sqlite.schema import SCHEMA
from historian.sqlite.wreck import Wreck

_CORRUPT: Final = ".corrupt-"
_SALVAGED: Final = ".salvaged-"
_WORKPLACE: Final = ".repair-"
_TAILS: Final = ("-wal", "-shm", "")
"""The log first: a new file beside an old log would be taken for its own."""
Tell = Callable[[str], None]
"""Hears what goes on; what it raises ends the repair, with nothing changed."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What one file is. ``pages``: what SQLite finds wrong; ``losses`` and ``notes``: what is lost and guessed.

    ``samples``: that can be read, of ``points`` points. ``unreadable``: why nothing can be read of it; empty when it
    can.
    """

    path: Path
    points: int = 0
    samples: int = 0
    pages: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()
    unreadable: str = ""

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong with it."""
        return not (self.pages or self.losses or self.notes or self.unreadable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repair found and did. ``present``: the history, None where there is none; ``set_aside``: oldest first.

    ``is_new``: a new file stands in its place; ``brought_in``: samples from the files set aside; ``kept``: where the
    files that it was made of are now.
    """

    present: FileReport | None
    set_aside: tuple[FileReport, ...]
    is_new: bool = False
    brought_in: int = 0
    kept: tuple[Path, ...] = ()


def repair(path: Path, *, dry_run: bool, tell: Tell) -> Outcome:
    """Check ``path`` and the files set aside under its name, and unless ``dry_run`` make one sound file of them.

    Nobody else may use the files. Blocks. Raises :class:`~core.errors.StoreError` kinds; then all is as it was.
    """
    for left in path.parent.glob(f"{_WORKPLACE}*"):  # of a repair that was killed
        shutil.rmtree(left, ignore_errors=True)
    with translated(path), tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=path.parent) as name:
        workplace = Path(name)
        present = _look_at(path, workplace, tell) if path.exists() and path.stat().st_size else None
        set_aside = [_look_at(file, workplace, tell) for file in _set_aside(path)]
        usable = [report for report in set_aside if not report.unreadable]
        found = Outcome(present, tuple(set_aside))
        if dry_run or ((present is None or present.is_sound) and not usable):
            return found
        made, brought_in = _make(path, present, usable, workplace, tell)
        tell(f"writing {path.name}")
        kept = _put_in_place(made, path, present, [report.path for report in usable])
        return Outcome(present, tuple(set_aside), is_new=True, brought_in=brought_in, kept=kept)


def _look_at(path: Path, workplace: Path, tell: Tell) -> FileReport:
    """Read a file to the last byte."""
    try:
        wreck = Wreck(path, workplace)
    except sqlite3.DatabaseError as error:
        return FileReport(path, unreadable=str(error))
    with closing(wreck):
        pages = wreck.findings(lambda: tell(f"checking the pages of {path.name}"))
        salvage = Salvage(wreck, sound=not pages)
        alive = _counting(tell, f"checking {path.name}")
        samples = 0
        for rows in (salvage.blocks(), salvage.segments()):
            for row in rows:
                alive()
                samples += row.samples
        for _ in salvage.changes():
            alive()
        for point in list(salvage.points):
            for _ in salvage.summaries(point):
                alive()
        notes = list(salvage.notes)
        if salvage.bad_summaries:
            notes.append(f"{salvage.bad_summaries} rows of summaries are damaged")
        losses = list(salvage.losses)
        off = _off(salvage, samples)
        if pages and (off is None or (off > 0 and all(loss.samples is not None for loss in losses))):
            losses.append(Loss("any of the points", None, None, off))  # of a place of which nothing is left
        elif off and not (pages or losses):
            notes.append(f"its totals say {samples + off} samples, and there are {samples}")
        return FileReport(path, len(salvage.points), samples, tuple(pages), tuple(losses), tuple(notes))


def _off(salvage: Salvage, samples: int) -> int | None:
    """Count the samples of which nothing is known, by the totals; None where these are lost."""
    total = salvage.totals()
    if "appended" not in total:
        return None
    told = total["appended"] - total.get("expired", 0) - total.get("damaged", 0) + total.get("edited", 0)
    return told - samples - sum(loss.samples or 0 for loss in salvage.losses)


def _make(
    path: Path, present: FileReport | None, usable: list[FileReport], workplace: Path, tell: Tell
) -> tuple[Path, int]:
    """Make the new file in ``workplace``; gives it, and how many samples came from files set aside."""
    current: Path | None = None
    if present is not None and present.is_sound:
        Database(path, SCHEMA).prepare()  # of an older format, it is brought to today's
        current = path
    elif present is not None and not present.unreadable:
        current = _clean(present, workplace / "present.sqlite", workplace, tell)
    brought_in = 0
    for number, report in enumerate(reversed(usable)):
        older = _clean(report, workplace / f"older-{number}.sqlite", workplace, tell)
        if current is None:
            current, more = older, report.samples
        else:
            made = workplace / f"made-{number}.sqlite"
            more = _join(older, current, made, workplace, _counting(tell, f"adding {report.path.name}"))
            older.unlink()
            if current != path:
                current.unlink()
            current = made
        brought_in += more
    if current is None:
        raise StoreError(f"{path}: nothing of it can be read ({present.unreadable if present else ''})")  # noqa: TRY003, EM102 - names the file
    return current, brought_in


def _clean(report: FileReport, target: Path, workplace: Path, tell: Tell) -> Path:
    """Copy what can be trusted of a file."""
    with closing(Wreck(report.path, workplace)) as wreck, closing(rebuild.begin(target)) as out:
        rebuild.copy(out, Salvage(wreck, sound=not report.pages), _counting(tell, f"copying {report.path.name}"))
        _finish(out, target)
    return target


def _join(older: Path, newer: Path, target: Path, workplace: Path, alive: rebuild.Alive) -> int:
    """Make one file of two sound ones; gives how many samples the newer one did not have."""
    with (
        closing(Wreck(older, workplace)) as first,
        closing(Wreck(newer, workplace)) as second,
        closing(Database(older, SCHEMA).connect(read_only=True)) as reading,
        closing(Database(newer, SCHEMA).connect(read_only=True)) as comparing,
        closing(rebuild.begin(target)) as out,
    ):
        source = Salvage(second, sound=True)
        rebuild.add_points(out, source)
        more = rebuild.add_older(out, Salvage(first, sound=True), reading, comparing, alive)
        rebuild.copy(out, source, alive)
        _finish(out, target)
    return more


def _finish(out: sqlite3.Connection, target: Path) -> None:
    wrong = rebuild.finish(out)
    if wrong:
        raise StoreError(f"{target}: the new file is not sound, and the old one was left as it is: {wrong[0]}")  # noqa: TRY003, EM102 - names the file


def _put_in_place(made: Path, path: Path, present: FileReport | None, used: list[Path]) -> tuple[Path, ...]:
    """Let the disk have the new file, and give it its name; gives where the files are that it was made of."""
    owner = path.parent.stat()
    if os.geteuid() == 0:  # what root makes, the gateway's user could not open
        os.chown(made, owner.st_uid, owner.st_gid)
    with made.open("rb+") as file:
        os.fsync(file.fileno())
    used = list(used)
    if present is not None and not present.is_sound:
        aside = _free_name(path, f"{_CORRUPT}{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        _move(path, aside)
        used.append(aside)
    else:  # its log is empty: it was opened and closed, and nobody else has it
        for tail in _TAILS[:2]:
            path.with_name(path.name + tail).unlink(missing_ok=True)
    made.replace(path)
    settle_folder(path.parent)
    kept: list[Path] = []
    for file in used:
        target = _free_name(path, _SALVAGED + file.name.partition(_CORRUPT)[2])
        _move(file, target)
        kept.append(target)
    settle_folder(path.parent)
    return tuple(kept)


def _set_aside(path: Path) -> list[Path]:
    """Give the files that were set aside, oldest first."""
    found = path.parent.glob(f"{path.name}{_CORRUPT}*")
    return sorted(file for file in found if not file.name.endswith(_TAILS[:2]) and file.is_file())


def _free_name(path: Path, tail: str) -> Path:
    target = path.with_name(path.name + tail)
    turn = 1
    while target.exists():
        turn += 1
        target = path.with_name(f"{path.name}{tail}-{turn}")
    return target


def _move(path: Path, target: Path) -> None:
    for tail in _TAILS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + tail).rename(target.with_name(target.name + tail))


def _counting(tell: Tell, doing: str) -> rebuild.Alive:
    """Tell how many rows are done."""
    done = 0

    def alive() -> None:
        nonlocal done
        done += 1
        tell(f"{doing}, {done} rows")

    return alive
