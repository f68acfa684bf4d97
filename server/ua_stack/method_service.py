"""The Call service as Part 4 v1.05 5.12.2 defines it (seam: ``InternalServer.method_service``).

A method's own coroutine is asked only when the object has that method, it may be executed, and the arguments are of the
types that it declares.
"""

from __future__ import annotations

import logging
from typing import Any

from asyncua import ua
from asyncua.server.address_space import AddressSpace, MethodService, NodeData

from server.ua_stack.arguments import accepts
from server.ua_stack.nodes import HAS_COMPONENT, HAS_PROPERTY, HAS_SUBTYPE, HAS_TYPE, attribute, forward
from server.ua_stack.operation_limits import MAX_METHODS_PER_CALL, bounded
from server.ua_stack.types import is_subtype

_log = logging.getLogger("plantspace.methods")


class _CallRefusedError(Exception):
    """A call that does not reach its method; ``status`` is the operation's StatusCode."""

    def __init__(self, status: int, arguments: list[int] | None = None) -> None:
        self.status = status
        self.arguments = arguments or []
        super().__init__(f"0x{status:08X}")


class CallService(MethodService):
    """Checks calls and runs them one after the other."""

    def __init__(self, aspace: AddressSpace) -> None:
        """Serve the methods of ``aspace``."""
        super().__init__(aspace)
        self._nodes = aspace

    async def call(self, methods: list[ua.CallMethodRequest]) -> list[ua.CallMethodResult]:
        """Call methods as the gateway itself."""
        return await self.call_as(methods, permitted=True)

    async def call_as(self, methods: list[ua.CallMethodRequest], *, permitted: bool) -> list[ua.CallMethodResult]:
        """Call methods; ``permitted``: the user's role may. Each call has a StatusCode of its own.

        Raises :class:`ServiceError` for no methods at all, or too many.
        """
        return [await self._answer(one, permitted=permitted) for one in bounded(methods, MAX_METHODS_PER_CALL)]

    async def _answer(self, request: ua.CallMethodRequest, *, permitted: bool) -> ua.CallMethodResult:
        arguments: list[ua.Variant] = list(request.InputArguments or [])
        try:
            method = self._method(request)
            call = self._executable(request.ObjectId, method, permitted=permitted)
            self._check_arguments(method, arguments)
        except _CallRefusedError as refused:
            return _result(refused.status, refused.arguments)
        try:
            answer = await self._run_method(call, request.ObjectId, *arguments)
        except Exception:  # noqa: BLE001 - a method's own fault must not end the others of the request
            _log.exception("the method %s failed", request.MethodId.to_string())
            return _result(ua.StatusCodes.BadUnexpectedError)
        if isinstance(answer, ua.CallMethodResult):
            return answer
        if isinstance(answer, ua.StatusCode):
            return _result(answer.value)
        result = ua.CallMethodResult()
        result.OutputArguments = list(answer or [])
        return result

    def _method(self, request: ua.CallMethodRequest) -> NodeData:
        """Find the method, which is a component of the object, of its type or of one of that type's supertypes."""
        if request.ObjectId.is_null():
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        owner = self._nodes.get(request.ObjectId)
        if owner is None:
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        if attribute(owner, ua.AttributeIds.NodeClass) not in (ua.NodeClass.Object, ua.NodeClass.ObjectType):
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        method = self._nodes.get(request.MethodId)
        if method is None or attribute(method, ua.AttributeIds.NodeClass) != ua.NodeClass.Method:
            raise _CallRefusedError(ua.StatusCodes.BadMethodInvalid)
        if not any(self._has(holder, method.nodeid) for holder in self._holders(owner)):
            raise _CallRefusedError(ua.StatusCodes.BadMethodInvalid)
        return method

    def _holders(self, owner: NodeData) -> list[NodeData]:
        """Give the object and its types, the nearest first."""
        holders = [owner]
        definition = next(forward(owner, HAS_TYPE), None)
        following = self._nodes.get(definition.NodeId) if definition is not None else self._supertype(owner)
        while following is not None and following not in holders:
            holders.append(following)
            following = self._supertype(following)
        return holders

    def _supertype(self, node: NodeData) -> NodeData | None:
        for reference in node.references:
            if not reference.IsForward and reference.ReferenceTypeId == HAS_SUBTYPE:
                return self._nodes.get(reference.NodeId)
        return None

    def _has(self, holder: NodeData, method: ua.NodeId) -> bool:
        return any(
            reference.NodeId == method and is_subtype(self._nodes, reference.ReferenceTypeId, HAS_COMPONENT)
            for reference in holder.references
            if reference.IsForward
        )

    def _executable(self, owner: ua.NodeId, method: NodeData, *, permitted: bool) -> Any:  # a coroutine function
        """Give what answers the call, if the method may be executed at all, and by this user."""
        call = self._implementation(owner, method)
        if call is None or attribute(method, ua.AttributeIds.Executable) is False:
            raise _CallRefusedError(ua.StatusCodes.BadNotExecutable)
        if not permitted or attribute(method, ua.AttributeIds.UserExecutable) is False:
            raise _CallRefusedError(ua.StatusCodes.BadUserAccessDenied)
        return call

    def _implementation(self, owner: ua.NodeId, method: NodeData) -> Any:  # as above
        """Give what answers; for a type's method it is the object's own one of the same name, where there is one."""
        if method.call is not None:
            return method.call
        name = attribute(method, ua.AttributeIds.BrowseName)
        for reference in self._nodes[owner].references:
            if reference.IsForward and reference.BrowseName == name:
                own = self._nodes.get(reference.NodeId)
                if own is not None and own.call is not None:
                    return own.call
        return None

    def _check_arguments(self, method: NodeData, given: list[ua.Variant]) -> None:
        declared = self._declared(method)
        if len(given) < len(declared):
            raise _CallRefusedError(ua.StatusCodes.BadArgumentsMissing)
        if len(given) > len(declared):
            raise _CallRefusedError(ua.StatusCodes.BadTooManyArguments)
        fits = [accepts(self._nodes, argument, variant) for argument, variant in zip(declared, given, strict=True)]
        if not all(fits):
            results = [0 if fit else ua.StatusCodes.BadTypeMismatch for fit in fits]
            raise _CallRefusedError(ua.StatusCodes.BadInvalidArgument, results)

    def _declared(self, method: NodeData) -> list[ua.Argument]:
        """Give the InputArguments property (Part 3 v1.05 5.7); a method without it takes none."""
        for reference in forward(method, HAS_PROPERTY):
            held = self._nodes.get(reference.NodeId)
            if held is not None and reference.BrowseName is not None and reference.BrowseName.Name == "InputArguments":
                return list(attribute(held, ua.AttributeIds.Value) or [])
        return []


def _result(status: int, arguments: list[int] | None = None) -> ua.CallMethodResult:
    """Give an answer without outputs; InputArgumentResults come with BadInvalidArgument alone."""
    result = ua.CallMethodResult()
    result.StatusCode = ua.StatusCode(ua.UInt32(status))
    result.InputArgumentResults = [ua.StatusCode(ua.UInt32(one)) for one in arguments or []]
    return result
