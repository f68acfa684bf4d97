from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodesets.built_in_types import BuiltInType as Kind
from nodesets.built_in_types import LocalizedText
from server.address_space.keys import NodeKey
from server.address_space.node import BrowseName
from server.events.conversion import as_boolean, explicit, implicit, in_common
from server.events.conversions import CONVERSIONS, INTEGERS
from server.events.node_id_text import expanded_from_text, expanded_to_text, node_id_from_text, node_id_to_text
from server.events.values import ExpandedKey, Value

GUID = UUID("72962b91-fa75-4ae6-8d28-b404dc7daf63")


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        (Value(Kind.Int32, 5), Value(Kind.Double, 5.0), Kind.Double),
        (Value(Kind.Int32, 5), Value(Kind.UInt32, 5), Kind.Int32),
        (Value(Kind.Int32, 5), Value(Kind.UInt64, 5), Kind.UInt64),
        (Value(Kind.Int64, 5), Value(Kind.UInt64, 5), Kind.Int64),
        (Value(Kind.Byte, 5), Value(Kind.SByte, 5), Kind.SByte),
        (Value(Kind.Boolean, True), Value(Kind.Byte, 1), Kind.Byte),  # noqa: FBT003 - a value
        (Value(Kind.String, "5"), Value(Kind.Int16, 5), Kind.Int16),
        (Value(Kind.String, "true"), Value(Kind.Boolean, True), Kind.Boolean),  # noqa: FBT003 - a value
        (Value(Kind.String, str(GUID)), Value(Kind.Guid, GUID), Kind.Guid),
        (Value(Kind.String, "ns=2;s=x"), Value(Kind.NodeId, (2, "x")), Kind.String),
        (Value(Kind.ExpandedNodeId, ExpandedKey(5)), Value(Kind.NodeId, 5), Kind.ExpandedNodeId),
        (Value(Kind.String, "a"), Value(Kind.LocalizedText, LocalizedText("en", "a")), Kind.String),
        (Value(Kind.QualifiedName, BrowseName(2, "a")), Value(Kind.String, "a"), Kind.String),
        (Value(Kind.QualifiedName, BrowseName(2, "a")), Value(Kind.LocalizedText, LocalizedText(None, "a")), 21),
        (Value(Kind.UInt16, 0x8031), Value(Kind.StatusCode, 0x80310000), Kind.StatusCode),
        (Value(Kind.StatusCode, 0x80310000), Value(Kind.UInt32, 0x80310000), Kind.UInt32),
        (Value(Kind.StatusCode, 0x80310000), Value(Kind.Int32, 0x80310000 - 2**32), Kind.Int32),
    ],
)
def test_the_type_of_lower_precedence_becomes_the_other(left: Value, right: Value, kind: int) -> None:
    for pair in ((left, right), (right, left)):
        common = in_common(*pair)
        assert common is not None
        assert [one.kind for one in common] == [kind, kind]
        assert common[0].held == common[1].held


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Value(Kind.Int32, -1), Value(Kind.UInt64, 1)),
        (Value(Kind.Int64, 1), Value(Kind.UInt64, 2**63)),
        (Value(Kind.String, "5x"), Value(Kind.Int16, 5)),
        (Value(Kind.String, "70000"), Value(Kind.Int16, 5)),
        (Value(Kind.DateTime, 5), Value(Kind.Int64, 5)),
        (Value(Kind.DateTime, 5), Value(Kind.String, "5")),
        (Value(Kind.Guid, GUID), Value(Kind.Int64, 5)),
        (Value(Kind.StatusCode, 0), Value(Kind.Double, 0.0)),
        (Value(Kind.StatusCode, 0), Value(Kind.String, "0")),
        (Value(Kind.ByteString, b"a"), Value(Kind.String, "a")),
        (Value(0x80 | Kind.Int32, b"\0" * 4), Value(Kind.Int32, 0)),
    ],
)
def test_what_has_no_implicit_conversion(left: Value, right: Value) -> None:
    assert in_common(left, right) is None
    assert in_common(right, left) is None


@pytest.mark.parametrize(
    ("value", "kind", "held"),
    [
        (Value(Kind.Double, 2.5), Kind.Int32, 3),
        (Value(Kind.Double, -2.5), Kind.Int32, -2),
        (Value(Kind.Double, 1e300), Kind.Float, None),
        (Value(Kind.Double, float("inf")), Kind.Int64, None),
        (Value(Kind.Double, 300.0), Kind.Byte, None),
        (Value(Kind.Double, 0.1), Kind.String, "0.1"),
        (Value(Kind.Float, 0.10000000149011612), Kind.String, "0.1"),
        (Value(Kind.Double, float("-inf")), Kind.String, "-INF"),
        (Value(Kind.Int32, 0), Kind.Boolean, False),
        (Value(Kind.Boolean, True), Kind.String, "true"),  # noqa: FBT003 - a value
        (Value(Kind.Int32, -7), Kind.String, "-7"),
        (Value(Kind.String, "1601-01-01T00:00:01Z"), Kind.DateTime, 10_000_000),
        (Value(Kind.String, "soon"), Kind.DateTime, None),
        (Value(Kind.DateTime, 10_000_000), Kind.String, "1601-01-01T00:00:01Z"),
        (Value(Kind.String, "i=85"), Kind.NodeId, 85),
        (Value(Kind.String, "nsu=urn:x;i=85"), Kind.ExpandedNodeId, ExpandedKey(85, "urn:x")),
        (Value(Kind.ExpandedNodeId, ExpandedKey(85)), Kind.NodeId, 85),
        (Value(Kind.ExpandedNodeId, ExpandedKey(85, "urn:x")), Kind.NodeId, None),
        (Value(Kind.String, "x"), Kind.QualifiedName, BrowseName(0, "x")),
        (Value(Kind.String, ""), Kind.QualifiedName, None),
        (Value(Kind.String, "x"), Kind.LocalizedText, LocalizedText(None, "x")),
        (Value(Kind.Guid, GUID), Kind.ByteString, GUID.bytes_le),
        (Value(Kind.ByteString, GUID.bytes_le), Kind.Guid, GUID),
        (Value(Kind.ByteString, b"x"), Kind.Guid, None),
        (Value(Kind.StatusCode, 0x80310000), Kind.Int16, 0x8031 - 2**16),
        (Value(Kind.Int32, -1), Kind.StatusCode, 0xFFFFFFFF),
        (Value(Kind.Int64, 2**40), Kind.StatusCode, None),
        (Value(Kind.String, "1" * 5000), Kind.Double, None),
        (Value(Kind.String, "NaN "), Kind.Double, None),
        (Value(Kind.String, "1_0"), Kind.Int32, None),
        (Value(Kind.String, "\u0665"), Kind.Int32, None),
        (Value(Kind.XmlElement, "<a/>"), Kind.String, None),
    ],
)
def test_explicit_conversions(value: Value, kind: int, held: object) -> None:
    converted = explicit(value, kind)
    assert converted == (None if held is None else Value(kind, held))


def test_implicit_ones_are_fewer() -> None:
    assert implicit(Value(Kind.Int32, 1), Kind.String) is None
    assert implicit(Value(Kind.Int32, 1), Kind.Boolean) is None
    assert as_boolean(Value(Kind.Int32, 1)) is None
    assert as_boolean(Value(Kind.String, "1")) is True
    assert as_boolean(Value(Kind.String, "no")) is None
    assert as_boolean(None) is None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(CONVERSIONS)), st.data())
def test_threat_14_no_conversion_raises_and_integers_stay_in_their_range(
    pair: tuple[int, int], data: st.DataObject
) -> None:
    source, target = pair
    converted = explicit(Value(source, data.draw(HELD[source])), target)
    if converted is not None and target in INTEGERS:
        least, greatest = INTEGERS[Kind(target)]
        assert least <= converted.held <= greatest


KEYS: st.SearchStrategy[NodeKey] = st.one_of(
    st.integers(1, 2**48 - 1).filter(lambda key: bool(key & 0xFFFFFFFF)),
    st.tuples(st.integers(0, 65535), st.one_of(st.text(min_size=1), st.binary(min_size=1), st.uuids())),
)
HELD: dict[int, st.SearchStrategy[object]] = {
    **{kind: st.integers(*bounds) for kind, bounds in INTEGERS.items()},
    Kind.Boolean: st.booleans(),
    Kind.Float: st.floats(width=32),
    Kind.Double: st.floats(),
    Kind.String: st.text(),
    Kind.DateTime: st.integers(-(2**63), 2**63 - 1),
    Kind.Guid: st.uuids(),
    Kind.ByteString: st.binary(),
    Kind.NodeId: KEYS,
    Kind.ExpandedNodeId: st.builds(ExpandedKey, KEYS, st.none() | st.just("urn:x"), st.integers(0, 9)),
    Kind.StatusCode: st.integers(0, 2**32 - 1),
    Kind.QualifiedName: st.builds(BrowseName, st.integers(0, 9), st.text(min_size=1)),
    Kind.LocalizedText: st.builds(LocalizedText, st.none() | st.text(), st.text()),
}


@given(KEYS)
def test_node_ids_are_read_as_they_are_written(key: NodeKey) -> None:
    if not (isinstance(key, tuple) and isinstance(key[1], UUID) and not key[1].int):
        assert node_id_from_text(node_id_to_text(key)) == key


@given(KEYS, st.integers(0, 2**32 - 1))
def test_expanded_node_ids_too(key: NodeKey, server: int) -> None:
    if not (isinstance(key, tuple) and isinstance(key[1], UUID) and not key[1].int):
        assert expanded_from_text(expanded_to_text(ExpandedKey(key, None, server))) == ExpandedKey(key, None, server)


@pytest.mark.parametrize("text", ["", "i=", "i=-1", "i=4294967296", "ns=65536;i=1", "g=1", "b=*", "x=1", "ns=1", "i=0"])
def test_texts_that_are_no_node_id(text: str) -> None:
    assert node_id_from_text(text) is None
    assert expanded_from_text(text) is None
