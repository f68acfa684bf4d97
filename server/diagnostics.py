"""What the gateway knows of itself, as nodes: devices with their health and counters, and the loss ledger."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from asyncua import ua

from core.time import now, to_datetime
from drivers.supervision.diagnostics import State
from drivers.supervisor import Supervisor
from server.plan.devices import PlannedDevice
from server.plan.plan import PLANTSPACE_NAMESPACE, Plan
from server.ua_stack.nodeids import NodeIds
from server.ua_stack.nodes import HAS_COMPONENT, HAS_PROPERTY, ORGANIZES, NodeBuilder
from server.ua_stack.values import GOOD

Number = Callable[[], int]
_COUNTERS: Mapping[str, str] = {
    "Scans": "scans",
    "MissedScans": "missed_scans",
    "Reads": "reads",
    "ReadErrors": "read_errors",
    "RequestErrors": "request_errors",
    "LateReplies": "late_replies",
    "Writes": "writes",
    "WriteErrors": "write_errors",
    "Reconnects": "reconnects",
    "BusErrors": "bus_errors",
    "Overruns": "overruns",
    "SamplesAcquired": "samples_acquired",
}
_STATES = list(State)


@dataclass(frozen=True, slots=True)
class LossLedger:
    """Counts of samples since the start, each asked when it is read."""

    acquired: Number
    stored: Number
    published: Number
    acknowledged: Number
    dropped: Number
    gaps: Number


def _reader(kind: ua.VariantType, read: Callable[[], object]) -> Callable[[], ua.DataValue]:
    def datavalue() -> ua.DataValue:
        moment = to_datetime(now())
        return ua.DataValue(ua.Variant(read(), kind), GOOD, moment, moment)

    return datavalue


class DiagnosticNodes:
    """Fills the Gateway object's nodes and gives every device its own."""

    def __init__(self, plan: Plan) -> None:
        """Write into the plan's address space."""
        self._builder: NodeBuilder = plan.stack.builder
        self._nodeids: NodeIds = plan.nodeids
        self._own = plan.nodeids.index_of(f"urn:plantspace:{plan.settings.name}")
        self._types = plan.nodeids.index_of(PLANTSPACE_NAMESPACE)

    def fill_gateway(self, plan: Plan, ledger: LossLedger, version: str) -> None:
        """Answer the Gateway object's variables."""
        started = to_datetime(now())
        diagnostics = "Gateway.Diagnostics"
        losses = f"{diagnostics}.Losses"
        values: dict[str, tuple[ua.VariantType, Callable[[], object]]] = {
            "Gateway.Name": (ua.VariantType.String, lambda: plan.settings.name),
            "Gateway.SoftwareVersion": (ua.VariantType.String, lambda: version),
            f"{diagnostics}.StartTime": (ua.VariantType.DateTime, lambda: started),
            f"{diagnostics}.Points": (ua.VariantType.UInt32, lambda: len(plan.points.points)),
            f"{losses}.Acquired": (ua.VariantType.UInt64, ledger.acquired),
            f"{losses}.Stored": (ua.VariantType.UInt64, ledger.stored),
            f"{losses}.Published": (ua.VariantType.UInt64, ledger.published),
            f"{losses}.Acknowledged": (ua.VariantType.UInt64, ledger.acknowledged),
            f"{losses}.Dropped": (ua.VariantType.UInt64, ledger.dropped),
            f"{losses}.Gaps": (ua.VariantType.UInt64, ledger.gaps),
        }
        for identifier, (kind, read) in values.items():
            self._builder.set_reader(ua.NodeId(ua.String(identifier), ua.Int16(self._types)), _reader(kind, read))

    def add_device(self, device: PlannedDevice, supervisor: Supervisor) -> ua.NodeId | None:
        """Give a device's object its health, state and counters, and list it under the Gateway's devices.

        Gives its Diagnostics object; None where the device has no object.
        """
        if device.node is None:
            return None
        devices = ua.NodeId(ua.String("Gateway.Devices"), ua.Int16(self._types))
        self._builder.refer(devices, ORGANIZES, device.node)
        health = ua.NodeId(ua.String("DeviceHealthEnumeration"), ua.Int16(self._types))
        state = ua.NodeId(ua.String("SupervisorStateEnumeration"), ua.Int16(self._types))
        diagnostics = supervisor.diagnostics
        int32, string, uint64 = ua.VariantType.Int32, ua.VariantType.String, ua.VariantType.UInt64
        self._add(device, device.node, "Health", health, int32, lambda: int(supervisor.health))
        self._add(device, device.node, "State", state, int32, lambda: _STATES.index(supervisor.state))
        self._add(device, device.node, "LastError", _type(string), string, lambda: diagnostics().last_error)
        self._add(device, device.node, "Driver", _type(string), string, lambda: device.manifest.name, constant=True)
        url = str(getattr(device.settings, "url", "") or "")
        self._add(device, device.node, "Url", _type(string), string, lambda: url, constant=True)
        below = self._builder.add_object(
            device.node,
            self._nodeid(device, "Diagnostics"),
            "Diagnostics",
            type_definition=ua.NodeId(ua.String("DeviceDiagnosticsType"), ua.Int16(self._types)),
            name_namespace=self._types,
        )
        for name, attribute in _COUNTERS.items():
            self._add(device, below, name, _type(uint64), uint64, lambda of=attribute: getattr(diagnostics(), of))
        double = ua.VariantType.Double
        self._add(device, below, "LastScanDuration", _type(double), double, lambda: diagnostics().last_scan_duration)
        return below

    def _add(
        self,
        device: PlannedDevice,
        parent: ua.NodeId,
        name: str,
        data_type: ua.NodeId,
        kind: ua.VariantType,
        read: Callable[[], object],
        *,
        constant: bool = False,
    ) -> None:
        own_type = ua.NodeId(ua.Int32(ua.ObjectIds.PropertyType)) if constant else None
        self._builder.add_variable(
            parent,
            self._nodeid(device, name),
            name,
            data_type,
            type_definition=own_type,
            name_namespace=self._types,
            read=_reader(kind, read),
            reference=HAS_PROPERTY if constant else HAS_COMPONENT,
        )

    def _nodeid(self, device: PlannedDevice, name: str) -> ua.NodeId:
        # '/' cannot stand in a tag's name, so no tag of the device can take this NodeId.
        return ua.NodeId(ua.String(f"{device.name}/{name}"), ua.Int16(self._own))


def _type(kind: ua.VariantType) -> ua.NodeId:
    return ua.NodeId(ua.Int32(kind.value))
