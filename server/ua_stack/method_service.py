"""The Call service as Part 4 v1.05 5.12.2 defines it (seam: ``InternalServer.method_service``).

A method's own coroutine is asked only when the object has that method, it may be executed at all and by who asks, and
the arguments are of the types that it declares.
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
from server.address_space.session_context import GATEWAY, SessionContext
from server.address_space.space import AddressSpace
from server.ua_stack.arguments import accepts
from server.ua_stack.operation_limits import MAX_METHODS_PER_CALL
from server.users.well_known import Permission

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
        return await self.call_as(methods, GATEWAY)

    async def call_as(self, methods: list[ua.CallMethodRequest], context: SessionContext) -> list[ua.CallMethodResult]:
        """Call methods with a session's rights, as they are at each call. Each has a StatusCode of its own.

        Raises :class:`ServiceError` for no methods at all, or too many.
        """
        return [await self._answer(one, context) for one in bounded(methods, MAX_METHODS_PER_CALL)]

    async def _answer(self, request: ua.CallMethodRequest, context: SessionContext) -> ua.CallMethodResult:
        arguments: list[ua.Variant] = list(request.InputArguments or [])
        try:
            owner = self._owner(request, context)
            method = self._method(request, owner)
            call = self._executable(owner, method, context)
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

    def _owner(self, request: ua.CallMethodRequest, context: SessionContext) -> SpaceNode:
        """Find the object; one that a session may neither call nor browse is none to it."""
        if request.ObjectId.is_null():
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        owner = self._space.get(key_of(request.ObjectId))
        if owner is None or self._refusal(owner, context) == ua.StatusCodes.BadNodeIdUnknown:
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdUnknown)
        if owner.node_class not in (NodeClass.OBJECT, NodeClass.OBJECT_TYPE):
            raise _CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        return owner

    def _refusal(self, node: SpaceNode, context: SessionContext) -> int:
        return self._space.rights.refusal(node, context, Permission.CALL)

    def _method(self, request: ua.CallMethodRequest, owner: SpaceNode) -> SpaceNode:
        """Find the method, which is a component of the object, of its type or of one of that type's supertypes."""
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

    def _executable(self, owner: SpaceNode, named: SpaceNode, context: SessionContext) -> Any:  # a coroutine function
        """Give what answers the call, if the method may be executed at all, and by this session.

        Part 3 v1.05 8.55: Call is needed on the object and on the method that the object has, though the client may
        name its type's. A method of which nothing may be seen is no method of the object to who asks.
        """
        method = self._instance(owner, named)
        refused = self._refusal(method, context)
        if refused == ua.StatusCodes.BadNodeIdUnknown:
            raise _CallRefusedError(ua.StatusCodes.BadMethodInvalid)
        call = named.definition if method.definition is None else method.definition
        if call is None or not method.flags & Flag.EXECUTABLE:
            raise _CallRefusedError(ua.StatusCodes.BadNotExecutable)
        status = self._refusal(owner, context) or refused
        if status:
            raise _CallRefusedError(status)
        return call

    def _instance(self, owner: SpaceNode, named: SpaceNode) -> SpaceNode:
        """Give the method that answers: for a type's one the object's own of the same name, where there is one."""
        if self._has(owner, named.key):
            return named
        for _, target in owner.forward:
            own = self._space.get(target)
            if own is not None and own.node_class is NodeClass.METHOD and own.browse_name == named.browse_name:
                return own
        return named

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

    def argument_names(self, method: NodeKey) -> list[str]:
        """Give the names of a method's input arguments; none of what is no method."""
        node = self._space.get(method)
        return [] if node is None else [str(argument.Name or "") for argument in self._declared(node)]

    def declared_arguments(self, method: NodeKey) -> list[ua.Argument]:
        """Give a method's input arguments; none of what is no method."""
        node = self._space.get(method)
        return [] if node is None else self._declared(node)

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
