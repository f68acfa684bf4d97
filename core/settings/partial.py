"""What can be said of settings of which something is wrong, so that one error does not hide others."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from pydantic import ValidationError, create_model

from core.errors import Findings, Place
from core.settings import Plain, Section, Settings, nearest
from core.settings.references import References, Resolved

S = TypeVar("S", bound=Settings)


def sound_part(model: type[S], section: Section) -> S | None:
    """Build settings of the keys that are right; what is wrong, or missing, raises :class:`AttributeError` when read.

    That goes for a key that was misspelled too. None where the keys do not go together. The findings are
    :func:`core.settings.build`'s to make.
    """
    data = section.data if isinstance(section.data, dict) else {}
    fields = {one.alias or name: name for name, one in model.model_fields.items()}
    given = cast("dict[str, object]", _filled(section, data))
    values = {key: value for key, value in given.items() if key in fields and not _is_lost(value)}
    wrong = {key for key in given if key in fields and key not in values}
    meant = (nearest(key, fields) for key in given if key not in fields)
    wrong |= {key for key in meant if key is not None and key not in values}
    try:
        model.model_validate({key: value for key, value in values.items() if key not in wrong})
    except ValidationError as error:
        places = [one["loc"] for one in error.errors(include_url=False)]
        if not all(places):
            return None
        wrong |= {str(place[0]) for place in places}
    required = {fields[key] for key in wrong if model.model_fields[fields[key]].is_required()}
    optional: dict[str, Any] = dict.fromkeys(required, (Any, None))
    relaxed = create_model(model.__name__, __base__=model, **optional)
    try:
        part = relaxed.model_validate({key: value for key, value in values.items() if key not in wrong})
    except (ValidationError, AttributeError, TypeError):
        return None
    held = cast("dict[str, object]", vars(part))
    for key in wrong:
        held.pop(fields[key], None)
    return part


def texts_of(section: Section, key: str) -> list[tuple[str, Place]]:
    """Give the texts of a list with their places; what else stands there is the settings' to tell."""
    held = section.section((key,)).data if key in section else None
    if not isinstance(held, list):
        return []
    filled = cast("list[object]", _filled(section, held))
    return [
        (text, section.place((key, position)))
        for position, text in enumerate(filled)
        if isinstance(text, str) and not _is_lost(text)
    ]


def _filled(section: Section, data: Plain) -> Any:  # noqa: ANN401 - goes to pydantic, which takes Any
    return References(section.base, section.place, Findings()).fill(data)


def _is_lost(value: object) -> bool:
    """Tell whether a reference inside a value leads nowhere."""
    if isinstance(value, dict):
        return any(_is_lost(item) for item in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return any(_is_lost(item) for item in cast("list[object]", value))
    return isinstance(value, Resolved) and value.missing
