"""Prints stored events, also while the gateway runs."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from historian.events.contract import StoredEvent
from historian.events.sqlite import SQLiteEventReader
from server.address_space.asyncua_values import decode_variant
from server.cli.history_names import HistoryQueryError, by_model, by_name
from server.cli.history_rows import shown, time_width
from server.cli.history_source import HISTORY_FILE, LOCK_WAIT
from server.cli.terminal import Progress, paint
from server.cli.user_place import data_folder

FILE = "events.sqlite"
_PAGE = 1_000
_SERIOUS = 500


async def list_events(
    config: Path | None, data: Path | None, span: tuple[int, int], limit: int | None, *, as_csv: bool,
    sources: Sequence[str] = (), zone: ZoneInfo | None = None, output: Path | None = None,
) -> None:  # fmt: skip
    """Print the events of ``span`` (ticks, the end not with it), the oldest first.

    ``sources``: texts that name SourceNodes, of which alone; ``output``: a file to write into.

    Raises :class:`HistoryQueryError`, :class:`~core.errors.StoreError`, :class:`~core.errors.InputError` for an unsound
    configuration, and :class:`OSError`.
    """
    folder = data_folder(config, None) if config is not None else (data or Path())
    if folder.name == HISTORY_FILE:  # the events lie beside the history
        folder = folder.parent
    file = next((one for one in (folder, folder / FILE, folder / "var" / FILE) if one.is_file()), None)
    if file is None:
        message = f"{folder} holds no events ({FILE} is not there: has the gateway run, and does it keep events?)"
        raise HistoryQueryError(message)
    reader = SQLiteEventReader(file, lock_wait=LOCK_WAIT)
    try:
        nodes = await _nodes(reader, sources, config, file)
        with ExitStack() as stack:
            stream = sys.stdout
            if output is not None:
                stream = stack.enter_context(output.open("w", encoding="utf-8", newline=""))
            any_came = await _write(reader, span, limit, nodes, stream, zone, as_csv=as_csv)
    finally:
        await reader.close()
    if not any_came:
        print("plantspace: there are no events in this time", file=sys.stderr)


async def _nodes(reader: SQLiteEventReader, texts: Sequence[str], config: Path | None, file: Path) -> tuple[str, ...]:
    """Find the SourceNodes that are asked for."""
    if not texts:
        return ()
    if config is None:
        known = sorted(await reader.sources())
        return tuple(by_name(text, known, file, "is the source of events") for text in texts)
    from server.plan import plan_gateway  # noqa: PLC0415 - the model is loaded only where it is asked

    with Progress(f"reading {config}"):
        plan = await plan_gateway(config)
        try:
            return by_model(plan, texts)
        finally:
            await plan.discard()


async def _write(
    reader: SQLiteEventReader, span: tuple[int, int], limit: int | None, nodes: Sequence[str], stream: TextIO,
    zone: ZoneInfo | None, *, as_csv: bool,
) -> bool:  # fmt: skip
    """Write what is asked for; tell whether there was anything."""
    writer = csv.writer(stream, lineterminator="\n") if as_csv else None
    if writer is not None:
        writer.writerow(("time", "severity", "type", "source", "message"))
    left, cursor, any_came = limit, None, False
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page = await reader.read(*span, size, sources=nodes or None, cursor=cursor)
        for event in page.events:
            any_came = True
            cells = (shown(event.time, zone), event.severity, event.kind, event.source, _message(event))
            if writer is not None:
                writer.writerow(cells)
            else:
                print(_line(*cells, stream=stream, width=time_width(zone)), file=stream)
        left = None if left is None else left - len(page.events)
        cursor = page.cursor
        if cursor is None:
            break
    return any_came


def _line(time: str, severity: int, kind: str, source: str, message: str, *, stream: TextIO, width: int) -> str:
    grade = f"{severity:>4}"
    name = kind.rpartition("=")[2]
    if severity >= _SERIOUS:
        grade = paint(grade, "yellow", stream)
    return f"{time:<{width}}  {grade}  {name:<28}  {source.rpartition('=')[2]:<24}  {message}"


def _message(event: StoredEvent) -> str:
    """Give the event's Message; empty where it has none that can be read."""
    for path, encoded in event.fields.items():
        if path.rpartition("/")[2].rpartition(":")[2] == "Message":
            try:
                value = decode_variant(encoded).Value
            except Exception:  # noqa: BLE001 - asyncua's decoder raises whatever damaged bytes lead it to
                return ""
            return str(getattr(value, "Text", value) or "")
    return ""
