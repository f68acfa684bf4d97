"""The ``twin:`` section of a connection."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from core.durations import PositiveDuration
from core.errors import SettingError
from server.pubsub.selection_settings import SelectionSettings

_THING: Final = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_SHADOW: Final = re.compile(r"[a-zA-Z0-9:_-]{1,64}")


def _is_a_thing(name: str) -> str:
    if name and not _THING.fullmatch(name):
        problem = f"{name!r} is no thing's name"
        raise SettingError(problem, "write up to 128 letters, digits, ':', '_' or '-'")
    return name


def _is_a_shadow(name: str) -> str:
    if name and not _SHADOW.fullmatch(name):
        problem = f"{name!r} is no shadow's name"
        raise SettingError(problem, "write up to 64 letters, digits, ':', '_' or '-'")
    return name


class TwinSettings(SelectionSettings):
    """Nodes whose values a cloud's twin of this gateway shows, and may set; chosen as a DataSet's are.

    ``thing``: the shadow's owner at AWS, the client id where it is empty; ``name``: the shadow's, the classic one where
    it is empty; ``report``: least time between two reports.
    """

    thing: Annotated[str, AfterValidator(_is_a_thing)] = ""
    name: Annotated[str, AfterValidator(_is_a_shadow)] = ""
    report: PositiveDuration = 5.0
