"""The Call service as Part 4 v1.05 5.12.2 defines it (seam: ``InternalServer.method_service``).

A method's own coroutine is asked only when the object has that method, it may be executed, and the arguments are of the
types that it declares.
"""

from __future__ import annotations

import logging
from typing import Any

from asyncua import ua
from asyncua.server.address_space import MethodService

from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import decode_variant
from server.address_space.keys import NodeKey, key_of, numeric_key
from server.address_space.node import Flag, SpaceNode
from server.address_space.operation_count import bounded
from server.address_space.space import AddressSpace
from server.ua_stack.arguments import accepts
from server.ua_stack.operation_limits import MAX_METHODS_PER_CALL

_HAS_COMPONENT = numeric_key(0, ua.ObjectIds.HasComponent)
_HAS_PROPERTY = numeric_key(0, ua.ObjectIds.HasProperty)
_log = logging.getLogger("plantspace.methods")


class _CallRefusedError(Exception):
    """A call that does not reach its method; ``status`` is the operation's StatusCode."""

    def __init__(self, status: int, arguments: list[int] | None = None) -> None:
        self.status = status
        self.arguments = arguments or []
        super().__init__(f"0x{status:08X}")


class CallService(MethodService):
    """Checks calls and runs them one after the other."""

    def __init__(self, space: AddressSpace, aspace: Any) -> None:
        """Serve the methods of ``space``; ``aspace`` is what asyncua is shown of it."""
        super().__init__(aspace)
        self._space = space

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

    def _method(self, request: ua.CallMethodRequest) -> SpaceNode:
        """Find the method, which is a component of the object, of its type or of one of that type's supertypes."""
        if request.ObjectId.is_null():
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        owner = self._space.get(key_of(request.ObjectId))
        if owner is None:
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        if owner.node_class not in (NodeClass.OBJECT, NodeClass.OBJECT_TYPE):
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        method = self._space.get(key_of(request.MethodId))
        if method is None or method.node_class is not NodeClass.METHOD:
            raise _CallRefusedError(ua.StatusCodes.BadMethodInvalid)
        if not any(self._has(holder, method.key) for holder in self._holders(owner)):
            raise _CallRefusedError(ua.StatusCodes.BadMethodInvalid)
        return method

    def _holders(self, owner: SpaceNode) -> list[SpaceNode]:
        """Give the object and its types, the nearest first."""
        nodes = self._space.nodes
        kind = owner.key if owner.node_class is NodeClass.OBJECT_TYPE else self._space.type_of(owner)
        if kind is None:
            return [owner]
        types = (kind, *self._space.supertypes(kind))
        return [owner, *(nodes[one] for one in types if one in nodes and one != owner.key)]

    def _has(self, holder: SpaceNode, method: NodeKey) -> bool:
        components = self._space.subtypes(_HAS_COMPONENT)
        return any(target == method and kind in components for kind, target in holder.forward)

    def _executable(self, owner: ua.NodeId, method: SpaceNode, *, permitted: bool) -> Any:  # a coroutine function
        """Give what answers the call, if the method may be executed at all, and by this user."""
        call = self._implementation(owner, method)
        if call is None or not method.flags & Flag.EXECUTABLE:
            raise _CallRefusedError(ua.StatusCodes.BadNotExecutable)
        if not permitted:
            raise _CallRefusedError(ua.StatusCodes.BadUserAccessDenied)
        return call

    def _implementation(self, owner: ua.NodeId, method: SpaceNode) -> Any:  # as above
        """Give what answers; for a type's method it is the object's own one of the same name, where there is one."""
        if method.definition is not None:
            return method.definition
        nodes = self._space.nodes
        for _, target in nodes[key_of(owner)].forward:
            own = nodes[target]
            if own.node_class is NodeClass.METHOD and own.browse_name == method.browse_name:
                return own.definition
        return None

    def _check_arguments(self, method: SpaceNode, given: list[ua.Variant]) -> None:
        declared = self._declared(method)
        if len(given) < len(declared):
            raise _CallRefusedError(ua.StatusCodes.BadArgumentsMissing)
        if len(given) > len(declared):
            raise _CallRefusedError(ua.StatusCodes.BadTooManyArguments)
        fits = [accepts(self._space, argument, variant) for argument, variant in zip(declared, given, strict=True)]
        if not all(fits):
            results = [0 if fit else ua.StatusCodes.BadTypeMismatch for fit in fits]
            raise _CallRefusedError(ua.StatusCodes.BadInvalidArgument, results)

    def _declared(self, method: SpaceNode) -> list[ua.Argument]:
        """Give the InputArguments property (Part 3 v1.05 5.7); a method without it takes none."""
        for kind, target in method.forward:
            held = self._space[target]
            if kind == _HAS_PROPERTY and held.browse_name == (0, "InputArguments") and isinstance(held.value, bytes):
                return list(decode_variant(held.value).Value or [])
        return []


def _result(status: int, arguments: list[int] | None = None) -> ua.CallMethodResult:
    """Give an answer without outputs; InputArgumentResults come with BadInvalidArgument alone."""
    result = ua.CallMethodResult()
    result.StatusCode = ua.StatusCode(ua.UInt32(status))
    result.InputArgumentResults = [ua.StatusCode(ua.UInt32(one)) for one in arguments or []]
    return result
