"""What a settings class expects at a path: its fields, choices and examples."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.settings.plain import Step


@dataclass(frozen=True, slots=True)
class Shape:
    """The types that a place in the settings may have, and the field that it is, if it is one."""

    kinds: tuple[object, ...]
    field: FieldInfo | None = None

    @classmethod
    def of(cls, annotation: object, field: FieldInfo | None = None) -> Shape:
        """Make the shape of a type, with unions taken apart."""
        return cls(tuple(_members(annotation)), field)

    @property
    def models(self) -> list[type[BaseModel]]:
        """Give the settings classes among the types."""
        return [kind for kind in self.kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]

    def keys(self) -> list[str]:
        """Give the keys that the settings classes here know, as they are written."""
        return list(dict.fromkeys(key for model in self.models for key in written_keys(model)))

    def choices(self) -> list[str]:
        """Give the words that may stand here, where only certain ones may."""
        found: list[str] = []
        for kind in self.kinds:
            if get_origin(kind) is Literal:
                found += [str(choice) for choice in get_args(kind)]
            elif isinstance(kind, type) and issubclass(kind, enum.Enum):
                found += [str(member.value) for member in kind]
        return found

    def example(self) -> object:
        """Give the example that the field's author wrote, or None."""
        return self.field.examples[0] if self.field is not None and self.field.examples else None

    def step(self, step: Step) -> Shape:
        """Give the shape one step inside; without types where the step is not foreseen."""
        for model in self.models:
            field = written_keys(model).get(str(step))
            if field is not None:
                return Shape.of(field.annotation, field)
        inner: list[object] = []
        for kind in self.kinds:
            origin, arguments = get_origin(kind), get_args(kind)
            if not isinstance(origin, type) or not arguments:
                continue
            if issubclass(origin, Mapping):
                inner += _members(arguments[1])
            elif origin is tuple and isinstance(step, int) and step < len(arguments) and arguments[-1] is not Ellipsis:
                inner += _members(arguments[step])
            elif isinstance(step, int):
                inner += _members(arguments[0])
        return Shape(tuple(inner), self.field if isinstance(step, int) else None)

    def narrowed(self, tag: str) -> Shape:
        """Keep the settings class that pydantic names ``tag`` in a union: by its name or by its discriminator."""
        named = tuple(model for model in self.models if model.__name__ == tag or _tells(model, tag))
        return Shape(named, self.field) if named else self


def _tells(model: type[BaseModel], tag: str) -> bool:
    return any(tag in Shape.of(field.annotation).choices() for field in model.model_fields.values())


def written_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Give a settings class's fields by the keys that stand in the file."""
    return {_written(name, field): field for name, field in model.model_fields.items()}


def _written(name: str, field: FieldInfo) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else field.alias or name


def _members(annotation: object) -> list[object]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [kind for part in get_args(annotation) for kind in _members(part)]
    return [cast("Any", annotation)]
