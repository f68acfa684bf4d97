"""Events of the gateway's own: a device's health, an anomaly, lost samples. Told in the log and to OPC UA clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asyncua import ua

from core.batch import Samples
from core.quality import is_bad
from core.time import to_iso
from drivers.health import DeviceHealth, HealthChange
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import key_of
from server.events.emitter import Emitter
from server.events.event import Path
from server.losses import Loss
from server.plan.operators import PlannedOperator
from server.plan.plan import PLANTSPACE_NAMESPACE, Plan

_log = logging.getLogger("plantspace.alarms")
QUEUE = 1000
_SEVERITY = {DeviceHealth.NORMAL: 100, DeviceHealth.CHECK_FUNCTION: 300, DeviceHealth.FAILURE: 800}
_WARNS_FROM = 500
"""The severity from which an event is a warning in the log; below it is news."""
_GATEWAY = f"nsu={PLANTSPACE_NAMESPACE};s=Gateway"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that happened. ``fields``: the event type's own; ``type_name``: its name in Plantspace's namespace."""

    type_name: str
    source: ua.NodeId
    message: str
    severity: int
    fields: dict[str, ua.Variant]


class Alarms:
    """Turns what happens into events, in order, one task for all. The queue is bounded and counts what it drops."""

    def __init__(self, plan: Plan) -> None:
        """Raise events in the plan's address space."""
        self._plan = plan
        self._queue: asyncio.Queue[Alarm] = asyncio.Queue(QUEUE)
        self._emitter = Emitter(plan.stack.internal.events)
        self._active: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[Alarm], None]] = []
        self.dropped = 0
        self.raised = 0

    async def start(self) -> None:
        """Begin to raise events."""
        self._task = asyncio.create_task(self._run(), name="alarms")

    async def stop(self) -> None:
        """Raise nothing more; safe twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def listen(self, listener: Callable[[Alarm], None]) -> None:
        """Tell ``listener`` of every alarm, on the event loop's thread."""
        self._listeners.append(listener)

    def health_changed(self, node: ua.NodeId, change: HealthChange) -> None:
        """Raise a DeviceHealthEvent."""
        text = f"{change.device}: {change.before.name} -> {change.after.name}: {change.reason}"
        severity = _SEVERITY.get(change.after, 500)
        fields = {"Device": _string(change.device), "Health": ua.Variant(int(change.after), ua.VariantType.Int32)}
        self._raise(Alarm("DeviceHealthEventType", node, text, severity, fields))

    def operator_output(self, planned: PlannedOperator, shown: Sequence[Samples]) -> None:
        """Raise an AnomalyEvent when an operator's Anomaly turns true, and say in the log when it ends."""
        names = [definition.name for definition in planned.manifest.outputs]
        if "Anomaly" not in names or "Score" not in names:
            return
        anomaly, score = shown[names.index("Anomaly")], shown[names.index("Score")]
        active = bool(anomaly.values[0]) and not is_bad(int(anomaly.status[0]))
        if active == (planned.name in self._active):
            return
        if not active:
            self._active.discard(planned.name)
            _log.info("%s: back to normal", planned.name)
            return
        self._active.add(planned.name)
        value = float(score.values[0])  # type: ignore[arg-type]  # a Double column, as the manifest declares
        threshold = float(planned.operator.parameters().get("Threshold", 0.0))
        text = f"{planned.name}: anomaly, score {value:.1f} beyond {threshold:g}"
        numbers = (("Score", value), ("Threshold", threshold))
        fields = {name: ua.Variant(held, ua.VariantType.Double) for name, held in numbers}
        self._raise(Alarm("AnomalyEventType", planned.node, text, 600, fields))

    def samples_lost(self, loss: Loss) -> None:
        """Raise a SampleLossEvent."""
        interval = f"between {to_iso(loss.start)} and {to_iso(loss.end)}"
        text = f"{loss.place}: {loss.samples} samples were lost {interval}: {loss.reason}"
        source = self._plan.nodeids.from_text(_GATEWAY)
        fields = {"Lost": ua.Variant(loss.samples, ua.VariantType.UInt64), "Stage": _string(loss.place)}
        self._raise(Alarm("SampleLossEventType", source, text, 700, fields))

    def storage_changed(self, place: str, reason: str) -> None:
        """Raise a DeviceHealthEvent of the gateway's own when ``place`` takes nothing more; without a reason: again."""
        health = DeviceHealth.FAILURE if reason else DeviceHealth.NORMAL
        text = f"{place} takes nothing for now: {reason}" if reason else f"{place} takes what comes again"
        source = self._plan.nodeids.from_text(_GATEWAY)
        fields = {"Device": _string(place), "Health": ua.Variant(int(health), ua.VariantType.Int32)}
        self._raise(Alarm("DeviceHealthEventType", source, text, _SEVERITY[health], fields))

    def _raise(self, alarm: Alarm) -> None:
        _log.log(logging.WARNING if alarm.severity >= _WARNS_FROM else logging.INFO, "%s", alarm.message)
        for listener in self._listeners:
            listener(alarm)
        try:
            self._queue.put_nowait(alarm)
        except asyncio.QueueFull:
            self.dropped += 1

    async def _run(self) -> None:
        while True:
            alarm = await self._queue.get()
            try:
                self._trigger(alarm)
                self.raised += 1
            except Exception:  # noqa: BLE001 - one event that cannot be made must not end all others
                _log.exception("the event %r cannot be raised", alarm.message)
            await asyncio.sleep(0)  # a queue that is full is no reason to hold all others up

    def _trigger(self, alarm: Alarm) -> None:
        kind = self._plan.nodeids.from_text(f"nsu={PLANTSPACE_NAMESPACE};s={alarm.type_name}")
        fields: dict[str | Path, bytes] = {name: encode_variant(value) for name, value in alarm.fields.items()}
        event = self._emitter.make(key_of(kind), key_of(alarm.source), alarm.message, alarm.severity, fields)
        self._plan.stack.internal.subscriptions.happened(event)


def _string(text: str) -> ua.Variant:
    return ua.Variant(text, ua.VariantType.String)
