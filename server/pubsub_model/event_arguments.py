"""What a client wants published of events, in the words of the configuration (Part 14 v1.05 9.1.4.5.4)."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from core.settings import Plain
from server.address_space.keys import key_of, numeric_key
from server.address_space.node import BrowseName
from server.event_history.paths import path_to_text
from server.plan import Plan
from server.pubsub_model.overlay import Words
from server.pubsub_model.refusal import PubSubRefused
from server.ua_stack.nodeids import UnknownNamespaceError

_INVALID: Final = StatusCodes.BadInvalidArgument
_CONDITION: Final = numeric_key(0, ObjectIds.ConditionType)
_EVERY_EVENT: Final = "i=2041"
_MEND: Final = "write OfType, several joined by Or, and Severity >= a number, joined by And; or no filter at all"


def event_words(notifier: object, selected: object, where: object, plan: Plan) -> Words:
    """Give the keys of a dataset of events. Raises :class:`PubSubRefused`."""
    fields = [_field(one, plan) for one in cast("list[object]", selected or [])]
    if not fields:
        raise PubSubRefused(_INVALID, "there are no fields", "select some, such as Time and Message")
    kinds, severity = _filter(where)
    try:
        source = plan.nodeids.to_text(cast("ua.NodeId", notifier))
        texts = [plan.nodeids.to_text(kind) for kind in kinds]
    except UnknownNamespaceError as error:
        raise PubSubRefused(_INVALID, str(error)) from None
    space = plan.stack.internal.space
    are_conditions = bool(kinds) and all(space.is_subtype(key_of(kind), _CONDITION) for kind in kinds)
    types: list[Plain] = [*(texts or [_EVERY_EVENT])]
    words: Words = {
        "source": source,
        "types": types,
        "fields": cast("list[Plain]", fields),
        "class": "alarms" if are_conditions else "events",
    }
    return words if severity <= 1 else {**words, "severity": severity}


def _field(given: object, plan: Plan) -> str:
    if not isinstance(given, ua.SimpleAttributeOperand):
        raise PubSubRefused(_INVALID, "a selected field is no SimpleAttributeOperand")
    path = tuple(BrowseName(int(part.NamespaceIndex), str(part.Name)) for part in given.BrowsePath or [])
    if not path:
        return "ConditionId"  # the NodeId of the Condition is selected so (Part 9 v1.05 5.5.2)
    try:
        return path_to_text(path, plan.nodeids.uris)
    except IndexError:
        raise PubSubRefused(_INVALID, "a selected field is of a namespace that is not there") from None


def _filter(where: object) -> tuple[list[ua.NodeId], int]:
    """Give the event types and the least severity that a ContentFilter lets through."""
    elements: Sequence[ua.ContentFilterElement] = getattr(where, "Elements", None) or []
    if not elements:
        return [], 1
    kinds: list[ua.NodeId] = []
    severity = 1
    waiting = [0]
    for index in waiting:  # And of the parts: each element once
        if index >= len(elements) or len(waiting) > len(elements):
            raise PubSubRefused(_INVALID, "the filter refers to elements that it has not", _MEND)
        element = elements[index]
        if element.FilterOperator is ua.FilterOperator.And:
            waiting += _references(element)
        elif element.FilterOperator is ua.FilterOperator.GreaterThanOrEqual:
            severity = max(severity, _severity(element))
        elif not kinds:
            kinds = _kinds(elements, index, len(elements))
        else:
            raise PubSubRefused(_INVALID, "the filter wants several types at once", _MEND)
    return kinds, severity


def _kinds(elements: Sequence[ua.ContentFilterElement], index: int, depth: int) -> list[ua.NodeId]:
    if depth < 1 or index >= len(elements):
        raise PubSubRefused(_INVALID, "the filter refers to elements that it has not", _MEND)
    element = elements[index]
    operands = element.FilterOperands or []
    if element.FilterOperator is ua.FilterOperator.OfType and operands and isinstance(operands[0], ua.LiteralOperand):
        value = operands[0].Value.Value if operands[0].Value is not None else None
        if isinstance(value, ua.NodeId):
            return [value]
    if element.FilterOperator is ua.FilterOperator.Or:
        return [kind for one in _references(element) for kind in _kinds(elements, one, depth - 1)]
    raise PubSubRefused(_INVALID, f"the filter has {ua.FilterOperator(element.FilterOperator).name}", _MEND)


def _references(element: ua.ContentFilterElement) -> list[int]:
    operands = element.FilterOperands or []
    return [int(one.Index) for one in operands if isinstance(one, ua.ElementOperand)]


def _severity(element: ua.ContentFilterElement) -> int:
    operands: list[object] = list(element.FilterOperands or [])
    field, least = (*operands, None, None)[:2]
    if isinstance(field, ua.SimpleAttributeOperand) and isinstance(least, ua.LiteralOperand):
        names = [str(part.Name) for part in field.BrowsePath or []]
        value = least.Value.Value if least.Value is not None else None
        if names == ["Severity"] and isinstance(value, int):
            return int(value)
    raise PubSubRefused(_INVALID, "the filter compares something else than Severity", _MEND)
