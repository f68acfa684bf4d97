"""From what somebody wants written to what waits for the device: checked, turned into raw values, counted."""

from __future__ import annotations

import asyncio
from typing import Any

from core.errors import DeviceRefused
from core.quality import Status, is_bad
from drivers.contract import BoundPoint, Capability, DeviceSettings, Manifest
from drivers.supervision.clock import Clock
from drivers.supervision.diagnostics import Diagnostics
from drivers.supervision.journal import Journal
from drivers.supervision.verified_writes import Surroundings, VerifiedWrites
from drivers.supervision.write_back import to_device
from drivers.supervision.write_queue import AskedWrite, WriteQueue


class AskedWrites:
    """Takes the writes to one device."""

    def __init__(
        self,
        device: str,
        manifest: Manifest,
        settings: DeviceSettings,
        turn: asyncio.Lock,
        clock: Clock,
        known: Diagnostics,
        journal: Journal,
        around: Surroundings,
    ) -> None:
        """``turn`` is what scans take too; ``known`` counts."""
        self._device, self._manifest, self._known, self._journal = device, manifest, known, journal
        self._around = around
        verified = VerifiedWrites(manifest, settings, journal, around)
        self._queue = WriteQueue(device, turn, clock, settings.write_deadline, verified.perform)

    def submit(self, point: BoundPoint, value: Any) -> AskedWrite:  # noqa: ANN401 - any value of a built-in type
        """Ask for a write of an engineering value; what cannot be sent is answered at once."""
        asked = AskedWrite(point, self._answered)
        self._known.writes += 1
        try:
            asked.raw = self._raw(point, value)
        except DeviceRefused as refusal:
            if refusal.status != Status.BAD_NO_COMMUNICATION:  # why it is not connected is told already, and better
                self._around.note(str(refusal))
            self._journal.write_failed(point.point.node, refusal.status, refusal.problem)
            asked.tell(refusal.status)
        else:
            self._queue.put(asked)
        return asked

    def refusal(self, point: BoundPoint, value: Any) -> int:  # noqa: ANN401 - as submit
        """Give what :meth:`submit` would refuse with at once; Good where the write would wait for its turn."""
        try:
            self._raw(point, value)
        except DeviceRefused as refusal:
            return refusal.status
        return Status.GOOD

    def withdraw(self, asked: AskedWrite) -> None:
        """Do not send a write that has not begun."""
        self._queue.withdraw(asked)

    async def stop(self) -> None:
        """Answer everything that waits or is under way."""
        await self._queue.stop()

    def _raw(self, point: BoundPoint, value: Any) -> Any:  # noqa: ANN401 - as submit
        if not point.writable or Capability.WRITABLE not in self._manifest.capabilities:
            problem = f"{point.point.node} is not writable"
            raise DeviceRefused(problem, Status.BAD_NOT_WRITABLE, device=self._device)
        raw = to_device(point.point, self._manifest.datatype_of(point.address), value)
        if self._around.driver() is None:
            problem = "the device is not connected"
            raise DeviceRefused(problem, Status.BAD_NO_COMMUNICATION, device=self._device)
        if self._queue.is_full:
            self._known.write_refusals += 1
            problem = "too many writes wait already"
            raise DeviceRefused(problem, Status.BAD_RESOURCE_UNAVAILABLE, device=self._device)
        return raw

    def _answered(self, status: int) -> None:
        if is_bad(status):
            self._known.write_errors += 1
