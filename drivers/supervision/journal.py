"""What the log says of one device: each thing once, however often it happens."""

from __future__ import annotations

import logging

from core.errors import PlantspaceError
from core.quality import symbol

_log = logging.getLogger("plantspace.devices")


class Journal:
    """Writes one device's story to the log ``plantspace.devices``."""

    def __init__(self, device: str) -> None:
        """Begin with nothing told."""
        self._device = device
        self._faults: set[str] = set()
        self._down = ""
        self._failed_writes: dict[str, str] = {}

    def lost(self, error: BaseException) -> None:
        """Tell why the device is lost; again only when the reason is another. A driver's bug comes with its trace."""
        if not isinstance(error, PlantspaceError | OSError):
            self.fault("its driver failed", error)
        words = str(error) or repr(error)
        if words != self._down:
            self._down = words
            _log.warning("device %s: %s", self._device, words)

    def back(self, how: str) -> None:
        """Tell that a lost device is back."""
        if self._down:
            self._down = ""
            _log.info("device %s: %s again", self._device, how)

    def write_failed(self, node: str, status: int, why: str) -> None:
        """Tell why a point's write was not answered Good; again only when it is for another reason.

        Whoever writes the same in a loop must not fill the log: a point is told of again after a write that succeeds.
        """
        kind = f"{symbol(status)}: {why}"
        if self._failed_writes.get(node) != kind:
            self._failed_writes[node] = kind
            _log.warning("device %s: a write to %s is answered %s", self._device, node, kind)

    def write_taken(self, node: str) -> None:
        """Note a write that succeeded."""
        self._failed_writes.pop(node, None)

    def fault(self, what: str, error: BaseException) -> None:
        """Tell a fault of our own code with its traceback, the first time only."""
        kind = f"{what}: {type(error).__name__}"
        if kind not in self._faults:
            self._faults.add(kind)
            _log.error("device %s: %s", self._device, what, exc_info=error)
