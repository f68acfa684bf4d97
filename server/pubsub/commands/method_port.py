"""Where commands meet methods: found, and called as an OPC UA client calls them.

Every check is that of :mod:`server.ua_stack.method_service`.
"""

# The seam on asyncua, whose annotations are partial.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.quality import is_bad
from nodesets.datatypes.binary import encode_variant
from nodesets.datatypes.problems import EncodingError
from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import decode_variant
from server.address_space.asyncua_values import encode_variant as encode_output
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key
from server.pubsub.commands.caller import Caller
from server.pubsub.commands.json_input import json_variant
from server.pubsub.commands.json_scalars import JsonValueError
from server.pubsub.commands.nodes import NODE_FORMS, Nodes
from server.pubsub.commands.words import words
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.stack import UaStack

_HAS_COMPONENT = numeric_key(0, ua.ObjectIds.HasComponent)
_ANYTHING = numeric_key(0, ua.ObjectIds.BaseDataType)

_OF_ARGUMENTS = (StatusCodes.BadInvalidArgument, StatusCodes.BadTooManyArguments)

Arguments = Sequence[object] | Mapping[str, object]
"""In their order, or by their names."""


class WantedCall:
    """A method that somebody named. ``method``: its NodeId, its browse path, or its name beneath the object."""

    __slots__ = ("arguments", "method", "owner")

    def __init__(self, owner: str, method: str, arguments: Arguments) -> None:
        """Keep what is wanted; ``arguments`` are as JSON has them."""
        self.owner, self.method, self.arguments = owner, method, arguments


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call went. ``outputs``: encoded Variants. ``why``: what is wrong."""

    status: int
    why: str = ""
    outputs: tuple[bytes, ...] = ()


class MethodPort:
    """Calls as one user."""

    def __init__(self, stack: UaStack, nodeids: NodeIds, nodes: Nodes, caller: Caller) -> None:
        """Call nothing yet. The caller is closed by whoever made it."""
        self._stack, self._nodeids, self._nodes, self._caller = stack, nodeids, nodes, caller

    async def call(self, wanted: WantedCall, *, entry: str) -> CallOutcome:
        """Call a method; ``entry``: what audit records call the command.

        Raises :class:`~server.pubsub.commands.refusal.CommandRefused` where the user may do nothing at all.
        """
        with self._caller.acting(entry):
            owner = self._nodes.find(wanted.owner)
            method = None if owner is None else self._method(owner, wanted.method)
            request = ua.CallMethodRequest()
            request.ObjectId = nodeid_of(owner or 0)
            request.MethodId = nodeid_of(method or 0)
            if owner is None:
                return self._refused(request, StatusCodes.BadNodeIdUnknown)
            if method is None:
                return self._refused(request, StatusCodes.BadMethodInvalid)
            if not (self._nodes.is_allowed(owner) or self._is_allowed_alone(owner, method)):
                return self._refused(
                    request, StatusCodes.BadUserAccessDenied, "commands: allow: does not name this object"
                )
            declared = self._stack.internal.calls.declared_arguments(method)
            given, problem = self._given(declared, wanted.arguments)
            # What could not be read is passed on as null, which is of no type that a method declares: so the service
            # itself says first whether the user may call at all. Only where anything is taken it would not refuse.
            if problem and any(
                one is None and key_of(of.DataType) == _ANYTHING for one, of in zip(given, declared, strict=False)
            ):
                return self._refused(request, StatusCodes.BadInvalidArgument, problem)
            request.InputArguments = [ua.Variant() if one is None else one for one in given]
            (result,) = await self._caller.session.call([request])
        status = int(result.StatusCode.value)
        outputs = tuple(encode_output(one) for one in result.OutputArguments or ())
        why = problem if problem and status in _OF_ARGUMENTS else words(status)
        return CallOutcome(status, why if is_bad(status) else "", outputs)

    def _is_allowed_alone(self, owner: NodeKey, method: NodeKey) -> bool:
        """Tell whether a method is named that this object alone has; of several who share it, none is meant by it."""
        space = self._stack.internal.space
        node, components = space.get(method), space.subtypes(_HAS_COMPONENT)
        holders = {source for kind, source in node.inverse if kind in components} if node is not None else set()
        return holders == {owner} and self._nodes.is_allowed(method)

    def _refused(self, request: ua.CallMethodRequest, status: int, why: str = "") -> CallOutcome:
        result = ua.CallMethodResult()
        result.StatusCode = ua.StatusCode(ua.UInt32(status))
        self._stack.internal.use_audit.called(self._caller.session, [request], [result])
        return CallOutcome(int(status), why or words(status))

    def _method(self, owner: NodeKey, text: str) -> NodeKey | None:
        """Find a method by its own name, or by its BrowseName beneath the object or its type."""
        if text.startswith(NODE_FORMS):
            return self._nodes.find(text)
        space = self._stack.internal.space
        held = space.get(owner)
        kind = None if held is None else space.type_of(held)
        components = space.subtypes(_HAS_COMPONENT)
        for holder in (owner, *(() if kind is None else (kind, *space.supertypes(kind)))):
            node = space.get(holder)
            for reference, target in () if node is None else node.forward:
                below = space.get(target) if reference in components else None
                if below is not None and below.node_class is NodeClass.METHOD and below.browse_name.name == text:
                    return target
        return None

    def _given(self, declared: Sequence[ua.Argument], arguments: Arguments) -> tuple[list[ua.Variant | None], str]:
        """Read the arguments; None for one that is not of its type, and what is wrong with the first of those.

        More than there are declared are null: how many there may be is the service's to say.
        """
        names = [str(one.Name or "") for one in declared]
        values: list[object]
        if isinstance(arguments, Mapping):
            unknown = [name for name in arguments if name not in names]
            if unknown:
                return [None] * (len(declared) + 1), f"the method has no argument {unknown[0][:80]!r}"
            values = [arguments[name] for name in names if name in arguments]
        else:
            values = list(arguments)
        found: list[ua.Variant | None] = []
        problem = ""
        for place, value in enumerate(values):
            if place >= len(declared):
                found.append(None)
                continue
            try:
                found.append(self._variant(declared[place], value))
            except JsonValueError as error:
                found.append(None)
                problem = problem or f"{names[place]}: {error}"
        return found, problem

    def _variant(self, declared: ua.Argument, value: object) -> ua.Variant:
        codec = self._stack.codec
        try:
            data_type = self._nodeids.name_of(declared.DataType)
            rank = int(cast("int", declared.ValueRank))
            made = json_variant(value, data_type, rank, codec.types)
            return decode_variant(encode_variant(made, codec.types, codec.namespaces))
        except (EncodingError, UnknownNamespaceError, LookupError, UnicodeError, ua.UaError) as error:
            problem = f"it cannot be encoded: {error}"
            raise JsonValueError(problem) from None
