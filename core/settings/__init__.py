"""Settings: documents and tables that know the place of everything in them, and the classes they are validated as."""

from __future__ import annotations

from core.durations import Duration, PositiveDuration, format_duration, parse_duration
from core.errors import SettingError
from core.settings.base import Settings
from core.settings.clashes import raise_clashes
from core.settings.csv_table import Row, read_table, write_table
from core.settings.document import Document, Section
from core.settings.files import replace_file
from core.settings.nearest import nearest
from core.settings.plain import Plain, Step
from core.settings.secrets import Secret
from core.settings.validate import build, choose

__all__ = [
    "Document",
    "Duration",
    "Plain",
    "PositiveDuration",
    "Row",
    "Secret",
    "Section",
    "SettingError",
    "Settings",
    "Step",
    "build",
    "choose",
    "format_duration",
    "nearest",
    "parse_duration",
    "raise_clashes",
    "read_table",
    "replace_file",
    "write_table",
]
