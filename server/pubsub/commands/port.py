"""Where commands meet variables: found, checked, written, and read back, as an OPC UA client's writes are.

Every check is the endpoint's own (:mod:`server.address_space.writing`). What is added is what a client does for itself:
to find a node by its name, and to make a value of the node's DataType.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from core.quality import is_bad
from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.binary import encode_variant
from nodesets.datatypes.problems import DataTypeError, EncodingError
from nodesets.nodes import NodeClass
from server.address_space.attributes import AttributeRefused, check_access
from server.address_space.decoding import Cursor, GivenValue
from server.address_space.encoding import TYPE, encode_string, variant
from server.address_space.keys import NodeKey, nodeid_of
from server.address_space.node import VariableAttributes
from server.address_space.read_request import ReadItem, known_node, read_item, timestamps_of
from server.address_space.rights import WRITING
from server.address_space.session_context import SessionContext
from server.address_space.writing import WriteItem
from server.events.event import SERVER
from server.pubsub.commands.caller import Caller
from server.pubsub.commands.json_input import json_variant
from server.pubsub.commands.json_scalars import JsonValueError
from server.pubsub.commands.nodes import Nodes
from server.pubsub.commands.turns import Turns
from server.pubsub.commands.words import words
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError
from server.ua_stack.stack import UaStack

_BOTH: Final = timestamps_of(int(ua.TimestampsToReturn.Both))
_ABANDONED: Final = int(StatusCodes.BadOperationAbandoned)
_MOST_SHOWN: Final = 1024


class EncodedVariant(NamedTuple):
    """A value that says its type itself, encoded (Part 6 v1.05 5.2.2.16)."""

    variant: bytes


class Wanted(NamedTuple):
    """A value for a node that somebody named: as JSON has it, bytes for a ByteString, or an :class:`EncodedVariant`."""

    node: str
    value: object


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """How a write went. ``why``: what is wrong. ``held``: the node's value, read back; None where nothing was sent."""

    node: str
    status: int
    why: str = ""
    held: GivenValue | None = None


class Prepared(NamedTuple):
    """A write as the Write service takes it, or why there is none."""

    item: WriteItem
    status: int = 0
    why: str = ""


class CommandPort:
    """Writes as one user."""

    def __init__(self, stack: UaStack, nodeids: NodeIds, nodes: Nodes, caller: Caller) -> None:
        """Ask nothing yet. The caller is closed by whoever made it."""
        self._stack, self._nodeids, self._nodes, self._caller = stack, nodeids, nodes, caller

    async def write(self, wanted: Sequence[Wanted], *, entry: str, all_or_nothing: bool) -> list[WriteOutcome]:
        """Write values and read them back. With ``all_or_nothing`` nothing is sent unless all of it may be written.

        ``entry``: what audit records call the command. What a device refuses after others have been written is not
        taken back. Raises :class:`~server.pubsub.commands.refusal.CommandRefused` where the user may do nothing at all.
        """
        internal = self._stack.internal
        turns = Turns()
        with self._caller.acting(entry) as context:
            prepared: list[Prepared] = []
            for asked in wanted:
                one = self.prepare(asked, context)
                if all_or_nothing and not is_bad(one.status):
                    one = one._replace(status=internal.writing.refusal(one.item, context))
                if is_bad(one.status):
                    internal.use_audit.after(one.item, internal.use_audit.before(one.item), one.status)
                prepared.append(one)
                await turns.give()
            if all_or_nothing and any(is_bad(one.status) for one in prepared):
                prepared = [one if is_bad(one.status) else one._replace(status=_ABANDONED) for one in prepared]
            going = [one.item for one in prepared if not is_bad(one.status)]
            statuses = iter(await internal.writing.write(going, context) if going else ())
            outcomes: list[WriteOutcome] = []
            for asked, one in zip(wanted, prepared, strict=True):
                if is_bad(one.status):
                    outcomes.append(WriteOutcome(asked.node, one.status, one.why or words(one.status)))
                else:
                    outcomes.append(self._outcome(asked.node, one.item.key, next(statuses), context))
                await turns.give()
            return outcomes

    def prepare(self, wanted: Wanted, context: SessionContext, *, only_access: bool = False) -> Prepared:
        """Find the node and make the value; what is wrong with the value is told to those alone who may write there.

        ``only_access``: there is no value.
        """
        key = self._nodes.find(wanted.node)
        if key is None:
            return _refused(SERVER, wanted, StatusCodes.BadNodeIdUnknown)
        variable = self._writable(key, context)
        if isinstance(variable, int):
            return _refused(key, wanted, variable)
        if not self._nodes.is_allowed(key):
            return _refused(key, wanted, StatusCodes.BadUserAccessDenied, "commands: allow: does not name this node")
        if only_access:
            return Prepared(WriteItem(key, AttributeIds.Value, GivenValue()))
        try:
            encoded = self._encoded(key, variable, wanted.value)
        except JsonValueError as error:
            return _refused(key, wanted, error.status, str(error))
        return Prepared(WriteItem(key, AttributeIds.Value, GivenValue(encoded)))

    def _writable(self, key: NodeKey, context: SessionContext) -> VariableAttributes | int:
        """Give what a variable is that may be written, or the StatusCode of what is none."""
        space = self._stack.internal.space
        try:
            node = known_node(space, key, context)
            if node.node_class is not NodeClass.VARIABLE or node.variable is None:
                return int(StatusCodes.BadAttributeIdInvalid)
            check_access(space, node, context, WRITING)
        except AttributeRefused as refused:
            return int(refused.status)
        return node.variable

    def refusal(self, node: str, context: SessionContext) -> int:
        """Give what any write of a node would be refused with, whatever the value is; Good where nothing would."""
        return self.prepare(Wanted(node, None), context, only_access=True).status

    def _encoded(self, key: NodeKey, variable: VariableAttributes, value: object) -> bytes:
        if isinstance(value, EncodedVariant):
            return value.variant
        codec = self._stack.codec
        try:
            data_type = self._nodeids.name_of(nodeid_of(variable.data_type))
            abstract = codec.types.built_in(data_type) is BuiltInType.Variant
            present = self._present(key) if abstract else None
            made = json_variant(value, data_type, variable.value_rank, codec.types, present)
            return encode_variant(made, codec.types, codec.namespaces)
        except (DataTypeError, EncodingError, UnknownNamespaceError, LookupError, UnicodeError) as error:
            problem = f"the value cannot be encoded: {error}"
            raise JsonValueError(problem) from None

    def _present(self, key: NodeKey) -> BuiltInType | None:
        attributes = self._stack.internal.attributes
        held = attributes.value(attributes.space[key]).variant
        return BuiltInType(held[0] & TYPE) if held else None

    def _outcome(self, node: str, key: NodeKey, status: int, context: SessionContext) -> WriteOutcome:
        told = read_item(self._stack.internal.attributes, ReadItem(key), _BOTH, context)
        return WriteOutcome(node, status, words(status), Cursor(told).data_value())


def _refused(key: NodeKey, wanted: Wanted, status: int, why: str = "") -> Prepared:
    """Give what audit records tell of a value that never became one of the variable's: a text of it."""
    told = wanted.value.variant if isinstance(wanted.value, EncodedVariant) else wanted.value
    value = f"{len(told)} bytes" if isinstance(told, bytes | bytearray) else json.dumps(told, default=repr)
    text = value if key != SERVER else f"{wanted.node}: {value}"
    shown = variant(BuiltInType.String, encode_string(text[:_MOST_SHOWN]))
    return Prepared(WriteItem(key, AttributeIds.Value, GivenValue(shown)), int(status), why or words(status))
