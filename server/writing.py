"""Where a client's write of a point goes: to the device, to the operator, or into the image's memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.batch import Batch
from core.image import ProcessImage
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.supervisor import Supervisor
from server.operating import OperatorRunner
from server.retained import RetainedValues


@dataclass(slots=True)
class WriteRouter:
    """Knows each slot's source of values. ``devices``: slot -> (supervisor, point); ``operators``: slot -> runner."""

    image: ProcessImage
    retained: RetainedValues
    devices: dict[int, tuple[Supervisor, BoundPoint]] = field(default_factory=dict[int, tuple[Supervisor, BoundPoint]])
    operators: dict[int, OperatorRunner] = field(default_factory=dict[int, OperatorRunner])

    async def write(self, slot: int, value: Any) -> int:  # noqa: ANN401 - any value of a built-in type
        """Write an engineering value and give the StatusCode of whoever it concerns."""
        bound = self.devices.get(slot)
        if bound is not None:
            supervisor, point = bound
            return await supervisor.write(point, value)
        runner = self.operators.get(slot)
        if runner is not None:
            return runner.set_parameter(slot, value)
        return self.remember(slot, value)

    def remember(self, slot: int, value: Any) -> int:  # noqa: ANN401 - as above
        """Write a memory point."""
        point = self.image.points[slot]
        values = np.empty(1, point.datatype.dtype)
        try:
            values[0] = value
        except (OverflowError, ValueError, TypeError):
            return Status.BAD_TYPE_MISMATCH
        moment = now()
        self.image.apply(Batch(np.array([slot], np.int32), values, Status.GOOD, moment, moment))
        self.retained.changed(point.node)
        return Status.GOOD
