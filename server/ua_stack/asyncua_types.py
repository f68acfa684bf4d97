"""Loads asyncua's types with their methods still to be made.

asyncua declares the structures of Part 4 as some 400 dataclasses, of which a gateway makes a few dozen. Each costs the
compiling of ``__init__``, ``__repr__`` and ``__eq__``: half of asyncua's import, and a tenth of a gateway's start.
Here they are compiled once the first of them is called (seam: ``dataclasses.dataclass`` while asyncua is imported).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, Final

METHODS: Final = ("__init__", "__repr__", "__eq__")
_SAID: Final = ("default", "default_factory", "init", "repr", "compare", "kw_only")
_MADE_AT_ONCE: Final = dataclasses.dataclass


def load_types() -> None:
    """Import asyncua's types, cheaply; without effect where they are imported already."""
    if "asyncua.ua" in sys.modules:
        return
    dataclasses.dataclass = made_when_called
    try:
        import_module("asyncua.ua")  # under this decorator; none of ours is
    finally:
        dataclasses.dataclass = _MADE_AT_ONCE


def made_when_called(cls: type[Any] | None = None, /, **options: Any) -> Any:
    """Decorate as :func:`dataclasses.dataclass` does, but compile :data:`METHODS` at the first call of one of them.

    A class that has a say in them, or options other than ``slots``, is made at once.
    """
    if cls is None:
        return partial(made_when_called, **options)
    has_a_say = hasattr(cls, "__post_init__") or not cls.__dict__.keys().isdisjoint((*METHODS, "__hash__"))
    if has_a_say or options != {"slots": True}:
        return _MADE_AT_ONCE(**options)(cls)
    made: type[Any] = _MADE_AT_ONCE(init=False, repr=False, eq=False, slots=True)(cls)
    for name in METHODS:
        setattr(made, name, _completing(made, name))
    made.__hash__ = None  # type: ignore[assignment]  # as dataclasses do where there is __eq__
    return made


def _completing(made: type[Any], name: str) -> Callable[..., Any]:
    def method(self: object, *arguments: Any, **named: Any) -> Any:
        _complete(made)
        return getattr(made, name)(self, *arguments, **named)

    return method


def _complete(made: type[Any]) -> None:
    """Give a class the methods of another of the same fields. Safe twice, and in several threads at once."""
    declared = [(one.name, one.type, _again(one)) for one in dataclasses.fields(made)]
    twin = dataclasses.make_dataclass(made.__name__, declared, slots=True)
    for name in METHODS:
        method = twin.__dict__[name]
        method.__module__, method.__qualname__ = made.__module__, f"{made.__qualname__}.{name}"
        setattr(made, name, method)


def _again(one: dataclasses.Field[Any]) -> Any:
    """Give a declaration that says what a field's says; the field itself belongs to its class."""
    said: dict[str, Any] = {name: getattr(one, name) for name in _SAID}
    return dataclasses.field(**said)
