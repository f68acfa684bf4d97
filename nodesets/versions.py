"""Which of two versions of a model is older: by PublicationDate, else by ModelVersion, else by Version (F.5)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nodesets.header import Header, Model, RequiredModel

UNDATED = datetime.min.replace(tzinfo=UTC)
Version = tuple[tuple[int, int | str], ...]


def model_of(header: Header, uri: str) -> Model:
    """Give a file's entry for a model that it holds."""
    return next(model for model in header.models if model.uri == uri)


def older(model: Model, need: RequiredModel) -> tuple[str, str] | None:
    """Give, in words, what is required and what is there, where that is older; else None."""
    if model.published is not None and need.published is not None:
        if model.published >= need.published:
            return None
        return f"of {need.published:%Y-%m-%d}", f"of {model.published:%Y-%m-%d}"
    for found, wanted in ((model.model_version, need.model_version), (model.version, need.version)):
        if found and wanted:
            return (wanted, found) if _ordered(found) < _ordered(wanted) else None
    return None


def age(header: Header, uri: str) -> tuple[datetime, Version]:
    """Give what files of one model are compared by."""
    model = model_of(header, uri)
    return model.published or UNDATED, _ordered(model.model_version or model.version)


def _ordered(version: str) -> Version:
    """Give what versions are compared by. Published ones are texts such as ``1.05.04`` and ``RC 1``."""
    parts = re.findall(r"\d+|[a-z]+", version.casefold())
    # A number goes after a word, so that 1.0 is newer than 1.0 RC: the word makes what is to come of it.
    return (*((1, int(part[:9])) if part.isdigit() else (-1, part) for part in parts), (0, 0))
