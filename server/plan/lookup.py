"""Finds the nodes that bindings, operators, datasets and history name, and tells which are not there.

A name that another error keeps from being found is not told: whoever mends that error may find it well.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from fnmatch import fnmatchcase

from asyncua import ua

from core.errors import Findings, Place
from server.plan.model import PlannedModel
from server.ua_stack.browse import Directory, NodeNotFoundError

_SIGNS = "*?["


class Lookup:
    """Looks names up in a directory; a miss becomes a finding unless an error told elsewhere explains it."""

    def __init__(self, directory: Directory, model: PlannedModel, namespace: str, findings: Findings) -> None:
        """``namespace``: the URI of the gateway's own namespace."""
        self.directory = directory
        self._model = model
        self._own = f"nsu={namespace};s="
        self._findings = findings
        self.misses_rows = False
        """Whether rows of devices are missing because of something wrong with them."""
        self._generated: set[str] = set()
        self._unclear_paths: set[str] = set()
        self._unclear_ids: set[str] = set()
        self._unclear_members: set[str] = set()

    def telling(self, findings: Findings) -> Lookup:
        """Give what looks up the same, and tells what is wrong to others."""
        other = copy.copy(self)
        other._findings = findings  # noqa: SLF001 - its own class
        return other

    def generated(self, device: str) -> None:
        """Know that everything beneath ``/Objects/<device>`` comes of the device's section."""
        self._generated.add(device)

    def unclear_device(self, device: str) -> None:
        """Know that something is wrong with a device, so that tags of it may be missing."""
        self.misses_rows = True
        self._unclear_paths.add(f"/Objects/{device}")
        self._unclear_ids.add(f"{self._own}{device}.")

    def unclear_operator(self, name: str, paths: Iterable[str]) -> None:
        """Know that something is wrong with an operator, whose nodes would have had ``paths``."""
        self._unclear_ids.add(f"{self._own}analytics.{name}.")
        self._unclear_members.update(paths)

    def find(self, text: str, place: Place) -> ua.NodeId | None:
        """Find one node; None, and told, where it is not there."""
        try:
            return self.directory.find(text)
        except NodeNotFoundError as error:
            if not self.explains(text):
                self._findings.add(place, error.problem, error.mend)
            return None

    def match(self, pattern: str, place: Place) -> list[ua.NodeId]:
        """Find the variables that a name or pattern means; none, and told, where there are none."""
        try:
            return self.directory.match(pattern)
        except NodeNotFoundError as error:
            if not self.explains(pattern):
                self._findings.add(place, error.problem, error.mend)
            return []

    def explains(self, text: str) -> bool:
        """Tell whether an error told elsewhere may be why there is nothing of this name."""
        if not text.startswith("/"):
            own = text.startswith(self._own)
            return (self._model.incomplete and not own) or text.startswith(tuple(self._unclear_ids))
        literal = text[: min((text.find(sign) for sign in _SIGNS if sign in text), default=len(text))]
        has_signs = literal != text
        for path in self._unclear_paths:
            if text == path or literal.startswith(f"{path}/") or (has_signs and f"{path}/".startswith(literal)):
                return True
        if text in self._unclear_members:
            return True
        if has_signs and any(fnmatchcase(path, text) for path in self._unclear_members):
            return True
        device = text.removeprefix("/Objects/").partition("/")[0]
        if device in self._generated:
            return False
        return self._model.incomplete or (bool(self._model.lost) and self._is_lost(text))

    def _is_lost(self, text: str) -> bool:
        """Tell whether the first step that leads nowhere may be a node that the model's errors cut off."""
        path = ""
        for segment in text.removeprefix("/").split("/"):
            if any(sign in segment for sign in _SIGNS):
                return bool(self._model.lost)
            path = f"{path}/{segment}"
            try:
                self.directory.find(path)
            except NodeNotFoundError:
                return segment in self._model.lost or segment.partition(":")[2] in self._model.lost
        return False
