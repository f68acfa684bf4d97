"""Load resolved NodeSets into a server's address space: all of them, or none.

asyncua's importer stands behind this face for now: it reads values and DataType definitions and registers Python
classes for structures, which its codec needs. What it loses is done in :mod:`nodesets.importer`. When our own importer
replaces it, :func:`load` and :class:`LoadedModel` stay as they are.
"""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false, reportArgumentType=false
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncua import Server, ua

from core.errors import Finding, InputError, Place
from nodesets.header import Header, Model
from nodesets.importer import NodeSetImporter
from nodesets.outline import Outline
from nodesets.resolver import Resolution
from nodesets.validation import examine, read_outlines

_log = logging.getLogger(__name__)
_ASYNCUA_LOGGERS = (
    "asyncua.common.xmlimporter",
    "asyncua.common.xmlparser",
    "asyncua.common.instantiate_util",
    "asyncua.common.structures104",
    "asyncua.server.address_space",
    "asyncua.ua.uatypes",
)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What was loaded, in load order. ``namespaces`` is the server's NamespaceArray, ``outlines`` have the nodes."""

    namespaces: tuple[str, ...]
    files: tuple[Path, ...]
    outlines: tuple[Outline, ...]
    warnings: tuple[Finding, ...]


async def load(server: Server, resolution: Resolution) -> LoadedModel:
    """Validate and import all files of a resolution, at start-up before clients are served.

    Raises :class:`InputError` with every finding if anything is wrong; the address space is then as it was. The event
    loop is held for tens of milliseconds a file.
    """
    outlines = await asyncio.to_thread(read_outlines, resolution)
    findings = await asyncio.to_thread(examine, resolution, outlines)
    if findings:
        raise InputError(findings)
    warnings = list(resolution.warnings)
    before = await _AddressSpaceState.of(server)
    with _asyncua_told_at_debug():
        for header, outline in zip(resolution.files, outlines, strict=True):
            try:
                warnings += await _load_file(server, header, outline)
            except Exception as error:
                await before.restore(server)
                problem = f"cannot be loaded: {type(error).__name__}: {error}"
                raise InputError([Finding(Place.of(header.file), problem, "nothing was loaded")]) from error
    namespaces = tuple(await server.get_namespace_array())
    return LoadedModel(namespaces, tuple(header.file for header in resolution.files), outlines, tuple(warnings))


async def _load_file(server: Server, header: Header, outline: Outline) -> Sequence[Finding]:
    for uri in outline.namespaces:
        await server.register_namespace(uri)
    namespaces = await server.get_namespace_array()
    importer = NodeSetImporter(server, outline, namespaces)
    await importer.import_nodes()
    for model in header.models:
        await _describe_namespace(server, model, namespaces)
    return importer.warnings.items


async def _describe_namespace(server: Server, model: Model, namespaces: Sequence[str]) -> None:
    """Give a namespace its NamespaceMetadata (Part 5 v1.05 6.3.14) where the file brings none."""
    present = await server.nodes.namespaces.get_children_descriptions()
    if model.uri not in namespaces or any(child.BrowseName.Name == model.uri for child in present):
        return
    index = namespaces.index(model.uri)
    metadata = await server.nodes.namespaces.add_object(
        ua.NodeId(f"NamespaceMetadata/{model.uri}", 1),
        ua.QualifiedName(model.uri, ua.UInt16(index)),
        ua.NodeId(ua.ObjectIds.NamespaceMetadataType),
        instantiate_optional=False,
    )
    values: dict[str, tuple[Any, ua.VariantType]] = {
        "NamespaceUri": (model.uri, ua.VariantType.String),
        "NamespaceVersion": (model.version, ua.VariantType.String),
        "NamespacePublicationDate": (model.published, ua.VariantType.DateTime),
        "IsNamespaceSubset": (False, ua.VariantType.Boolean),
    }
    for name, (value, kind) in values.items():
        if value is not None:
            await (await metadata.get_child(name)).write_value(value, kind)


class _AddressSpaceState:
    """What an address space held, to go back to."""

    def __init__(self, server: Server, namespaces: list[str]) -> None:
        space = server.iserver.aspace
        self._namespaces = namespaces
        self._references = {key: list(space[key].references) for key in space.keys()}  # noqa: SIM118 - an AddressSpace has no __iter__

    @classmethod
    async def of(cls, server: Server) -> _AddressSpaceState:
        return cls(server, await server.get_namespace_array())

    async def restore(self, server: Server) -> None:
        space = server.iserver.aspace
        for key in list(space.keys()):
            if key in self._references:
                space[key].references[:] = self._references[key]
            else:
                del space[key]
        await server.get_node(ua.NodeId(ua.ObjectIds.Server_NamespaceArray)).write_value(self._namespaces)


class _Forward(logging.Handler):
    """Tells asyncua's remarks on an import at DEBUG; what matters of them is told as findings with places."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("%s: %s", record.name, record.getMessage())


@contextlib.contextmanager
def _asyncua_told_at_debug() -> Generator[None]:
    handler = _Forward()
    loggers = [logging.getLogger(name) for name in _ASYNCUA_LOGGERS]
    before = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, propagate in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = propagate
