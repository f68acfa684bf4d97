"""Writes a model as a NodeSet2 file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import InputError
from nodesets.exporting.export import Export, export_of
from nodesets.exporting.source import file_of_model
from nodesets.exporting.writing import save_nodeset, write_nodeset
from nodesets.model import read_model
from nodesets.names import STANDARD_NAMESPACE
from nodesets.resolver import resolve
from server.cli.terminal import Progress, counted


def export(uri: str, search: Sequence[Path], output: Path | None) -> None:
    """Write a model to a file, or to standard output for None.

    Raises :class:`~nodesets.exporting.export.ExportError`, :class:`InputError` where the model is not sound, and
    :class:`OSError`; an old file then stays as it is.
    """
    with Progress(f"reading {uri}"):
        exported = _read(uri, search)
    if output is None:
        write_nodeset(exported, sys.stdout.buffer)
        return
    with Progress(f"writing {output}"):
        save_nodeset(exported, output)
    print(f"{counted(len(exported.nodes), 'node')} of {uri} written to {output}", file=sys.stderr)


def _read(uri: str, search: Sequence[Path]) -> Export:
    # The standard namespace is read with every model.
    files = [] if uri == STANDARD_NAMESPACE else [file_of_model(uri, search)]
    model = read_model(resolve(files, search))
    if model.findings:
        raise InputError(model.findings)
    return export_of(model, uri)
