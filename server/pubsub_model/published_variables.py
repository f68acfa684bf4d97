"""The variables that a client wants published (Part 14 v1.05 6.2.3.7.1), each judged alone."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from nodesets.nodes import NodeClass
from server.address_space.keys import key_of
from server.plan import Plan
from server.pubsub_model.arguments import text_of
from server.ua_stack.nodeids import UnknownNamespaceError
from server.ua_stack.sessions import CALLER
from server.users.well_known import Permission

_VALUE: Final = 13


class AskedVariable(NamedTuple):
    """A variable by the text that the configuration would name it by. ``status``: Bad where it cannot be published."""

    node: str
    status: int


def variables_of(given: Sequence[object], plan: Plan) -> list[AskedVariable]:
    """Judge each variable."""
    return [_variable(one, plan) for one in given]


def _variable(given: object, plan: Plan) -> AskedVariable:
    if not isinstance(given, ua.PublishedVariableDataType):
        return AskedVariable("", StatusCodes.BadInvalidArgument)
    nodeid = given.PublishedVariable
    return AskedVariable(_text(nodeid, plan), _status(given, nodeid, plan))


def _text(nodeid: ua.NodeId, plan: Plan) -> str:
    try:
        return plan.nodeids.to_text(nodeid)
    except UnknownNamespaceError:
        return ""


def _status(given: ua.PublishedVariableDataType, nodeid: ua.NodeId, plan: Plan) -> int:
    space = plan.stack.internal.space
    node = None if nodeid.is_null() else space.get(key_of(nodeid))
    session = CALLER.get()
    if node is None:
        return StatusCodes.BadNodeIdUnknown
    if session is not None and (refused := space.rights.refusal(node, session.context, Permission.READ)):
        return refused  # nobody publishes what they may not read
    if int(given.AttributeId) != _VALUE or node.node_class is not NodeClass.VARIABLE:
        return StatusCodes.BadAttributeIdInvalid
    if text_of(given.IndexRange, "IndexRange"):
        return StatusCodes.BadIndexRangeInvalid
    if int(given.DeadbandType):
        return StatusCodes.BadDeadbandFilterInvalid  # a point's own deadband counts
    return 0 if plan.names.points_of(nodeid) else StatusCodes.BadNotSupported
