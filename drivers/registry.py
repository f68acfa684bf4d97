"""Finds the driver packages: every folder ``drivers/<name>/`` that holds a ``manifest.py``.

A manifest is imported when its driver is asked for and not before: a plant without CAN never loads the CAN libraries.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import drivers
from core.errors import SettingError
from core.settings import nearest
from drivers.contract import Manifest

_CARD = "manifest"


def names() -> list[str]:
    """Name the drivers there are, sorted; imports none of them."""
    found: set[str] = set()
    for folder in drivers.__path__:
        for package in pkgutil.iter_modules([folder]):
            inside = pkgutil.iter_modules([str(Path(folder) / package.name)]) if package.ispkg else ()
            if any(module.name == _CARD for module in inside):
                found.add(package.name)
    return sorted(found)


def manifest(name: str) -> Manifest:
    """Give the manifest of the driver ``name``.

    Raises:
        SettingError: There is no such driver (the nearest one is named), or its package cannot be loaded.
    """
    known = names()
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}? " if near else ""
        problem = f"there is no driver {name!r}"
        raise SettingError(problem, f"{hint}drivers are {', '.join(known)}")
    try:
        card: object = getattr(importlib.import_module(f"{drivers.__name__}.{name}.{_CARD}"), "MANIFEST", None)
    except ImportError as error:
        problem = f"the driver {name} cannot be loaded: {error}"
        raise SettingError(problem, "install what it needs") from error
    if not isinstance(card, Manifest) or card.name != name:
        problem = f"drivers/{name}/manifest.py does not hold a MANIFEST named {name!r}"
        raise SettingError(problem, "see docs/how-to/write-a-driver.md")
    return card


def manifests() -> list[Manifest]:
    """Give all manifests, by name; loads every driver's card.

    Raises:
        SettingError: As :func:`manifest`.
    """
    return [manifest(name) for name in names()]
