"""Brings tables into the history: checks all, then stores all, and says what it did."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import Finding, InputError, Place
from core.time import TICKS_PER_SECOND, now, to_iso
from server.cli.findings import tell
from server.cli.history_progress import ProgressBar
from server.cli.history_source import opened_store
from server.cli.terminal import Progress, counted, paint
from server.history_import.form import TableForm
from server.history_import.tables import CheckedTable, check_table, store_table
from server.history_import.targets import Targets
from server.history_store import raw_retention
from server.plan import Plan, plan_gateway


async def import_tables(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; gives the exit code.

    Raises :class:`~core.errors.InputError` with everything that is wrong; then nothing was stored.
    """
    config: Path = arguments.config
    with Progress(f"reading {config}"):
        plan = await plan_gateway(config)
    try:
        form = TableForm(arguments.time, arguments.zone, arguments.decimal, arguments.prefix)
        files = [Path(source) for source in arguments.sources]
        await bring_in(plan, files, form, dry_run=arguments.dry_run, skip_bad=arguments.skip_bad)
    finally:
        await plan.discard()
    return 0


async def bring_in(plan: Plan, files: Sequence[Path], form: TableForm, *, dry_run: bool, skip_bad: bool) -> None:
    """Check all files, and store all of them; say what was done on standard output.

    ``skip_bad``: store what is sound, and list the rest. Raises :class:`~core.errors.InputError` with everything that
    is wrong; then nothing was stored.
    """
    received = now()
    kept = raw_retention(plan)
    keeps_from = 0 if kept is None else received - round(kept * TICKS_PER_SECOND)
    tables: list[CheckedTable] = []
    for file in files:
        if not file.is_file():
            problem = "this is a folder" if file.is_dir() else "there is no such file"
            raise InputError([Finding(Place.of(file), problem, "give a CSV or Parquet file")])
        with ProgressBar(f"checking {file}") as bar:
            targets = Targets(plan, form)
            tables.append(
                await check_table(file, form, targets, received=received, keeps_from=keeps_from, report=bar.report)
            )
    wrong = sum(table.outcome.wrong for table in tables)
    findings = sorted({finding for table in tables for finding in table.outcome.findings})
    if wrong and not skip_bad:
        if wrong > len(findings):
            print(f"plantspace: the first {len(findings)} of {wrong} errors:", file=sys.stderr)
        raise InputError(findings)
    if wrong:
        tell(findings, sys.stderr, "these are left out (--skip-bad)")
    for table in tables:
        _say_what_was_found(table, plan)
    if dry_run:
        print("nothing was stored (--dry-run)")
        return
    async with opened_store(plan) as store:
        for table in tables:
            with ProgressBar(f"storing {table.file}") as bar:
                there = await store_table(table, store, received=received, keeps_from=keeps_from, report=bar.report)
            stored = counted(table.outcome.rows - there, "sample")
            known = f"; {there} were stored by an import before" if there else ""
            print(f"{table.file}: {stored} stored{known}")


def _say_what_was_found(table: CheckedTable, plan: Plan) -> None:
    outcome = table.outcome
    if outcome.earliest is None or outcome.latest is None:
        print(f"{table.file}: no samples")
        return
    points = counted(len(outcome.nodes), "node")
    left_out = f", {outcome.skipped} left out" if outcome.skipped else ""
    span = f"{to_iso(outcome.earliest)} to {to_iso(outcome.latest)}"
    print(f"{table.file}: {counted(outcome.rows, 'sample')} of {points}, {span}{left_out}")
    if outcome.before:
        days = plan.historian.retention.raw / 86_400
        warning = paint("warning:", "yellow", sys.stderr)
        print(
            f"{warning} {counted(outcome.before, 'sample')} of {table.file} are older than history is kept ({days:g} d)"
            " and will go again within minutes (lengthen historian: retention: raw:, and import then)",
            file=sys.stderr,
        )
