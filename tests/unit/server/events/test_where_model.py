"""Random where-clauses on random events: the compiled ones say what the slow, obvious evaluator says."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import struct
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from server.address_space.asyncua_values import encode_variant
from server.address_space.space import AddressSpace
from server.events.compiled_filter import EventFilterRefused, compile_filter
from server.events.event import Event
from server.events.event_types import EventTypes
from tests.thorough import examples
from tests.unit.server.events import slow_filter
from tests.unit.server.events.plant import (
    MESSAGE,
    OWN,
    SOURCE,
    asked,
    clause,
    compiled,
    declare,
    element,
    literal,
    own,
    own_path,
    raw_event,
    reference,
)

OPS = ua.FilterOperator
FIELDS = ("Any0", "Any1", "Any2")
COUNTS = {
    **dict.fromkeys((OPS.IsNull, OPS.Not), (1, 1)),
    **dict.fromkeys((OPS.Equals, OPS.GreaterThan, OPS.LessThan, OPS.GreaterThanOrEqual, OPS.LessThanOrEqual), (2, 2)),
    **dict.fromkeys((OPS.Like, OPS.And, OPS.Or, OPS.BitwiseAnd, OPS.BitwiseOr), (2, 2)),
    OPS.Between: (3, 3),
    OPS.InList: (2, 5),
}
TEXTS = ("", "5", "-1", "1.5", "300", "true", "0", "x", "Tank", "T%", "_ank", "ns=2;s=Tank", "i=5")


@pytest.fixture(scope="module")
def anything(growing: AddressSpace) -> AddressSpace:
    """A plant whose events have three fields of any type."""
    for name in FIELDS:
        declare(growing, OWN, name, 24)
    return growing


def float32(number: float) -> float:
    return struct.unpack("<f", struct.pack("<f", number))[0]


def numbers(kind: ua.VariantType) -> st.SearchStrategy[ua.Variant]:
    width = 8 * slow_filter.SIZES[kind.name]
    low, high = (0, 2**width - 1) if kind.name[0] in "UB" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    few = [one for one in (-1, 0, 1, 5, 127, 128, 255, 300, 2**31, 2**63) if low <= one <= high]
    return st.builds(ua.Variant, st.sampled_from(few) | st.integers(low, high), st.just(kind))


KINDS = ua.VariantType
VALUES: st.SearchStrategy[ua.Variant] = st.one_of(
    st.just(ua.Variant()),
    st.builds(ua.Variant, st.booleans(), st.just(KINDS.Boolean)),
    *(numbers(KINDS[name]) for name in slow_filter.SIZES),
    st.builds(
        ua.Variant, st.sampled_from([0.0, 1.5, -1.0, 5.0, 300.0]) | st.floats(allow_nan=False), st.just(KINDS.Double)
    ),
    st.builds(ua.Variant, st.sampled_from([0.0, 1.5, 5.0]) | st.floats(width=32), st.just(KINDS.Float)),
    st.builds(ua.Variant, st.sampled_from(TEXTS), st.just(KINDS.String)),
    st.builds(ua.Variant, st.just(None), st.just(KINDS.String)),
    st.builds(ua.Variant, st.sampled_from([ua.NodeId("Tank", 2), ua.NodeId(5), ua.NodeId()]), st.just(KINDS.NodeId)),
    st.builds(ua.Variant, st.builds(ua.LocalizedText, st.sampled_from(TEXTS)), st.just(KINDS.LocalizedText)),
    st.builds(
        ua.Variant,
        st.integers(0, 3).map(lambda days: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)),
        st.just(KINDS.DateTime),
    ),
)


@st.composite
def wheres(draw: st.DrawFn) -> list[ua.ContentFilterElement]:
    count = draw(st.integers(1, 8))
    made: list[ua.ContentFilterElement] = []
    for index in range(count):
        operator = draw(st.sampled_from(list(COUNTS)))
        operands = [draw(operand(index, count)) for _ in range(draw(st.integers(*COUNTS[operator])))]
        made.append(element(operator, *operands))
    return made


def operand(index: int, count: int) -> st.SearchStrategy[Any]:
    plain = st.builds(literal, VALUES) | st.sampled_from([own(name) for name in FIELDS])
    if index + 1 == count:
        return plain
    return st.integers(index + 1, count - 1).map(reference) | plain


@settings(max_examples=examples(150, 3_000), deadline=None)
@given(where=wheres(), fields=st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES)))
def test_the_compiled_where_clause_says_what_the_slow_one_says(
    anything: AddressSpace, where: list[ua.ContentFilterElement], fields: slow_filter.Fields
) -> None:
    event = Event(OWN, SOURCE, {own_path(name): encode_variant(value) for name, value in fields.items()})
    made = compiled(anything, [MESSAGE], *where)
    assert (made.select(event) is not None) == slow_filter.passes(where, fields)
    moved = [element(one.FilterOperator, *map(moved_on, one.FilterOperands)) for one in where]
    for index in {0, len(where) // 2, len(where) - 1}:  # elements by themselves: whether they are null
        probe = compiled(anything, [MESSAGE], element(OPS.IsNull, reference(index + 1)), *moved)
        assert (probe.select(event) is not None) == (slow_filter.evaluate(where, index, fields).Value is None)


def moved_on(one: Any) -> Any:
    return reference(one.Index + 1) if isinstance(one, ua.ElementOperand) else one


NONSENSE = st.one_of(
    st.builds(reference, st.integers(0, 2**32 - 1) | st.integers(0, 6)),
    st.builds(literal, VALUES),
    st.builds(literal, st.text(max_size=30)),
    st.builds(literal, st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4)),
    st.builds(literal, st.integers(0, 40).map(lambda number: ua.Variant(ua.NodeId(number)))),
    st.builds(
        clause,
        st.sampled_from(["Message", "Severity", "Score", "State", "Id", "Tags", "", "x"]),
        namespace=st.sampled_from([0, 2, 9]),
        kind=st.sampled_from([2041, 58, 0, 2782]) | st.sampled_from([OWN, SOURCE]),
        attribute=st.integers(0, 40),
        index_range=st.sampled_from([None, "", "0", "1:2", "x", "0,0"]),
    ),
    st.sampled_from([ua.AttributeOperand(), ua.EUInformation()]),
)


@st.composite
def nonsense_elements(draw: st.DrawFn) -> ua.ContentFilterElement:
    return element(draw(st.integers(0, 20)), *draw(st.lists(NONSENSE, max_size=4)))


CLAUSES = NONSENSE.filter(lambda one: isinstance(one, ua.SimpleAttributeOperand))


@settings(max_examples=200, deadline=None)
@given(select=st.lists(CLAUSES, max_size=4), where=st.lists(nonsense_elements(), max_size=34))
def test_threat_14_a_random_filter_is_refused_or_works(
    space: AddressSpace, select: list[Any], where: list[Any]
) -> None:
    try_out(space, asked(select, where))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), where=wheres())
def test_threat_14_bytes_changed_on_their_way_are_refused_or_work(
    anything: AddressSpace, data: st.DataObject, where: list[ua.ContentFilterElement]
) -> None:
    body = bytearray(asked([MESSAGE, own("Score"), own("Tags", index_range="0:1")], where))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try_out(anything, bytes(body[: data.draw(st.integers(0, len(body)))]))


@cache
def types_of(space: AddressSpace) -> EventTypes:
    return EventTypes(space)


def try_out(space: AddressSpace, body: bytes) -> None:
    event = raw_event(space, Score=float32(0.1), Tags=["a", "b"], Name="Tank")
    begun = time.thread_time()
    try:
        made = compile_filter(types_of(space), body)
    except EventFilterRefused as refused:
        status = refused.status
    else:
        status = None
        fields = made.select(event)
        assert fields is None or fields == made.fields(event)
    assert status in (None, ua.StatusCodes.BadEventFilterInvalid)
    assert time.thread_time() - begun < 1.0, "by the CPU's time: a machine that stands still is no fault of the filter"
