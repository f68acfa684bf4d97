"""Settings that are right one by one and do not go together: all of it is told at once."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from core.errors import SettingError


def raise_clashes(settings: BaseModel, clashes: Mapping[str, SettingError]) -> None:
    """Raise what a model's validator has found, each under the key at which it is to be told; nothing for nothing.

    Raises:
        ValidationError: There are clashes. Pydantic takes its lines over, so that ``build`` gives each its place.
    """
    if clashes:
        lines = [
            InitErrorDetails(type="value_error", loc=(key,), input=getattr(settings, key), ctx={"error": error})
            for key, error in clashes.items()
        ]
        raise ValidationError.from_exception_data(type(settings).__name__, lines, hide_input=True)
