"""Reads a model apart from the event loop and, what comes from outside, apart from the gateway's process."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from nodesets.importing.child import Progress, ReadingChild
from nodesets.importing.request import Request
from nodesets.limits import Limits
from nodesets.model import Model, standard_header
from nodesets.resolver import Resolution


async def read_model_apart(
    resolution: Resolution, limits: Limits | None = None, *, progress: Progress | None = None
) -> Model:
    """Read all files of a resolution, and the standard namespace, in a process with limits.

    Whatever becomes of that process is a finding of the model. ``progress`` is called with each file as it is begun, on
    the event loop. Cancelled, it ends the process first.

    Raises :class:`~nodesets.library.LibraryError` if the standard namespace is not there.
    """
    standard = await asyncio.to_thread(standard_header)
    model, _ = await read_lines_apart(Request(standard, resolution, limits or Limits()), progress)
    return model


async def read_lines_apart(request: Request, progress: Progress | None = None) -> tuple[Model, list[bytes]]:
    """Do as :func:`read_model_apart`, and give the model's lines as well; none where the reading failed."""
    loop = asyncio.get_running_loop()

    def heard(file: Path) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, file)

    child = ReadingChild(request, heard)
    reading = asyncio.ensure_future(asyncio.to_thread(child.run))
    try:
        return await asyncio.shield(reading), child.lines
    except asyncio.CancelledError:
        child.kill()
        with contextlib.suppress(Exception):
            await reading
        raise
