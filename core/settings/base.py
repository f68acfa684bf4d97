"""The base of every room's and every driver's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from core.settings.references import HIDDEN, holds_reference


class Settings(BaseModel):
    """Validated settings: frozen, every unknown key refused, no NaN or infinity.

    A field whose text was filled in from ``${env:NAME}`` or ``${file:PATH}`` shows ``***`` in ``repr`` and in JSON.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        validate_default=False,
        protected_namespaces=(),
    )

    _hidden: frozenset[str] = PrivateAttr(default=frozenset())

    @model_serializer(mode="wrap")
    def _write_without_secrets(
        self, handler: SerializerFunctionWrapHandler, info: SerializationInfo[Any]
    ) -> dict[str, object]:
        written = cast("dict[str, object]", handler(self))
        if info.mode == "json":
            return {key: HIDDEN if self._hides(key) else value for key, value in written.items()}
        return written

    def __repr_args__(self) -> Iterable[tuple[str | None, object]]:
        for name, value in super().__repr_args__():
            yield name, HIDDEN if self._hides(name or "") else value

    def _hides(self, key: str) -> bool:
        """Tell whether a field, by its name or alias, shows ``***``; settings inside it hide their own."""
        for name, field in type(self).model_fields.items():
            if key in {name, field.alias} and {name, field.alias} & self._hidden:
                return not _is_settings(getattr(self, name))
        return False


def hide_references(built: object, data: object) -> None:
    """Let every settings in ``built`` remember which of its fields the references in ``data``, its input, filled in."""
    if isinstance(built, Settings) and isinstance(data, dict):
        given = cast("dict[str, object]", data)
        hidden = frozenset(key for key, value in given.items() if holds_reference(value))
        built._hidden = hidden  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its own module
        for name, field in type(built).model_fields.items():
            hide_references(getattr(built, name), given.get(field.alias or name))
    elif isinstance(built, Mapping) and isinstance(data, dict):
        given = cast("dict[str, object]", data)
        for key, member in cast("Mapping[object, object]", built).items():
            hide_references(member, given.get(str(key)))
    elif isinstance(built, list | tuple) and isinstance(data, list):
        for member, item in zip(cast("list[object]", built), cast("list[object]", data), strict=False):
            hide_references(member, item)


def _is_settings(value: object) -> bool:
    """Tell whether a value is settings, or a collection of nothing else."""
    if isinstance(value, Mapping):
        value = list(cast("Mapping[object, object]", value).values())
    if isinstance(value, list | tuple):
        return all(_is_settings(item) for item in cast("list[object]", value))
    return isinstance(value, Settings)
