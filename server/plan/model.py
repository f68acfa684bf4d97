"""The ``model:`` section: its NodeSets loaded into the address space, as far as they are right."""

from __future__ import annotations

import asyncio
import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import Finding, Findings, InputError, Place
from core.settings import Document, Section, build
from core.settings.partial import texts_of
from nodesets.alike import alike
from nodesets.datatypes.registry import TypeRegistry
from nodesets.library import LibraryError
from nodesets.model import Model
from nodesets.names import NodeName
from nodesets.resolver import PACKAGED_MODELS, NamedModel, Resolution, resolve
from server.configuration import DEFAULT_SEARCH, ModelSettings
from server.model_change.imported import imports_folder, with_imported
from server.plan.instances import plan_instances
from server.plan.reading_models import ModelToKeep, read_models
from server.ua_stack.model_nodes import unreached
from server.ua_stack.stack import UaStack

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""How a URI begins (RFC 3986 3.1). One letter alone would be a drive."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What was loaded: the files in load order, what was told and survived, each kind once, and the DataTypes."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...]
    types: TypeRegistry
    to_keep: ModelToKeep | None
    """What makes the next start faster, once there is a data folder; None where that is there already."""


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """What became of the models. ``loaded`` is None where anything is wrong with them.

    Then names are looked up in what there is of them, and nothing is served.
    """

    loaded: LoadedModel | None
    incomplete: bool = False
    """Whether nodes may be missing that a sound model would have."""
    lost: frozenset[str] = frozenset()
    """BrowseNames of nodes that no path leads to, because of what is wrong."""
    instances: frozenset[NodeName] = frozenset()
    """The nodes of configured instances."""


@dataclass(frozen=True, slots=True)
class FoundModels:
    """The files of the models, in the order of their loading. ``incomplete``: not all of them were found."""

    resolution: Resolution
    incomplete: bool


def find_models(document: Document, findings: Findings, imports: Path | None = None) -> FoundModels:
    """Find the NodeSets' files and their order; what is not there becomes findings. Blocks on the files.

    ``imports``: the folder of NodeSets that came over OPC UA, by default the data folder's own.
    """
    section = document.section(("model",)) if "model" in document else None
    files: list[Path] = []
    models: list[NamedModel] = []
    folders = [document.base / folder for folder in DEFAULT_SEARCH]
    unasked = {Place.of(folder) for folder in folders}
    before = len(findings.items)
    unclear = False
    if section is not None:
        unclear = build(ModelSettings, section, Findings()) is None
        files, models = _named(section, findings)
        if "search" in section:
            unasked = set[Place]()
            folders = [document.base / folder for folder, _ in texts_of(section, "search")]
    files, replaced = with_imported(files, imports or imports_folder(document))
    resolution = resolve([PACKAGED_MODELS / "plantspace.NodeSet2.xml", *files], folders, models)
    # Nobody asked for the default folders, so nobody need hear that there is none.
    told = (warning for warning in resolution.warnings if warning.place not in unasked)
    resolution = replace(resolution, warnings=(*told, *replaced))
    if unclear:
        resolution = replace(resolution, findings=_without_missing(resolution, models))
    incomplete = unclear or len(findings.items) > before or bool(resolution.findings or resolution.missing)
    return FoundModels(resolution, incomplete)


async def load_models(
    stack: UaStack, document: Document, found: FoundModels, namespace: str, findings: Findings
) -> PlannedModel:
    """Read the models and load them, with the configured instances, into the address space of ``stack``.

    What is wrong becomes findings. ``namespace``: the gateway's own, which the instances' NodeIds are of.
    """
    try:
        model, to_keep = await read_models(document, found.resolution)
    except LibraryError as error:
        raise InputError([*findings.items, Finding(Place.of("plantspace"), str(error))]) from error
    instances = await asyncio.to_thread(plan_instances, document, model.nodes, namespace, findings)
    made = {record.name: record for record in instances.records}
    problems = await stack.prepare(replace(model, nodes={**model.nodes, **made}), namespace)
    findings.extend(model.findings)
    incomplete = found.incomplete or not instances.complete
    files = tuple(nodeset.file for nodeset in model.nodesets[1:])
    if not model.findings:
        warnings = await asyncio.to_thread(_told, model)
        loaded = LoadedModel(files, (*warnings, *problems), model.types, to_keep)
        return PlannedModel(loaded, incomplete, frozenset(instances.lost), frozenset(made))
    lost = unreached(stack.internal.space, model, await stack.namespaces()) | instances.lost
    return PlannedModel(None, incomplete or _is_damaged(model, found), lost, frozenset(made))


def _told(model: Model) -> tuple[str, ...]:
    return tuple(map(str, alike(model.warnings)))


def _is_damaged(model: Model, found: FoundModels) -> bool:
    lacks_files = len(model.nodesets) <= len(found.resolution.files)
    return lacks_files or any(nodeset.problems or not nodeset.complete for nodeset in model.nodesets)


def _named(section: Section, findings: Findings) -> tuple[list[Path], list[NamedModel]]:
    """Give what ``nodesets`` lists: files, and models by their URIs, which resolving finds."""
    files: list[Path] = []
    models: list[NamedModel] = []
    for entry, place in texts_of(section, "nodesets"):
        if _URI.match(entry):
            models.append(NamedModel(entry, place))
            continue
        found = sorted(glob.glob(str(section.base / entry), recursive=True))  # noqa: PTH207 - patterns may be absolute, which Path.glob refuses
        if not found:
            findings.add(place, f"no file matches {entry}", f"relative names begin at {section.base.resolve()}")
        files.extend(Path(name) for name in found)
    return files, models


def _without_missing(resolution: Resolution, named: Sequence[NamedModel]) -> tuple[Finding, ...]:
    """Leave out the models that no file has: the files may stand where the settings are wrong."""
    places = {model.place for model in named if model.uri in resolution.missing}
    for header in resolution.files:
        for model in header.models:
            for need in model.required:
                if need.uri in resolution.missing:
                    places.add(need.place if need.place.line else Place.of(header.file))
    return tuple(finding for finding in resolution.findings if finding.place not in places)
