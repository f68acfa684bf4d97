"""The Gateway's Model object: a NodeSet uploaded, tried and imported by any OPC UA client that may."""

# The seam on asyncua, whose annotations are partial and call a plain int or str wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asyncua import ua

from core.time import now, to_datetime
from server.model_change.live_model import LiveModel
from server.model_change.report import ModelReport
from server.model_change.upload import FileRefused, UploadFile
from server.plan.plan import PLANTSPACE_NAMESPACE, Plan
from server.ua_stack.nodes import NodeBuilder
from server.ua_stack.sessions import CALLER, GatewaySession
from server.ua_stack.values import GOOD

_MODEL = "Gateway.Model"
_FILE = f"{_MODEL}.NodeSetFile"
_kinds = ua.VariantType
_Call = Callable[..., Awaitable[Any]]
_Answer = list[ua.Variant]


class ModelObject:
    """Answers the variables and methods of ``/Objects/Gateway/Model``."""

    def __init__(self, plan: Plan, model: LiveModel) -> None:
        """Serve ``model`` in the address space of ``plan``."""
        self.file = UploadFile()
        self._model = model
        self._namespace = ua.Int16(plan.nodeids.index_of(PLANTSPACE_NAMESPACE))
        self._fill(plan.stack.builder)

    def _fill(self, builder: NodeBuilder) -> None:
        file = self.file
        variables: dict[str, tuple[ua.VariantType, Callable[[], object]]] = {
            "Size": (_kinds.UInt64, lambda: file.size),
            "Writable": (_kinds.Boolean, lambda: True),
            # What a client may is asked when it calls; a value that all clients share can only say what any may.
            "UserWritable": (_kinds.Boolean, lambda: False),
            "OpenCount": (_kinds.UInt16, lambda: file.open_count),
        }
        for name, (kind, read) in variables.items():
            builder.set_reader(self._nodeid(f"{_FILE}.{name}"), _reader(kind, read))
        methods: dict[str, _Call] = {
            f"{_FILE}.Open": self._open,
            f"{_FILE}.Close": self._close,
            f"{_FILE}.Read": self._read,
            f"{_FILE}.Write": self._write,
            f"{_FILE}.GetPosition": self._get_position,
            f"{_FILE}.SetPosition": self._set_position,
            f"{_MODEL}.DryRun": self._dry_run,
            f"{_MODEL}.ImportNodeSet": self._import,
        }
        for name, call in methods.items():
            builder.set_method(self._nodeid(name), _guarded(call))

    def _nodeid(self, identifier: str) -> ua.NodeId:
        return ua.NodeId(ua.String(identifier), self._namespace)

    async def _open(self, session: GatewaySession | None, mode: int) -> _Answer:
        number = self.file.open(session, mode)
        if session is not None:
            session.closing[self] = lambda: self.file.close_all(session)
        return [ua.Variant(number, _kinds.UInt32)]

    async def _close(self, session: GatewaySession | None, number: int) -> _Answer:
        self.file.close(session, number)
        return []

    async def _read(self, session: GatewaySession | None, number: int, length: int) -> _Answer:
        return [ua.Variant(self.file.read(session, number, length), _kinds.ByteString)]

    async def _write(self, session: GatewaySession | None, number: int, data: bytes | None) -> _Answer:
        self.file.write(session, number, data or b"")
        return []

    async def _get_position(self, session: GatewaySession | None, number: int) -> _Answer:
        return [ua.Variant(self.file.position(session, number), _kinds.UInt64)]

    async def _set_position(self, session: GatewaySession | None, number: int, position: int) -> _Answer:
        self.file.set_position(session, number, position)
        return []

    async def _dry_run(self, _session: GatewaySession | None) -> _Answer:
        report = await self._model.dry_run(self.file.content())
        return _told(report, succeeded=not report.findings)

    async def _import(self, _session: GatewaySession | None) -> _Answer:
        report = await self._model.import_nodeset(self.file.content())
        return _told(report, succeeded=report.applied)


def _told(report: ModelReport, *, succeeded: bool) -> _Answer:
    return [ua.Variant(succeeded, _kinds.Boolean), ua.Variant(report.text(), _kinds.String)]


def _reader(kind: ua.VariantType, read: Callable[[], object]) -> Callable[[], ua.DataValue]:
    def datavalue() -> ua.DataValue:
        moment = to_datetime(now())
        return ua.DataValue(ua.Variant(read(), kind), GOOD, moment, moment)

    return datavalue


def _guarded(call: _Call) -> _Call:
    """Call with the session and plain arguments; refusals become StatusCodes.

    Who may is said by the methods' RolePermissions in our own model: ConfigureAdmin.
    """

    async def method(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode | _Answer:
        try:
            answer: _Answer = await call(CALLER.get(), *(one.Value for one in arguments))
        except FileRefused as refused:
            return ua.StatusCode(ua.UInt32(refused.status))
        return answer

    return method
