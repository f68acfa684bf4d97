# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportUnknownMemberType=false
from __future__ import annotations

import uuid
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_to_binary, variant_from_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from server.address_space.decoding import DecodingError
from server.address_space.encoding import array_variant, encode_extension_object, variant
from server.address_space.extents import DEEPEST
from server.address_space.keys import numeric_key
from server.event_history.kept_values import GivenValues, KeptValues
from tests.unit.server.events.plant import encoded

BEFORE = ("http://opcfoundation.org/UA/", "urn:app", "urn:a", "urn:b")
AFTER = ("http://opcfoundation.org/UA/", "urn:app", "urn:b", "urn:new", "urn:a")
keep = KeptValues(BEFORE)


def giving(uris: tuple[str, ...]) -> GivenValues:
    return GivenValues(lambda uri: uris.index(uri) if uri in uris else None)


again, moved, elsewhere = giving(BEFORE), giving(AFTER), giving(BEFORE[:2])

node_ids = st.builds(
    ua.NodeId,
    st.one_of(st.integers(0, 2**32 - 1), st.text(max_size=5), st.uuids(), st.binary(max_size=5)),
    st.integers(0, 3),
)
expanded = st.builds(
    ua.ExpandedNodeId,
    st.integers(0, 2**32 - 1),
    st.integers(0, 3),
    ServerIndex=st.integers(0, 2),
)
names = st.builds(ua.QualifiedName, st.text(max_size=5), st.integers(0, 3))
plain = st.one_of(st.integers(-5, 5), st.text(max_size=5), st.floats(allow_nan=False), st.binary(max_size=5))
held = st.one_of(node_ids, expanded, names, plain, st.builds(ua.LocalizedText, st.text(max_size=3)))
variants = st.one_of(
    held.map(ua.Variant),
    st.lists(node_ids, min_size=1, max_size=3).map(ua.Variant),
    st.lists(names, min_size=1, max_size=3).map(ua.Variant),
    held.map(lambda value: ua.Variant(ua.DataValue(ua.Variant(value)), ua.VariantType.DataValue)),
    st.lists(held.map(ua.Variant), min_size=1, max_size=3).map(lambda many: ua.Variant(many, ua.VariantType.Variant)),
)


@settings(max_examples=150)
@given(variants)
def test_values_come_back_as_they_were(value: ua.Variant) -> None:
    sent = encoded(value.Value, value.VariantType)
    read = again(keep(sent))
    assert variant_from_binary(Buffer(read)) == variant_from_binary(Buffer(sent))


@pytest.mark.parametrize(
    "identifier", [7, 70_000, "s", uuid.UUID(int=9), b"opaque"], ids=["short", "long", "text", "guid", "bytes"]
)
def test_namespaces_are_found_by_their_uri_wherever_they_stand(identifier: Any) -> None:
    there, other = ua.NodeId(identifier, 2), ua.NodeId(identifier, 0)
    value = encoded([there, other], ua.VariantType.NodeId)
    assert b"urn:a" in keep(value)
    assert variant_from_binary(Buffer(moved(keep(value)))).Value == [ua.NodeId(identifier, 4), other]
    assert variant_from_binary(Buffer(elsewhere(keep(value)))).Value == [ua.NodeId(), other]


def test_names_are_found_by_their_uri_wherever_they_stand() -> None:
    value = keep(encoded(ua.QualifiedName("n", 3)))
    assert variant_from_binary(Buffer(moved(value))).Value == ua.QualifiedName("n", 2)
    assert variant_from_binary(Buffer(elsewhere(value))).Value in (ua.QualifiedName(None, 0), None)


def test_an_expanded_node_id_keeps_a_uri_that_is_gone() -> None:
    given_one = elsewhere(keep(encoded(ua.ExpandedNodeId(5, 2))))
    read = variant_from_binary(Buffer(given_one)).Value
    assert (read.Identifier, read.NamespaceUri) == (5, "urn:a")
    of_another_server = encoded(ua.ExpandedNodeId(5, 2, ServerIndex=3))
    assert keep(of_another_server) == of_another_server


def test_changes_of_the_model_are_told_of_the_nodes_that_they_were() -> None:
    change = ua.ModelChangeStructureDataType(Affected=ua.NodeId(1, 2), AffectedType=ua.NodeId(2, 3), Verb=1)
    value = array_variant(22, [extensionobject_to_binary(change)])
    read = variant_from_binary(Buffer(moved(keep(value)))).Value[0]
    assert (read.Affected, read.AffectedType, read.Verb) == (ua.NodeId(1, 4), ua.NodeId(2, 2), 1)


def test_other_structures_keep_their_bodies_and_get_their_type() -> None:
    value = variant(22, encode_extension_object(numeric_key(3, 500), b"\x02\x00\x00\x00"))
    assert moved(keep(value)) == variant(22, encode_extension_object(numeric_key(2, 500), b"\x02\x00\x00\x00"))
    without_body = variant(22, b"\x00\x00\x00")
    assert moved(keep(without_body)) == without_body


def test_a_node_id_of_a_namespace_that_never_was_is_null() -> None:
    assert variant_from_binary(Buffer(again(keep(encoded(ua.NodeId(5, 9)))))).Value == ua.NodeId()


@settings(max_examples=100)
@given(st.binary(max_size=30))
def test_bytes_that_are_no_variant_are_told(data: bytes) -> None:
    for rewrite in (keep, again):
        try:
            rewrite(data)
        except DecodingError:
            continue


@pytest.mark.parametrize("data", [b"", b"\x11", b"\x11\x02\x01", b"\x91\x05\x00\x00\x00\x00\x01", b"\x11\x00\x01\x00"])
def test_short_and_long_bytes_are_no_variant(data: bytes) -> None:
    with pytest.raises(DecodingError):
        keep(data)


def test_variants_in_each_other_have_an_end() -> None:
    deep = b"\x98\x01\x00\x00\x00" * (DEEPEST + 2) + b"\x00"
    with pytest.raises(DecodingError):
        keep(deep)
