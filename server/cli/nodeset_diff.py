"""Compares two files of a model."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import InputError, PlantspaceError
from nodesets.differences.comparing import differences
from nodesets.model import Model, read_model
from nodesets.names import NodeName
from nodesets.resolver import resolve
from server.cli.nodeset_difference import DifferenceLines
from server.cli.nodeset_uses import uses_of
from server.cli.terminal import Progress


class OtherModelError(PlantspaceError):
    """The two files have no model in common."""


def diff(old: Path, new: Path, search: Sequence[Path], config: Path | None, *, verbose: bool) -> int:
    """Print what is different between two files; give the exit code: 1 where bindings or histories are orphaned.

    Raises :class:`InputError` where a file is not sound, and :class:`OtherModelError`.
    """
    with Progress(f"comparing {old} and {new}"):
        before, after = _read(old, search), _read(new, search)
        models = _uris(before, old)
        if not models & _uris(after, new):
            message = (
                f"{new} holds {', '.join(sorted(_uris(after, new)))}, and not {', '.join(sorted(models))} as {old}"
            )
            raise OtherModelError(message)
        uses: Mapping[NodeName, tuple[str, ...]] = uses_of(config, before, after) if config is not None else {}
        found = differences(before, after, models=models | _uris(after, new), used=uses)
    for line in DifferenceLines(found, before, after, sys.stdout, verbose=verbose).lines(uses):
        print(line)
    return 1 if found.orphans else 0


def _read(file: Path, search: Sequence[Path]) -> Model:
    model = read_model(resolve([file], search))
    if model.findings:
        raise InputError(model.findings)
    return model


def _uris(model: Model, file: Path) -> set[str]:
    return {entry.uri for nodeset in model.nodesets if nodeset.file == file for entry in nodeset.header.models}
