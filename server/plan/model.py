"""The ``model:`` section: its NodeSets loaded into the address space, or sketched there where something is wrong."""

from __future__ import annotations

import asyncio
import glob
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import Finding, Findings, InputError, Place
from core.settings import Document, Section, build
from nodesets.loader import LoadedModel, load
from nodesets.resolver import PACKAGED_MODELS, Resolution, resolve
from nodesets.validation import read_outlines, validate
from server.configuration import DEFAULT_SEARCH, ModelSettings
from server.plan.partial import texts_of
from server.ua_stack.sketch import sketch
from server.ua_stack.stack import UaStack


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """What became of the models. ``loaded`` is None where anything is wrong with them: then they are sketched."""

    loaded: LoadedModel | None
    incomplete: bool = False
    """Whether nodes may be missing that a sound model would have."""
    lost: frozenset[str] = frozenset()
    """BrowseNames of nodes that no path leads to, because of what is wrong."""


@dataclass(frozen=True, slots=True)
class FoundModels:
    """The files of the models, in the order of their loading. ``incomplete``: not all of them were found."""

    resolution: Resolution
    incomplete: bool


def find_models(document: Document, findings: Findings) -> FoundModels:
    """Find the NodeSets' files and their order; what is not there becomes findings. Blocks on the files."""
    section = document.section(("model",)) if "model" in document else None
    files: list[Path] = [PACKAGED_MODELS / "plantspace.NodeSet2.xml"]
    folders = [document.base / folder for folder in DEFAULT_SEARCH]
    before = len(findings.items)
    unclear = False
    if section is not None:
        unclear = build(ModelSettings, section, Findings()) is None
        files += _files(section, findings)
        if "search" in section:
            folders = [document.base / folder for folder, _ in texts_of(section, "search")]
    resolution = resolve(files, folders)
    if unclear:
        resolution = replace(resolution, findings=_without_missing(resolution))
    incomplete = unclear or len(findings.items) > before or bool(resolution.findings or resolution.missing)
    return FoundModels(resolution, incomplete)


async def load_models(stack: UaStack, found: FoundModels, findings: Findings) -> PlannedModel:
    """Load the models; with errors, which become findings, sketch them."""
    try:
        if found.resolution.missing:
            raise InputError(await asyncio.to_thread(validate, found.resolution))  # noqa: TRY301 - as loading does
        return PlannedModel(await load(stack.server, found.resolution), found.incomplete)
    except InputError as error:
        findings.extend(error.findings)
    outlines = await asyncio.to_thread(read_outlines, found.resolution)
    damaged = any(outline.findings or not outline.complete for outline in outlines)
    lost = await sketch(stack, outlines)
    return PlannedModel(None, found.incomplete or damaged, lost)


def _files(section: Section, findings: Findings) -> list[Path]:
    files: list[Path] = []
    for pattern, place in texts_of(section, "nodesets"):
        found = sorted(glob.glob(str(section.base / pattern), recursive=True))  # noqa: PTH207 - patterns may be absolute, which Path.glob refuses
        if not found:
            findings.add(place, f"no file matches {pattern}", f"relative names begin at {section.base.resolve()}")
        files.extend(Path(name) for name in found)
    return files


def _without_missing(resolution: Resolution) -> tuple[Finding, ...]:
    """Leave out the models that no file has: the files may stand where the settings are wrong."""
    places: set[Place] = set()
    for header in resolution.files:
        for model in header.models:
            for need in model.required:
                if need.uri in resolution.missing:
                    places.add(need.place if need.place.line else Place.of(header.file))
    return tuple(finding for finding in resolution.findings if finding.place not in places)
