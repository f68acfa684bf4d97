"""Optional libraries for tables and plots, and what to say where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from core.errors import PlantspaceError


class ExtraMissingError(PlantspaceError):
    """A command needs a library that is not installed; the message says how to get it."""


def load(module: str, extra: str, what: str) -> Any:  # noqa: ANN401 - a module without annotations
    """Import an optional library. Raises :class:`ExtraMissingError`."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        message = f"{what} needs {package}, which is not installed (pip install 'plantspace[{extra}]')"
        raise ExtraMissingError(message) from error


def arrow() -> tuple[Any, Any]:
    """Give ``pyarrow`` and ``pyarrow.parquet``. Raises :class:`ExtraMissingError`."""
    return load("pyarrow", "tables", "Parquet"), load("pyarrow.parquet", "tables", "Parquet")
