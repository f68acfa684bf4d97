"""The ledger as nodes: losses of devices and DataSets, and what history and outbox hold."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

import struct
from collections.abc import Callable

from asyncua import ua

from core.time import now, to_datetime
from server.address_space.keys import NodeKey, key_of
from server.ledger.accounts import Account, Number
from server.ledger.gaps import Gap, GapLog
from server.ledger.storage import StorageWatch
from server.plan.plan import PLANTSPACE_NAMESPACE, Plan
from server.ua_stack.nodes import NodeBuilder
from server.ua_stack.values import GOOD, status_code

_UINT64 = ua.NodeId(ua.Int32(ua.ObjectIds.UInt64))
_BAD_NO_DATA = status_code(ua.StatusCodes.BadNoData)
_DIAGNOSTICS = "Gateway.Diagnostics"
_STORAGE = f"{_DIAGNOSTICS}.Storage"


def reader(kind: ua.VariantType, read: Callable[[], object]) -> Callable[[], ua.DataValue]:
    """Answer Reads of a variable by what ``read`` gives then; None is BadNoData."""

    def datavalue() -> ua.DataValue:
        moment = to_datetime(now())
        value = read()
        if value is None:
            return ua.DataValue(None, _BAD_NO_DATA, moment, moment)
        return ua.DataValue(ua.Variant(value, kind), GOOD, moment, moment)

    return datavalue


def encode_gap(gap: Gap) -> bytes:
    """Write a GapDataType (Part 6 v1.05 5.2.6: its fields one after the other)."""
    texts = b"".join(struct.pack("<i", len(raw)) + raw for raw in (gap.place.encode(), gap.reason.encode()))
    return struct.pack("<qqQ", gap.start, gap.end, gap.samples) + texts


class LedgerNodes:
    """Adds nodes to a plan's address space."""

    def __init__(self, plan: Plan, gaps: GapLog) -> None:
        """Write into the plan's address space."""
        self._builder: NodeBuilder = plan.stack.builder
        self._types = plan.nodeids.index_of(PLANTSPACE_NAMESPACE)
        self._own = plan.nodeids.index_of(f"urn:plantspace:{plan.settings.name}")
        self._gaps = gaps
        self._encoding = self._type("GapDataType.Default Binary")
        self._space = plan.stack.internal.space
        self._made: dict[str, list[NodeKey]] = {}
        """The nodes of each DataSet and sink, by their path."""

    def add_device(self, account: Account, below: ua.NodeId) -> None:
        """Give a device's Diagnostics object its losses."""
        self._add_account(account, below, f"{account.owner}/Losses", "Losses", "DeviceLossesType")

    def add_dataset(self, account: Account) -> None:
        """List a DataSet with its losses."""
        parent = self._type(f"{_DIAGNOSTICS}.DataSets")
        self._add_account(account, parent, f"/DataSets/{account.owner}", account.owner, "DataSetLossesType")

    def remove_dataset(self, name: str) -> None:
        """Take a DataSet from the list."""
        self._remove(f"/DataSets/{name}")

    def fill_storage(self, watch: StorageWatch) -> None:
        """Answer the Storage object's variables."""
        storage = watch.storage
        uint64, double = ua.VariantType.UInt64, ua.VariantType.Double
        values: dict[str, tuple[ua.VariantType, Callable[[], object]]] = {
            "HistoryBytes": (uint64, lambda: storage.history_bytes),
            "HistorySamples": (uint64, lambda: storage.history_samples),
            "OldestRawTime": (ua.VariantType.DateTime, lambda: to_datetime(storage.oldest) if storage.oldest else None),
            "IngestRate": (double, lambda: storage.rate),
            "OutboxBytes": (uint64, lambda: storage.outbox_bytes),
        }
        for name, (kind, read) in values.items():
            self._builder.set_reader(self._type(f"{_STORAGE}.{name}"), reader(kind, read))

    def add_sink(self, sink: str, watch: StorageWatch) -> None:
        """List a sink of the outbox with what waits for it."""
        path = f"/Sinks/{sink}"
        self._made[path] = [key_of(self._nodeid(path))]
        node = self._builder.add_object(
            self._type(f"{_STORAGE}.Sinks"),
            self._nodeid(path),
            sink,
            type_definition=self._type("SinkBacklogType"),
            name_namespace=self._types,
        )

        def of(attribute: str) -> Number:
            return lambda: getattr(watch.storage.backlogs.get(sink), attribute, 0)

        for name, attribute in (("Records", "records"), ("Samples", "samples"), ("Bytes", "bytes")):
            self._add(node, f"{path}/Backlog{name}", _UINT64, ua.VariantType.UInt64, of(attribute))
        duration = ua.NodeId(ua.Int32(ua.ObjectIds.Duration))
        age = f"{path}/OldestRecordAge"
        self._add(node, age, duration, ua.VariantType.Double, lambda: watch.age(sink) * 1000.0)

    def remove_sink(self, sink: str) -> None:
        """Take a sink from the list."""
        self._remove(f"/Sinks/{sink}")

    def _remove(self, path: str) -> None:
        self._space.remove_all([key for key in self._made.pop(path, ()) if key in self._space])

    def _add_account(self, account: Account, parent: ua.NodeId, path: str, name: str, kind: str) -> None:
        self._made[path] = [key_of(self._nodeid(path)), key_of(self._nodeid(f"{path}/GapIntervals"))]
        node = self._builder.add_object(
            parent, self._nodeid(path), name, type_definition=self._type(kind), name_namespace=self._types
        )
        for count, read in account.counts.items():
            self._add(node, f"{path}/{count}", _UINT64, ua.VariantType.UInt64, read)
        self._builder.add_variable(
            node,
            self._nodeid(f"{path}/GapIntervals"),
            "GapIntervals",
            self._type("GapDataType"),
            value_rank=1,
            name_namespace=self._types,
            read=reader(ua.VariantType.ExtensionObject, lambda: self._intervals(account.name)),
        )

    def _add(
        self, parent: ua.NodeId, path: str, data_type: ua.NodeId, kind: ua.VariantType, read: Callable[[], object]
    ) -> None:
        above, _, name = path.rpartition("/")
        self._made[above].append(key_of(self._nodeid(path)))
        self._builder.add_variable(
            parent, self._nodeid(path), name, data_type, name_namespace=self._types, read=reader(kind, read)
        )

    def _intervals(self, account: str) -> list[ua.ExtensionObject]:
        return [ua.ExtensionObject(self._encoding, encode_gap(gap)) for gap in self._gaps.of(account)]

    def _type(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(ua.String(identifier), ua.Int16(self._types))

    def _nodeid(self, path: str) -> ua.NodeId:
        # '/' cannot stand in a tag's name, so no tag can take this NodeId; and no device's name is empty.
        return ua.NodeId(ua.String(path), ua.Int16(self._own))
