"""The composition root: makes a plan's gateway run, and is the only place that knows all rooms."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import numpy as np
from asyncua import ua

from analytics.definitions import OperatorRefused
from core.batch import Batch
from core.errors import PlantspaceError
from core.image import ProcessImage, Reading
from core.lifecycle import Lifecycle
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.supervisor import Supervisor
from historian.recorder import Recorder
from server.address_space.asyncua_values import decode_variant
from server.address_space.decoding import Cursor
from server.alarms import Alarms
from server.archive import Archive
from server.data_folder import DataFolder
from server.doors import Doors
from server.instrument_ranges import InstrumentRanges
from server.ledger.bookkeeping import Bookkeeping
from server.metrics.endpoint import MetricsEndpoint
from server.metrics.families import families
from server.model_change.live_model import LiveModel
from server.model_change.model_object import ModelObject
from server.model_change.report import ModelReport
from server.operating import OperatorRunner
from server.plan import Plan
from server.plan.memory import MemoryPoint
from server.plan.operators import PlannedOperator
from server.publishing import Commanding
from server.pubsub_model.pubsub_object import PubSubObject
from server.retained import RetainedValue, RetainedValues
from server.ua_stack.durable import SET_SUBSCRIPTION_DURABLE, DurableSubscriptions
from server.ua_stack.values import encode_variant, from_variant
from server.writing import WriteRouter

_log = logging.getLogger("plantspace.gateway")
RETAINED_FILE = "retained.json"
SUBSCRIPTIONS_FILE = "subscriptions.sqlite"


class GatewayError(PlantspaceError):
    """The gateway cannot start; the message says what stands in the way."""


class Gateway:
    """A running gateway. ``start`` returns when clients may connect; ``stop`` flushes and releases everything."""

    def __init__(self, plan: Plan) -> None:
        """Make all parts; nothing is opened yet."""
        self.plan = plan
        self.image = ProcessImage(plan.points.points, now())
        self.alarms = Alarms(plan)
        self.supervisors: dict[str, Supervisor] = {}
        self.operators: list[OperatorRunner] = []
        self.books = Bookkeeping(plan, self.alarms.samples_lost)
        self.archive = Archive(plan, self.image, self.books, self.alarms.storage_changed)
        self._lifecycle = Lifecycle()
        self._begun = False
        self._retained = RetainedValues(plan.data_dir / RETAINED_FILE, self._snapshot)
        ranges = InstrumentRanges(plan.stack.internal.attributes)
        self._router = WriteRouter(self.image, self._retained, ranges=ranges)
        self.model = LiveModel(plan, self.image)
        self.model_object = ModelObject(plan, self.model)
        self.doors = Doors(plan)
        self._up = asyncio.Event()
        """Set once everything runs: a command that came before has waited for it."""
        self.archive.publishing.commanding = Commanding(self.doors.access, self._router, self.doors.record, self._up)
        self.publish_subscribe = PubSubObject(plan, self.archive.publishing)
        self.model.on_applied = self._model_changed

    @property
    def recorder(self) -> Recorder | None:
        """What records samples; None where no history is kept."""
        return self.archive.recorder

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        return self.plan.stack.url

    def read(self, slot: int) -> Reading:
        """Give a point as it stands."""
        return self.image.read(slot)

    def counters(self) -> dict[str, int]:
        """Count samples: acquired from devices, stored, published, acknowledged, dropped."""
        ledger = self.books.totals()
        return {
            "acquired": ledger.acquired(),
            "stored": ledger.stored(),
            "published": ledger.published(),
            "acknowledged": ledger.acknowledged(),
            "dropped": ledger.dropped(),
            "alarms": self.alarms.raised,
        }

    async def start(self) -> None:
        """Come up, once. Raises :class:`~core.errors.PlantspaceError`; then everything is down again."""
        if self._begun:
            message = "this gateway was started before (make a new one of a new plan)"
            raise GatewayError(message)
        self._begun = True
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Go down: devices first, then what they fed, the endpoint last of those who serve. Safe twice."""
        await self._lifecycle.stop()
        await self.plan.stack.stop()

    async def _start(self) -> None:
        plan = self.plan
        await self._lifecycle.start("data folder", DataFolder(plan.data_dir))
        doors = self.doors
        await self._lifecycle.start("doors", doors)
        await self._lifecycle.start("alarms", self.alarms)
        await self._lifecycle.start("books", self.books)
        await self._remember()
        await self._lifecycle.start("archive", self.archive)
        self.model.recorder = self.archive.recorder
        self._operate()
        supervisors = self._supervise()
        self.books.operators, self.books.supervisors = self.operators, self.supervisors
        self.books.show(self.archive.sinks)
        plan.stack.bind(self.image, plan.points.slots, plan.points.scans, self._router.write)
        plan.stack.internal.writing.gather(self._router.write_all)
        plan.stack.internal.writing.foresee(self._router.refusal)
        durable = DurableSubscriptions(
            plan.stack.internal.subscriptions, plan.nodeids, plan.data_dir / SUBSCRIPTIONS_FILE
        )
        plan.stack.builder.set_method(SET_SUBSCRIPTION_DURABLE, durable.set_durable)
        await self._lifecycle.start("durable subscriptions", durable)
        await self._lifecycle.start("PublishSubscribe", self.publish_subscribe)
        await self._lifecycle.start("endpoint", plan.stack)
        await self._lifecycle.start("discovery", doors.outgoing())
        await self._lifecycle.start("model", self.model)
        if plan.settings.metrics is not None:
            await self._lifecycle.start(
                "metrics", MetricsEndpoint(plan.settings.metrics, partial(families, plan, self.books))
            )
        for runner in self.operators:
            await self._lifecycle.start(f"operator {runner.planned.name}", runner)
        for supervisor in supervisors:
            await self._lifecycle.start(f"device {supervisor.device}", supervisor)
        self._up.set()

    async def _remember(self) -> None:
        """Give memory points what they held before the restart, else what the NodeSet says."""
        kept = await self._retained.load()
        for point in self.plan.memory:
            known = kept.get(point.node) if point.retained else None
            if known is not None and self._restore(point, known):
                continue
            if point.initial is not None:
                self._show(point.slot, point.initial, Status.GOOD, now())
        await self._lifecycle.start("retained values", self._retained)

    def _restore(self, point: MemoryPoint, known: RetainedValue) -> bool:
        """Show a kept value; false, and told, where it is damaged or the model has another type by now."""
        try:
            encoded = bytes.fromhex(known.variant)
            variant = decode_variant(Cursor(encoded, most=len(encoded)).variant())
            value = from_variant(point.datatype, variant)
            self._show(point.slot, value, known.status, known.source_time)
        except Exception as error:  # noqa: BLE001 - asyncua's decoder raises whatever damaged bytes lead it to
            _log.warning("%s begins with the model's value: what was kept cannot be used: %s", point.node, error)
            return False
        return True

    def _operate(self) -> None:
        for planned in self.plan.operators:
            runner = OperatorRunner(planned, self.image, self.alarms.operator_output)
            for slot in planned.parameters.values():
                self._router.operators[slot] = runner
            for name, nodeid in planned.methods.items():
                self.plan.stack.builder.set_method(nodeid, _operator_method(planned, name))
            self.operators.append(runner)

    def _supervise(self) -> list[Supervisor]:
        for device in self.plan.devices:
            supervisor = Supervisor(
                device.name,
                device.manifest,
                device.settings,
                device.points,
                self.image.apply,
                self.image.mark,
                base=device.section.base,
            )
            if device.node is not None:
                supervisor.on_health(partial(self.alarms.health_changed, device.node))
            for point in device.points:
                if point.writable:
                    self._router.devices[point.slot] = (supervisor, point)
            for nodeid, point in device.methods.items():
                self.plan.stack.builder.set_method(nodeid, _device_method(supervisor, point))
            self.supervisors[device.name] = supervisor
        return list(self.supervisors.values())

    def _model_changed(self, report: ModelReport) -> None:
        self.doors.model_changed(report)
        self.archive.model_changed()
        self.publish_subscribe.model_changed()

    def _show(self, slot: int, value: Any, status: int, source_time: int) -> None:  # noqa: ANN401 - any built-in type's
        values = np.empty(1, self.image.points[slot].datatype.dtype)
        values[0] = value
        self.image.apply(Batch(np.array([slot], np.int32), values, status, source_time, now()))

    def _snapshot(self, node: str) -> RetainedValue | None:
        reading = self.image.read(self.image.slot_of[node])
        if reading.value is None:
            return None
        encoded = encode_variant(reading.datatype, reading.value)
        return None if encoded is None else RetainedValue(encoded.hex(), reading.status, reading.source_time)


def settle_memory() -> None:
    """Tune the process for one long-lived gateway, once it is up; for commands, not for tests.

    What was made at the start stays for good: the garbage collector need not look at the address space again and again,
    which would hold the event loop for over 100 ms each time. Writer threads give way to the loop within half a
    millisecond.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.0005)
    # What reading the model took is given back: the C library keeps it, being free to do so, and it is half of all.
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc has no such call
        ctypes.CDLL(None).malloc_trim(0)


def _operator_method(planned: PlannedOperator, name: str) -> Callable[..., Awaitable[ua.CallMethodResult]]:
    definition = next(method for method in planned.manifest.methods if method.name == name)

    async def call(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.CallMethodResult:
        result = ua.CallMethodResult()
        try:
            outputs = await planned.operator.call(name, [argument.Value for argument in arguments])
        except OperatorRefused as refused:
            result.StatusCode = ua.StatusCode(ua.UInt32(int(refused.status)))
            result.InputArgumentResults = [ua.StatusCode(ua.UInt32(int(one))) for one in refused.arguments]
            return result
        result.OutputArguments = [
            ua.Variant(value, ua.VariantType(int(of.datatype)))
            for of, value in zip(definition.outputs, outputs, strict=True)
        ]
        return result

    return call


def _device_method(supervisor: Supervisor, point: BoundPoint) -> Callable[..., Awaitable[ua.StatusCode]]:
    async def call(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        if arguments:
            return ua.StatusCode(ua.UInt32(ua.StatusCodes.BadTooManyArguments))
        return ua.StatusCode(ua.UInt32(await supervisor.write(point, value=True)))

    return call
