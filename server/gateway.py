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
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import variant_from_binary
from cryptography import x509

from analytics.definitions import OperatorRefused
from certs.own import own_certificate
from certs.trust import TrustFolder
from core.batch import Batch
from core.errors import PlantspaceError
from core.image import ProcessImage, Reading
from core.lifecycle import Lifecycle
from core.quality import Status
from core.time import now
from drivers.contract import BoundPoint
from drivers.supervisor import Supervisor
from historian.forwarder import Forwarder
from historian.history_sink import SINK as HISTORY_SINK
from historian.history_sink import HistorySink
from historian.outbox import Outbox
from historian.outbox_tables import Loss as OutboxLoss
from historian.recorder import STREAM, Recorder
from historian.sqlite import SQLiteStore
from server.alarms import Alarms
from server.data_folder import DataFolder
from server.diagnostics import DiagnosticNodes, LossLedger
from server.losses import LossCount, LossWatch
from server.model_change.live_model import LiveModel
from server.model_change.model_object import ModelObject
from server.operating import OperatorRunner
from server.plan import Plan
from server.plan.memory import MemoryPoint
from server.plan.operators import PlannedOperator
from server.plan.plan import version
from server.pubsub.connection import SINK as MQTT_SINK
from server.pubsub.connection import PubSubConnection
from server.pubsub.writer import WriterCounters
from server.retained import RetainedValue, RetainedValues
from server.ua_stack.stack import Identity
from server.ua_stack.values import encode_variant, from_variant
from server.writing import WriteRouter

_log = logging.getLogger("plantspace.gateway")
OUTBOX_FILE = "outbox.sqlite"
RETAINED_FILE = "retained.json"
PUBSUB_FILE = "pubsub.json"
_DAY = 86_400.0
_DRAINS_WITHIN = 2.0


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
        self.recorder: Recorder | None = None
        self._outbox: Outbox | None = None
        self._store: SQLiteStore | None = None
        self._forwarder: Forwarder | None = None
        self.pubsub: PubSubConnection | None = None
        self._lifecycle = Lifecycle()
        self._begun = False
        self._retained = RetainedValues(plan.data_dir / RETAINED_FILE, self._snapshot)
        self._router = WriteRouter(self.image, self._retained)
        self._over_cap: Counter[tuple[str, str]] = Counter()
        self._losses = LossWatch(self._lost, self.alarms.samples_lost)
        self.model = LiveModel(plan, self.image)
        self.model_object = ModelObject(plan, self.model)

    @property
    def url(self) -> str:
        """The endpoint's URL."""
        return self.plan.stack.url

    def read(self, slot: int) -> Reading:
        """Give a point as it stands."""
        return self.image.read(slot)

    def counters(self) -> dict[str, int]:
        """Count samples: acquired from devices, stored, published, acknowledged, dropped."""
        ledger = self._ledger()
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
        await self._identify()
        await self._lifecycle.start("alarms", self.alarms)
        await self._lifecycle.start("losses", self._losses)
        await self._remember()
        await self._keep_history()
        self._operate()
        supervisors = self._supervise()
        self._diagnose()
        plan.stack.bind(self.image, plan.points.slots, plan.points.scans, self._router.write)
        await self._lifecycle.start("endpoint", plan.stack)
        await self._lifecycle.start("model", self.model)
        for runner in self.operators:
            await self._lifecycle.start(f"operator {runner.planned.name}", runner)
        for supervisor in supervisors:
            await self._lifecycle.start(f"device {supervisor.device}", supervisor)

    async def _identify(self) -> None:
        """Have a certificate where an encrypted endpoint is offered, and let in only trusted clients there."""
        stack, folder = self.plan.stack, self.plan.data_dir / "certs"
        if set(stack.options.security) == {"None"}:
            return
        own = await asyncio.to_thread(own_certificate, folder, stack.options.application_uri, stack.options.name)
        if own.made:
            _log.info("made a certificate for this gateway: %s", folder / "own.der")
        trust = TrustFolder(folder)
        await asyncio.to_thread(trust.prepare)
        stack.use_identity(Identity(own.certificate, own.key))
        stack.internal.certificate_validator = partial(_check_client, trust)  # type: ignore[assignment]  # asyncua calls it with these two arguments

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
            variant = variant_from_binary(ua.utils.Buffer(bytes.fromhex(known.variant)))
            value = from_variant(point.datatype, variant)
            self._show(point.slot, value, known.status, known.source_time)
        except Exception as error:  # noqa: BLE001 - asyncua's decoder raises whatever damaged bytes lead it to
            _log.warning("%s begins with the model's value: what was kept cannot be used: %s", point.node, error)
            return False
        return True

    async def _keep_history(self) -> None:
        plan = self.plan
        sinks = [*([HISTORY_SINK] if plan.points.recorded else ()), *([MQTT_SINK] if plan.pubsub is not None else ())]
        file = plan.data_dir / OUTBOX_FILE
        if not sinks and not await asyncio.to_thread(file.exists):
            return
        outbox = Outbox(file, on_loss=self._count_loss)
        await self._lifecycle.start("outbox", _Opened(outbox.open, outbox.close))
        await outbox.keep_only(sinks)
        self._outbox = outbox
        if plan.points.recorded:
            await self._record(outbox)
        if plan.pubsub is not None:
            connection = PubSubConnection(
                plan.pubsub.settings,
                gateway=plan.settings.name,
                image=self.image,
                outbox=outbox,
                fields=plan.pubsub.fields,
                state_file=plan.data_dir / PUBSUB_FILE,
                base=plan.config.parent,
            )
            await self._lifecycle.start("pubsub", connection)
            self.pubsub = connection

    async def _record(self, outbox: Outbox) -> None:
        plan = self.plan
        retention_days = plan.historian.retention.raw / _DAY
        store = SQLiteStore(plan.data_dir / "history.sqlite", retention_days=retention_days)
        forwarder = Forwarder(outbox, STREAM, HistorySink(store, outbox), HISTORY_SINK)
        await self._lifecycle.start("historian", forwarder)
        await self._lifecycle.start("last samples", _Opened(_nothing, partial(_drained, forwarder)))
        points = {slot: plan.points.points[slot].node for slot in sorted(plan.points.recorded)}
        recorder = Recorder(outbox, points)
        await self._lifecycle.start("recorder", recorder)
        self.image.add_tap(recorder)
        self.recorder, self._store, self._forwarder = recorder, store, forwarder
        recorded = frozenset(points.values())
        plan.stack.internal.history.bind(store, plan.nodeids, recorded.__contains__)

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

    def _diagnose(self) -> None:
        nodes = DiagnosticNodes(self.plan)
        nodes.fill_gateway(self.plan, self._ledger(), version())
        for device in self.plan.devices:
            nodes.add_device(device, self.supervisors[device.name])

    def _ledger(self) -> LossLedger:
        supervisors = self.supervisors.values()

        def acknowledged() -> int:
            return self.pubsub.statistics().forwarder.samples if self.pubsub is not None else 0

        return LossLedger(
            acquired=lambda: sum(one.diagnostics().samples_acquired for one in supervisors),
            stored=lambda: self._forwarder.counters.samples if self._forwarder is not None else 0,
            published=lambda: sum(writer.values for writer in self._writers().values()),
            acknowledged=acknowledged,
            dropped=self._losses.total,
            gaps=lambda: self._losses.losses,
        )

    def _lost(self) -> Iterator[LossCount]:
        """Ask every place where samples can be lost on their way to a consumer."""
        for (stream, reason), samples in self._over_cap.items():
            yield LossCount(f"outbox/{stream}", f"they were over the cap in {reason}", samples)
        dead = "it can never take them, and they are set aside in the outbox"
        if self.recorder is not None:
            why = "its queue was full, or the outbox did not accept them"
            yield LossCount("recorder", why, self.recorder.counters.dropped)
        if self._forwarder is not None:
            yield LossCount(HISTORY_SINK, dead, self._forwarder.counters.dead_samples)
        for name, writer in self._writers().items():
            why = "its queue was full, or no message could be made of them"
            yield LossCount(f"dataset/{name}", why, writer.dropped)
        if self.pubsub is not None:
            yield LossCount(MQTT_SINK, dead, self.pubsub.statistics().forwarder.dead_samples)
        for runner in self.operators:
            why = "its queue was full, it is slower than its input"
            yield LossCount(f"operator/{runner.planned.name}", why, runner.tap.counters.dropped)

    def _writers(self) -> dict[str, WriterCounters]:
        return self.pubsub.statistics().writers if self.pubsub is not None else {}

    def _count_loss(self, loss: OutboxLoss) -> None:
        self._over_cap[loss.stream, loss.reason] += loss.samples

    def _show(self, slot: int, value: Any, status: int, source_time: int) -> None:  # noqa: ANN401 - any built-in type's
        values = np.empty(1, self.image.points[slot].datatype.dtype)
        values[0] = value
        self.image.apply(Batch(np.array([slot], np.int32), values, status, source_time, now()))

    def _snapshot(self, node: str) -> RetainedValue | None:
        reading = self.image.read(self.image.slot_of[node])
        if reading.value is None:
            return None
        encoded = encode_variant(reading.datatype, reading.value)
        return RetainedValue(encoded.hex(), reading.status, reading.source_time)


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


async def _nothing() -> None:
    pass


async def _drained(forwarder: Forwarder) -> None:
    """Let the history take what the recorder wrote last; what it cannot take now waits in the outbox."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(forwarder.drain(), _DRAINS_WITHIN)


class _Opened:
    """What is opened and closed, as a component."""

    def __init__(self, open_: Callable[[], Awaitable[Any]], close: Callable[[], Awaitable[None]]) -> None:
        self._open = open_
        self._close = close

    async def start(self) -> None:
        """Open; what was half open is closed again."""
        try:
            await self._open()
        except Exception:
            await self._close()
            raise

    async def stop(self) -> None:
        """Close."""
        await self._close()


async def _check_client(trust: TrustFolder, certificate: x509.Certificate, _description: object) -> None:
    """Refuse clients whose certificate is not trusted (seam: ``InternalServer.certificate_validator``)."""
    if not await asyncio.to_thread(trust.is_trusted, certificate):
        _log.warning(
            "a client's certificate is not trusted; to trust it, move its file from %s to %s",
            trust.rejected,
            trust.trusted,
        )
        raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)


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
