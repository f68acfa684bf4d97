"""Finds the operators: every package below ``analytics/`` with a ``manifest`` module."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from types import ModuleType

import analytics
from analytics.contract import OperatorManifest
from core.errors import PlantspaceError


class OperatorPackageError(PlantspaceError):
    """An operator package is not one: its manifest module has no ``MANIFEST``, or two packages share a name."""


def find_operators(room: ModuleType = analytics) -> dict[str, OperatorManifest]:
    """Give the manifests of the packages in ``room`` by the name that the configuration uses.

    Raises :class:`OperatorPackageError`.
    """
    found: dict[str, OperatorManifest] = {}
    for module in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
        place = f"{module.name}.manifest"
        if not module.ispkg or importlib.util.find_spec(place) is None:
            continue
        manifest = getattr(importlib.import_module(place), "MANIFEST", None)
        if not isinstance(manifest, OperatorManifest):
            message = f"{place} has no MANIFEST of type OperatorManifest; define one"
            raise OperatorPackageError(message)
        if manifest.name in found:
            message = f"{place} calls itself {manifest.name!r}, as another operator does; give it a name of its own"
            raise OperatorPackageError(message)
        found[manifest.name] = manifest
    return found
