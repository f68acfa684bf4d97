"""Which nodes a configuration's bindings and its history name."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.errors import Findings
from core.settings import Document
from core.settings.partial import sound_part
from historian.contract import ANNOTATION_PREFIX
from historian.sqlite.store import SQLiteReader
from nodesets.differences.paths import node_at
from nodesets.differences.state import State
from nodesets.model import Model
from nodesets.names import NodeName, NodeNameError
from server.cli.tags_table import read_bindings_of
from server.configuration import ServerSettings
from server.plan.field_names import parted

_HISTORY = "history.sqlite"


def uses_of(config: Path, old: Model, new: Model) -> Mapping[NodeName, tuple[str, ...]]:
    """Give who names each node, in words. A browse path that leads on to a node is nobody's loss, and left out.

    Raises :class:`~core.errors.InputError` for a configuration that cannot be read, and
    :class:`~core.errors.StoreError`.
    """
    uses: dict[NodeName, list[str]] = defaultdict(list)
    before, after = State(old, None), State(new, None)
    for device, bindings in read_bindings_of(config).items():
        for row in bindings.rows:
            found = [_bound(text, before, after) for text in _nodes(row["node"])]
            for name in (one for one in found if one is not None):
                uses[name].append(f"a binding of {device}")
    for text in _recorded(config):
        found = [_parsed(node) for node in _nodes(text)]
        for name in (one for one in found if one is not None):
            uses[name].append("the history")
    return {name: tuple(dict.fromkeys(who)) for name, who in uses.items()}


def _nodes(text: str) -> list[str]:
    """Give what a text may name: itself, and the variable whose field it names."""
    field = parted(text)
    return [text] if field is None else [text, field.node]


def _bound(text: str, before: State, after: State) -> NodeName | None:
    if text.startswith("/"):
        return None if node_at(text, after) is not None else node_at(text, before)
    return _parsed(text)


def _parsed(text: str) -> NodeName | None:
    """Read a NodeId; None for the name of a point without a model."""
    try:
        return NodeName.parse(text)
    except NodeNameError:
        return None


def _recorded(config: Path) -> Iterator[str]:
    document = Document.read(config, Findings())
    if document is None:
        return
    settings = sound_part(ServerSettings, document.section(("server",))) if "server" in document else ServerSettings()
    folder = getattr(settings, "data_dir", "")
    file = document.base / folder / _HISTORY
    if folder and file.is_file():
        yield from asyncio.run(_points(file))


async def _points(file: Path) -> tuple[str, ...]:
    reader = SQLiteReader(file, lock_wait=5.0)
    try:
        return tuple(point for point in await reader.points() if not point.startswith(ANNOTATION_PREFIX))
    finally:
        await reader.close()
