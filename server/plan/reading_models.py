"""Gets a model the cheapest way that is safe: as it was kept, else in a process apart, else, what is our own, here."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from core.collecting import no_collection
from core.settings import Document
from core.settings.partial import sound_part
from nodesets import library
from nodesets.compiled.lines import compiled
from nodesets.importing.kept import KeptModels, key_of
from nodesets.importing.reading import read_lines_apart
from nodesets.importing.request import Request
from nodesets.limits import MEBIBYTE, Limits
from nodesets.model import Model, let_go, read_model, standard_header
from nodesets.resolver import PACKAGED_MODELS, Resolution
from server.configuration import LimitSettings, ModelSettings, ServerSettings

FOLDER = "models"
_log = logging.getLogger("plantspace.model")


class ModelToKeep:
    """A model that was read from its files and can be kept in the data folder, so that the next start is faster."""

    def __init__(self, kept: KeptModels, key: str, made: Model | list[bytes]) -> None:
        """Take the model, or its lines where they are there already."""
        self._kept = kept
        self._key = key
        self._made: Model | list[bytes] | None = made

    def keep(self) -> None:
        """Write it, once, and let go of it. What goes wrong is logged: the next start takes longer, and that is all.

        Blocks. Nobody may need the records any more.
        """
        made, self._made = self._made, None
        if made is None:
            return
        try:
            self._kept.keep(self._key, list(compiled(made)) if isinstance(made, Model) else made)
        except OSError as error:
            _log.warning("the model is not kept for the next start: %s: %s", error.filename, error.strerror)
        if isinstance(made, Model):
            let_go(made)


async def read_models(document: Document, resolution: Resolution) -> tuple[Model, ModelToKeep | None]:
    """Read a configuration's models; nothing is written.

    Raises :class:`~nodesets.library.LibraryError` if the standard namespace is not there.
    """
    limits = _limits(document)
    request = Request(await asyncio.to_thread(standard_header), resolution, limits)
    kept = KeptModels(_data_dir(document) / FOLDER)
    key = await asyncio.to_thread(key_of, request)
    model = await asyncio.to_thread(kept.find, key, limits) if key is not None else None
    if model is not None:
        return model, None
    if await asyncio.to_thread(_is_our_own, resolution):
        model = made = await asyncio.to_thread(_read_here, request)
    else:
        model, made = await read_lines_apart(request)
    # Files that changed while they were read make a model that belongs to neither key.
    same = key is not None and not model.findings and key == await asyncio.to_thread(key_of, request)
    return model, ModelToKeep(kept, key, made) if same and key is not None else None


def _read_here(request: Request) -> Model:
    # The collector, looking at records as they come, would hold the event loop for 100 ms. They hold no circles.
    with no_collection(freeze=True):
        return read_model(request.resolution, request.limits, None, request.standard)


def _is_our_own(resolution: Resolution) -> bool:
    """Tell whether all files came with Plantspace; another process is not worth its start then."""
    ours = {one.file for files in library.published().values() for one in files}
    headers = [*resolution.files, *(header for headers in resolution.others.values() for header in headers)]
    return all(header.file in ours or header.file.is_relative_to(PACKAGED_MODELS) for header in headers)


def _limits(document: Document) -> Limits:
    part = sound_part(ModelSettings, document.section(("model",))) if "model" in document else None
    settings: LimitSettings = getattr(part, "limits", LimitSettings())
    return Limits(
        file_bytes=settings.file_mib * MEBIBYTE,
        total_bytes=settings.total_mib * MEBIBYTE,
        nodes=settings.nodes,
        references=settings.references,
        seconds=settings.time,
        memory_bytes=settings.memory_mib * MEBIBYTE,
    )


def _data_dir(document: Document) -> Path:
    part = sound_part(ServerSettings, document.section(("server",))) if "server" in document else None
    return document.base / getattr(part, "data_dir", ServerSettings().data_dir)
