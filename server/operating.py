"""Runs operators: samples of their inputs in, a batch for each output back into the process image."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analytics.contract import OperatorOutput
from analytics.definitions import OperatorRefused
from core.batch import Batch, MaskArray, Samples, SlotArray
from core.image import ProcessImage
from core.quality import Status
from core.taps import QueueTap
from core.time import now
from server.plan.operators import PlannedOperator

_log = logging.getLogger("plantspace.analytics")
QUEUE_SAMPLES = 100_000


class OperatorRunner:
    """One operator at work, behind a bounded queue of its own."""

    def __init__(
        self,
        planned: PlannedOperator,
        image: ProcessImage,
        on_output: Callable[[PlannedOperator, Sequence[Samples]], None],
    ) -> None:
        """``on_output`` sees what the outputs became, in the manifest's order."""
        self.planned = planned
        self.tap = QueueTap(planned.name, QUEUE_SAMPLES)
        self._image = image
        self._on_output = on_output
        self._outputs = [np.array([slot], np.int32) for slot in planned.outputs]
        self._wanted: MaskArray = np.zeros(len(image), np.bool_)
        self._wanted[list(planned.inputs.values())] = True
        self._masks: dict[int, tuple[SlotArray, MaskArray | None]] = {}
        self._told = ""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Show the parameters and begin."""
        for name, slot in self.planned.parameters.items():
            self._show(slot, self.planned.operator.parameters()[name])
        self._image.add_tap(self)
        self._task = asyncio.create_task(self._run(), name=f"operator-{self.planned.name}")

    async def stop(self) -> None:
        """Finish what waits and end; safe twice."""
        self._image.remove_tap(self)
        self.tap.close()
        task, self._task = self._task, None
        if task is not None:
            await task

    def offer(self, samples: Samples) -> None:
        """Take samples of the inputs (:class:`~core.image.Tap`), not those that came late: operators go by arrival."""
        if samples.backfill:
            return
        mask = self._mask(samples.slots)
        if mask is not None:
            self.tap.offer(samples.take(mask))

    def set_parameter(self, slot: int, value: Any) -> int:  # noqa: ANN401 - any value of a built-in type
        """Change the parameter of ``slot`` and give the StatusCode that says how it went."""
        name = next(known for known, of in self.planned.parameters.items() if of == slot)
        try:
            self.planned.operator.set_parameter(name, value)
        except OperatorRefused as refused:
            return int(refused.status)
        for other, of in self.planned.parameters.items():
            self._show(of, self.planned.operator.parameters()[other])
        return Status.GOOD

    def _show(self, slot: int, value: Any) -> None:  # noqa: ANN401 - as above
        datatype = self._image.points[slot].datatype
        moment = now()
        self._image.apply(
            Batch(np.array([slot], np.int32), np.array([value], datatype.dtype), Status.GOOD, moment, moment)
        )

    def _mask(self, slots: SlotArray) -> MaskArray | None:
        """Give which samples are inputs; the answer for an array that comes again is kept."""
        known = self._masks.get(id(slots))
        if known is None or known[0] is not slots:
            wanted = self._wanted[slots]
            if len(self._masks) >= 256:  # noqa: PLR2004 - more arrays than a plant's drivers have: begin anew
                self._masks.clear()
            known = (slots, wanted if wanted.any() else None)
            self._masks[id(slots)] = known
        return known[1]

    async def _run(self) -> None:
        while await self.tap.wait():
            for samples in self.tap.take():
                self._process(samples)
            await asyncio.sleep(0)

    def _process(self, samples: Samples) -> None:
        try:
            self._show_outputs(samples, self.planned.operator.process(samples))
        except Exception as error:  # noqa: BLE001 - an operator's fault ends in its outputs' quality, never in the gateway
            if repr(error) != self._told:
                self._told = repr(error)
                _log.exception("the operator %s failed; its outputs are Bad until it works again", self.planned.name)
            for slots in self._outputs:
                self._image.mark(slots, Status.BAD_INTERNAL_ERROR, now())
        else:
            self._told = ""

    def _show_outputs(self, samples: Samples, output: OperatorOutput) -> None:
        for position in range(len(samples)):  # a batch holds a point once, so each input sample makes its own
            shown: list[Samples] = []
            for slots, column in zip(self._outputs, output.columns, strict=True):
                one = slice(position, position + 1)
                shown.append(
                    self._image.apply(
                        Batch(
                            slots,
                            column.values[one],
                            column.status[one],
                            column.source_time[one],
                            samples.server_time,
                        )
                    )
                )
            self._on_output(self.planned, shown)
