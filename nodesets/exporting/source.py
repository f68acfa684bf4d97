"""Finds the file of a model by its URI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError
from core.settings import nearest
from nodesets.exporting.export import ExportError
from nodesets.header import Header, read_header
from nodesets.library import published
from nodesets.resolver import PACKAGED_MODELS

_UNDATED = datetime.min.replace(tzinfo=UTC)


def file_of_model(uri: str, search: Sequence[Path]) -> Path:
    """Give the newest file of a model: of the folders, then of those that come with Plantspace.

    Raises :class:`ExportError` where there is none, with the nearest URI that there is.
    """
    in_folders = list(_headers(search))
    found = _newest(uri, in_folders) or _newest(uri, (read_header(one.file) for one in published().get(uri, ())))
    if found is not None:
        return found
    near = nearest(uri, {*published(), *(model.uri for header in in_folders for model in header.models)})
    mend = f"did you mean {near}?" if near else "name the folder that has its file with --search"
    message = f"no file holds the model {uri} ({mend})"
    raise ExportError(message)


def _headers(search: Sequence[Path]) -> Iterator[Header]:
    for folder in (*search, PACKAGED_MODELS):
        for path in sorted(folder.rglob("*.xml")):
            try:
                yield read_header(path)
            except InputError:
                continue  # a folder may hold other XML


def _newest(uri: str, headers: Iterator[Header] | Sequence[Header]) -> Path | None:
    dated = [
        (model.published or _UNDATED, -place, header.file)
        for place, header in enumerate(headers)
        for model in header.models
        if model.uri == uri
    ]
    return max(dated)[2] if dated else None
