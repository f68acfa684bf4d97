"""Writes a model as a NodeSet2 file."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.errors import InputError
from core.settings import nearest
from nodesets.exporting.export import Export, ExportedModel, ExportError, Requirement, export_of, standard_aliases
from nodesets.exporting.source import file_of_model
from nodesets.exporting.writing import save_nodeset, write_nodeset
from nodesets.model import Model, read_model
from nodesets.names import STANDARD_NAMESPACE
from nodesets.resolver import resolve
from server.cli.terminal import Progress, counted


def export(uri: str, search: Sequence[Path], output: Path | None, config: Path | None = None) -> None:
    """Write a model to a file, or to standard output for None. ``config``: take it from that configuration.

    Raises :class:`~nodesets.exporting.export.ExportError`, :class:`InputError` where the model is not sound, and
    :class:`OSError`; an old file then stays as it is.
    """
    with Progress(f"reading {uri}"):
        exported = _read(uri, search) if config is None else asyncio.run(_of_gateway(uri, config))
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


async def _of_gateway(uri: str, config: Path) -> Export:
    """Give a namespace as the gateway of a configuration has it."""
    # Loaded when needed: this is half of Plantspace.
    from server.plan import plan_gateway  # noqa: PLC0415
    from server.plan.plan import version  # noqa: PLC0415
    from server.ua_stack.model_records import records_of  # noqa: PLC0415

    plan = await plan_gateway(config)
    try:
        namespaces = await plan.stack.server.get_namespace_array()
        model = await asyncio.to_thread(read_model, resolve(plan.model.files))
        if any(entry.uri == uri for nodeset in model.nodesets for entry in nodeset.header.models):
            return export_of(model, uri)
        if uri not in namespaces:
            near = nearest(uri, namespaces)
            message = f"the gateway has no namespace {uri}" + (f" (did you mean {near}?)" if near else "")
            raise ExportError(message)
        nodes = records_of(plan.stack.internal.space, uri, namespaces, plan.model.types)
        return Export(
            models=(ExportedModel(uri=uri, version=version(), required=tuple(_requirements(model))),),
            nodes=nodes,
            types=plan.model.types,
            namespaces=(uri,),
            aliases=standard_aliases(model.nodes.values()),
        )
    finally:
        await plan.discard()


def _requirements(model: Model) -> Iterator[Requirement]:
    for nodeset in model.nodesets:
        for entry in nodeset.header.models:
            yield Requirement(entry.uri, entry.version, entry.published, entry.model_version)
