# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false
from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua

from server.address_space.keys import nodeid_of
from server.address_space.space import AddressSpace
from server.events.compiled_filter import EventFilterRefused, compile_filter
from server.events.emitter import Emitter
from server.events.event import Event
from server.events.event_types import EventTypes
from server.events.operands import MAX_LITERALS
from server.events.request import MAX_ELEMENTS, MAX_OPERANDS
from tests.unit.server.events.plant import (
    BASE,
    MESSAGE,
    OTHER,
    OWN,
    SOURCE,
    SUB,
    asked,
    clause,
    codes,
    compiled,
    element,
    literal,
    own,
    raw_event,
    reference,
    told,
)

KINDS = ua.VariantType
OPS = ua.FilterOperator
NULL = ua.Variant()
TRUE, FALSE = ua.Variant(True), ua.Variant(False)  # noqa: FBT003 - values
SCORE, NAME, TAGS, HEALTH = own("Score"), own("Name"), own("Tags"), own("Health")
SEVERITY, TYPE, SOURCE_NODE, TIME = clause("Severity"), clause("EventType"), clause("SourceNode"), clause("Time")
GUID = UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63")


def int32(number: int) -> ua.LiteralOperand:
    return literal(number, KINDS.Int32)


def event_of(space: AddressSpace) -> Event:
    return raw_event(space, Score=20.0, Name="Tank 7", Tags=["a", "b"])


def passes(space: AddressSpace, *where: ua.ContentFilterElement, event: Event | None = None) -> bool:
    return compiled(space, [MESSAGE], *where).select(event or event_of(space)) is not None


def outcome(space: AddressSpace, *where: ua.ContentFilterElement) -> bool | None:
    """TRUE, FALSE or null of the first element, which a client sees by Not and IsNull alone."""
    moved = [element(one.FilterOperator, *(_moved(operand) for operand in one.FilterOperands)) for one in where]
    if passes(space, element(OPS.IsNull, reference(1)), *moved):
        return None
    yes, no = passes(space, *where), passes(space, element(OPS.Not, reference(1)), *moved)
    assert yes != no
    return yes


def _moved(operand: Any) -> Any:
    return reference(operand.Index + 1) if isinstance(operand, ua.ElementOperand) else operand


def refused(space: AddressSpace, *where: ua.ContentFilterElement) -> ua.ContentFilterResult:
    with pytest.raises(EventFilterRefused) as error:
        compiled(space, [MESSAGE], *where)
    assert error.value.status == ua.StatusCodes.BadEventFilterInvalid
    return told(error.value.result).WhereClauseResult


@pytest.mark.parametrize(
    ("operator", "operands", "expected"),
    [
        (OPS.Equals, [SEVERITY, int32(500)], True),
        (OPS.Equals, [SEVERITY, int32(501)], False),
        (OPS.Equals, [SEVERITY, literal("500")], True),
        (OPS.Equals, [NAME, literal("tank 7")], False),
        (OPS.Equals, [SEVERITY, literal(NULL)], None),
        (OPS.Equals, [own("Extra"), int32(5)], None),
        (OPS.Equals, [literal(NULL), literal(NULL)], None),
        (OPS.Equals, [SOURCE_NODE, literal(nodeid_of(SOURCE))], True),
        (OPS.Equals, [SOURCE_NODE, literal("ns=2;s=Tank")], True),
        (OPS.Equals, [TIME, literal("then")], False),
        (OPS.Equals, [TAGS, literal(["a", "b"])], True),
        (OPS.Equals, [TAGS, literal(["a", "c"])], False),
        (OPS.Equals, [TAGS, literal("a")], False),
        (OPS.Equals, [own("Tags", index_range="1"), literal(["b"])], True),
        (OPS.Equals, [literal(GUID), literal(str(GUID))], True),
        (OPS.Equals, [clause("Message"), literal("leak found")], True),
        (OPS.IsNull, [own("Extra")], True),
        (OPS.IsNull, [SEVERITY], False),
        (OPS.IsNull, [literal(None, KINDS.String)], True),
        (OPS.IsNull, [literal("")], False),
        (OPS.IsNull, [literal(ua.NodeId())], True),
        (OPS.GreaterThan, [SEVERITY, int32(499)], True),
        (OPS.GreaterThan, [SEVERITY, int32(500)], False),
        (OPS.GreaterThan, [SCORE, int32(-5)], True),
        (OPS.LessThan, [SCORE, literal(20.5)], True),
        (OPS.LessThan, [NAME, literal("Tank 8")], True),
        (OPS.LessThan, [SCORE, literal("many")], False),
        (OPS.LessThan, [SCORE, literal(float("nan"))], False),
        (OPS.LessThan, [own("Extra"), int32(1)], None),
        (OPS.LessThan, [literal(FALSE), literal(TRUE)], False),
        (OPS.LessThan, [SOURCE_NODE, literal(ua.NodeId(5))], False),
        (OPS.GreaterThanOrEqual, [SEVERITY, int32(500)], True),
        (OPS.GreaterThanOrEqual, [SEVERITY, int32(501)], False),
        (OPS.LessThanOrEqual, [SEVERITY, int32(500)], True),
        (OPS.LessThanOrEqual, [SEVERITY, literal("499")], False),
        (OPS.LessThanOrEqual, [TIME, literal(datetime(2100, 1, 1, tzinfo=UTC))], True),
        (OPS.Like, [NAME, literal("Tank%")], True),
        (OPS.Like, [NAME, literal("_ank [0-6]")], False),
        (OPS.Like, [clause("Message"), literal("%found")], True),
        (OPS.Like, [SOURCE_NODE, literal("ns=2;%")], True),
        (OPS.Like, [SEVERITY, literal("5%")], False),
        (OPS.Like, [NAME, int32(5)], False),
        (OPS.Like, [own("Extra"), literal("%")], None),
        (OPS.Like, [NAME, literal(NULL)], None),
        (OPS.Like, [literal("Tank 7"), NAME], True),
        (OPS.Like, [literal("leak found"), clause("Message")], True),
        (OPS.Not, [literal(TRUE)], False),
        (OPS.Not, [literal(FALSE)], True),
        (OPS.Not, [literal(NULL)], None),
        (OPS.Not, [int32(0)], None),
        (OPS.Not, [literal("false")], True),
        (OPS.Between, [SEVERITY, int32(500), int32(500)], True),
        (OPS.Between, [SEVERITY, int32(1), literal("499")], False),
        (OPS.Between, [SEVERITY, int32(501), literal(NULL)], False),
        (OPS.Between, [SEVERITY, int32(500), literal(NULL)], None),
        (OPS.InList, [SEVERITY, int32(1), literal("500")], True),
        (OPS.InList, [NAME, literal("x"), literal("Tank 7")], True),
        (OPS.InList, [NAME, literal("x"), literal("y")], False),
        (OPS.InList, [NAME, literal("x"), literal(NULL)], None),
        (OPS.InList, [NAME, literal("Tank 7"), literal(NULL)], True),
        (OPS.InList, [NAME, literal("x"), NAME], True),
        (OPS.InList, [own("Extra"), int32(1)], None),
        (OPS.InList, [literal(float("nan")), literal(float("nan"))], False),
        (OPS.And, [literal(TRUE), literal(TRUE)], True),
        (OPS.And, [literal(TRUE), literal(NULL)], None),
        (OPS.And, [literal(NULL), literal(FALSE)], False),
        (OPS.And, [literal(TRUE), int32(1)], None),
        (OPS.Or, [literal(FALSE), literal(FALSE)], False),
        (OPS.Or, [literal(FALSE), literal(NULL)], None),
        (OPS.Or, [literal(NULL), literal(TRUE)], True),
        (OPS.OfType, [literal(nodeid_of(OWN))], True),
        (OPS.OfType, [literal(nodeid_of(BASE))], True),
        (OPS.OfType, [literal(nodeid_of(SUB))], False),
        (OPS.OfType, [literal(ua.NodeId(58))], True),
        (OPS.OfType, [literal(NULL)], None),
        (OPS.OfType, [TYPE], True),
        (OPS.OfType, [SOURCE_NODE], False),
        (OPS.OfType, [NAME], False),
    ],
)
def test_operators(space: AddressSpace, operator: OPS, operands: list[Any], expected: bool | None) -> None:  # noqa: FBT001 - a parameter of the test
    assert outcome(space, element(operator, *operands)) is expected


INT32, INT64, DOUBLE, STRING = (literal(ua.NodeId(number)) for number in (6, 8, 11, 12))


@pytest.mark.parametrize(
    ("operand", "data_type", "wanted"),
    [
        (SCORE, INT32, int32(20)),
        (literal("7"), INT32, int32(7)),
        (SEVERITY, STRING, literal("500")),
        (literal("ns=2;s=Tank"), literal(ua.NodeId(17)), SOURCE_NODE),
        (SCORE, literal(ua.NodeId(ua.ObjectIds.Duration)), literal(20.0)),
        (literal(3.0), literal(ua.NodeId(ua.ObjectIds.ServerState)), int32(3)),
    ],
)
def test_cast(space: AddressSpace, operand: Any, data_type: Any, wanted: Any) -> None:
    assert passes(space, element(OPS.Equals, reference(1), wanted), element(OPS.Cast, operand, data_type))


@pytest.mark.parametrize(
    ("operand", "data_type"),
    [
        (literal("x"), INT32),
        (own("Extra"), INT32),
        (literal(1e300), INT64),
        (SCORE, literal(ua.NodeId(58))),
        (SCORE, literal(ua.NodeId("nothing", 2))),
        (SCORE, literal(ua.NodeId(ua.ObjectIds.Number))),
        (SCORE, literal("i=6")),
        (SCORE, literal(NULL)),
    ],
)
def test_a_cast_that_cannot_be_done_is_null(space: AddressSpace, operand: Any, data_type: Any) -> None:
    assert passes(space, element(OPS.IsNull, reference(1)), element(OPS.Cast, operand, data_type))


@pytest.mark.parametrize(
    ("operator", "left", "right", "wanted"),
    [
        (OPS.BitwiseAnd, int32(12), int32(10), int32(8)),
        (OPS.BitwiseOr, int32(12), int32(10), int32(14)),
        (OPS.BitwiseAnd, literal(0x1FF, KINDS.UInt16), literal(0xF0, KINDS.Byte), literal(0xF0, KINDS.UInt16)),
        (OPS.BitwiseAnd, int32(-1), literal(0xFFFFFFFF, KINDS.UInt32), int32(-1)),
        (OPS.BitwiseOr, literal(-1, KINDS.SByte), literal(0, KINDS.UInt64), literal(2**64 - 1, KINDS.UInt64)),
        (OPS.BitwiseAnd, literal(-1, KINDS.Int64), literal(2**63, KINDS.UInt64), literal(-(2**63), KINDS.Int64)),
    ],
)
def test_bits(space: AddressSpace, operator: OPS, left: Any, right: Any, wanted: Any) -> None:
    assert passes(space, element(OPS.Equals, reference(1), wanted), element(operator, left, right))


@pytest.mark.parametrize("operand", [literal(1.0), literal("1"), literal(TRUE), literal(NULL), literal([1])])
def test_bits_of_what_is_no_integer_are_null(space: AddressSpace, operand: Any) -> None:
    for operator in (OPS.BitwiseAnd, OPS.BitwiseOr):
        for pair in ((operand, int32(1)), (int32(1), operand)):
            assert passes(space, element(OPS.IsNull, reference(1)), element(operator, *pair))


def test_of_type_counts_subtypes(space: AddressSpace) -> None:
    where = element(OPS.OfType, literal(nodeid_of(OWN)))
    emitter = Emitter(EventTypes(space))
    assert passes(space, where, event=emitter.make(SUB, SOURCE, "x", 1))
    assert not passes(space, where, event=emitter.make(BASE, SOURCE, "x", 1))
    assert not passes(space, element(OPS.OfType, literal(nodeid_of(OTHER))))


def test_a_status_code_in_place_of_a_value_counts_as_null(space: AddressSpace) -> None:
    away = ua.Variant(ua.StatusCode(ua.StatusCodes.BadUserAccessDenied), KINDS.StatusCode)
    event = raw_event(space, Score=away, Health=away)
    assert passes(space, element(OPS.IsNull, SCORE), event=event)
    assert not passes(space, element(OPS.IsNull, HEALTH), event=event)


def test_only_true_lets_an_event_pass(space: AddressSpace) -> None:
    assert passes(space, element(OPS.Or, literal(FALSE), literal(TRUE)))
    assert not passes(space, element(OPS.Not, literal(NULL)))
    assert not passes(space, element(OPS.BitwiseOr, int32(1), int32(1)))
    assert not passes(space, element(OPS.Cast, SCORE, INT32))


@pytest.mark.parametrize("operator", [OPS.InView, OPS.RelatedTo])
def test_operators_of_queries_are_unsupported(space: AddressSpace, operator: OPS) -> None:
    (result,) = refused(space, element(operator, literal(ua.NodeId(85)))).ElementResults
    assert result.StatusCode.name == "BadFilterOperatorUnsupported"
    assert result.OperandStatusCodes == []


@pytest.mark.parametrize("operator", [18, -1, 2**31 - 1])
def test_operators_that_nobody_knows(space: AddressSpace, operator: int) -> None:
    body = asked([MESSAGE], [element(OPS.Not, literal(TRUE))])
    begin = body.rindex(b"\x07\0\0\0\x01\0\0\0")
    body = body[:begin] + operator.to_bytes(4, "little", signed=True) + body[begin + 4 :]
    with pytest.raises(EventFilterRefused) as error:
        compile_filter(EventTypes(space), body)
    (result,) = told(error.value.result).WhereClauseResult.ElementResults
    assert result.StatusCode.name == "BadFilterOperatorInvalid"


@pytest.mark.parametrize(
    ("operator", "count"),
    [
        *(
            (operator, count)
            for operator in (OPS.Equals, OPS.LessThan, OPS.Like, OPS.And, OPS.Cast, OPS.BitwiseOr)
            for count in (0, 1, 3)
        ),
        *((operator, count) for operator in (OPS.IsNull, OPS.Not, OPS.OfType) for count in (0, 2)),
        (OPS.Between, 2),
        (OPS.Between, 4),
        (OPS.InList, 0),
        (OPS.InList, 1),
    ],
)
def test_missing_and_extra_operands(space: AddressSpace, operator: OPS, count: int) -> None:
    (result,) = refused(space, element(operator, *[int32(1)] * count)).ElementResults
    assert result.StatusCode.name == "BadFilterOperandCountMismatch"


def attribute_operand() -> ua.AttributeOperand:
    return ua.AttributeOperand(NodeId=nodeid_of(BASE), AttributeId=13)


@pytest.mark.parametrize(
    ("where", "statuses"),
    [
        (element(OPS.Equals, attribute_operand(), int32(1)), ["BadFilterOperandInvalid", "Good"]),
        (element(OPS.Equals, int32(1), clause("Massage")), ["Good", "BadNodeIdUnknown"]),
        (
            element(OPS.Equals, clause("x", kind=SOURCE), clause("")),
            ["BadTypeDefinitionInvalid", "BadBrowseNameInvalid"],
        ),
        (element(OPS.Equals, ua.EUInformation(), int32(1)), ["BadFilterOperandInvalid", "Good"]),
        (element(OPS.Like, NAME, literal("a[b")), ["Good", "BadFilterLiteralInvalid"]),
        (element(OPS.OfType, literal(ua.NodeId("nothing", 2))), ["BadFilterLiteralInvalid"]),
        (element(OPS.OfType, literal(nodeid_of(SOURCE))), ["BadFilterLiteralInvalid"]),
        (element(OPS.OfType, literal(5)), ["BadFilterLiteralInvalid"]),
    ],
)
def test_operands_that_make_no_sense(space: AddressSpace, where: ua.ContentFilterElement, statuses: list[str]) -> None:
    good, result = refused(space, element(OPS.Not, literal(TRUE)), where).ElementResults
    assert (good.StatusCode.name, good.OperandStatusCodes) == ("Good", [])
    assert result.StatusCode.name == "BadFilterOperandInvalid"
    assert codes(result.OperandStatusCodes) == statuses


@pytest.mark.parametrize("index", [0, 1, 3, 2**32 - 1])
def test_threat_14_elements_refer_forward_only(space: AddressSpace, index: int) -> None:
    where = [
        element(OPS.Not, reference(1)),
        element(OPS.And, reference(index), literal(TRUE)),
        element(OPS.Not, literal(TRUE)),
    ]
    results = refused(space, *where).ElementResults
    assert codes(one.StatusCode for one in results) == ["Good", "BadFilterOperandInvalid", "Good"]
    assert codes(results[1].OperandStatusCodes) == ["BadFilterOperandInvalid", "Good"]


def test_threat_14_elements_that_are_referred_to_twice_at_each_level_are_evaluated_once(space: AddressSpace) -> None:
    where = [element(OPS.And, reference(i + 1), reference(i + 1)) for i in range(MAX_ELEMENTS - 1)]
    made = compiled(space, [MESSAGE], *where, element(OPS.Equals, NAME, literal("Tank 7")))
    event = event_of(space)
    begun = time.process_time()
    assert made.select(event) is not None
    assert time.process_time() - begun < 0.5


def test_threat_14_more_elements_or_operands_than_allowed_are_refused(space: AddressSpace) -> None:
    true = element(OPS.Or, literal(TRUE), literal(TRUE))
    assert passes(space, *[true] * MAX_ELEMENTS)
    most = element(OPS.InList, *[literal("Tank 7")] * MAX_OPERANDS)
    assert passes(space, most)
    for where in ([true] * (MAX_ELEMENTS + 1), [true, most]):
        with pytest.raises(EventFilterRefused) as error:
            compiled(space, [MESSAGE], *where)
        assert (error.value.status, error.value.result) == (ua.StatusCodes.BadEventFilterInvalid, None)


def test_threat_14_literals_that_are_too_long_are_refused(space: AddressSpace) -> None:
    long = literal("x" * (MAX_LITERALS // 2))
    assert not passes(space, element(OPS.Equals, NAME, long))
    results = refused(space, element(OPS.Equals, NAME, long), element(OPS.Equals, NAME, long)).ElementResults
    assert codes(one.StatusCode for one in results) == ["Good", "BadFilterOperandInvalid"]
    assert codes(results[1].OperandStatusCodes) == ["Good", "BadFilterLiteralInvalid"]


def test_elements_that_nothing_leads_to_are_left_out(space: AddressSpace) -> None:
    assert passes(space, element(OPS.Equals, int32(1), int32(1)), element(OPS.Not, literal(TRUE)))


def test_a_list_of_all_event_types_as_asyncuas_client_sends_it(space: AddressSpace) -> None:
    types = [literal(nodeid_of(one)) for one in space.subtypes(BASE)]
    assert len(types) > 100
    assert passes(space, element(OPS.InList, TYPE, *types))
    others = [one for one in types if one.Value.Value != nodeid_of(OWN)]
    assert not passes(space, element(OPS.InList, TYPE, *others))
