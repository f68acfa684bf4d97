"""Our bytes are those of another implementation of the binary encoding (Part 6 v1.05 5.2)."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import math
import struct
from typing import Any
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    nodeid_from_binary,
    nodeid_to_binary,
    struct_from_binary,
    struct_to_binary,
    variant_from_binary,
    variant_to_binary,
)
from hypothesis import given
from hypothesis import strategies as st

from core.datatypes import DataType
from core.time import to_datetime
from nodesets.built_in_types import LocalizedText
from server.address_space import encoding
from server.address_space.decoding import Cursor, DecodingError, decode_object
from server.address_space.extents import skip_variant
from server.address_space.keys import NodeKey, key_of, nodeid_of, numeric_key

_text = st.text(st.characters(codec="utf-8"), max_size=30)
_namespaces = st.one_of(st.integers(0, 3), st.integers(0, 65535))
_keys = st.one_of(
    st.builds(numeric_key, _namespaces, st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))),
    st.tuples(_namespaces, st.one_of(_text, st.uuids(), st.binary(max_size=30))),
)


@given(_keys)
def test_node_ids_go_to_bytes_and_back_and_the_other_side_reads_the_same(key: NodeKey) -> None:
    data = encoding.encode_node_id(key)
    assert Cursor(data).node_id() == key
    assert key_of(nodeid_from_binary(Buffer(data))) == key
    assert data == nodeid_to_binary(_shortest(key))


def _shortest(key: NodeKey) -> ua.NodeId:
    nodeid = nodeid_of(key)
    if not isinstance(key, int):
        return nodeid
    namespace, number = key >> 32, key & 0xFFFF_FFFF
    if not namespace and number < 256:
        return ua.NodeId(number, 0, ua.NodeIdType.TwoByte)
    if namespace < 256 and number < 65536:
        return ua.NodeId(number, namespace, ua.NodeIdType.FourByte)
    return ua.NodeId(number, namespace, ua.NodeIdType.Numeric)


@pytest.mark.parametrize("kind", [ua.NodeIdType.TwoByte, ua.NodeIdType.FourByte, ua.NodeIdType.Numeric])
def test_equal_node_ids_are_one_key_whatever_form_they_come_in(kind: ua.NodeIdType) -> None:
    assert Cursor(nodeid_to_binary(ua.NodeId(85, 0, kind))).node_id() == 85


@given(st.integers(0, 32767), st.one_of(st.none(), _text))  # the other side holds the index as an Int16
def test_qualified_names(namespace: int, name: str | None) -> None:
    data = encoding.encode_qualified_name(namespace, name)
    assert data == struct_to_binary(ua.QualifiedName(name, namespace))
    assert Cursor(data).qualified_name() == (namespace, name)


@given(st.one_of(st.none(), _text), st.one_of(st.none(), _text))
def test_localized_texts(locale: str | None, text: str | None) -> None:
    data = encoding.encode_localized_text(LocalizedText(locale, text))
    assert Cursor(data).localized_text() == (locale, text)
    assert data == struct_to_binary(ua.LocalizedText(text, locale))


_values = st.one_of(
    st.tuples(st.just(DataType.BOOLEAN), st.booleans()),
    st.tuples(st.just(DataType.SBYTE), st.integers(-128, 127)),
    st.tuples(st.just(DataType.INT64), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(DataType.UINT64), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(DataType.UINT16), st.integers(0, 65535)),
    st.tuples(st.just(DataType.FLOAT), st.floats(width=32, allow_nan=False)),
    st.tuples(st.just(DataType.DOUBLE), st.floats(allow_nan=False)),
    st.tuples(st.just(DataType.STRING), st.one_of(st.none(), _text)),
    st.tuples(st.just(DataType.BYTESTRING), st.one_of(st.none(), st.binary(max_size=40))),
    st.tuples(st.just(DataType.GUID), st.uuids()),
)


@given(_values)
def test_values_of_columns_are_variants_that_the_other_side_reads(typed: tuple[DataType, Any]) -> None:
    datatype, value = typed
    data = encoding.encode_object(datatype, value)
    assert data == variant_to_binary(ua.Variant(value, ua.VariantType(int(datatype))))
    assert decode_object(datatype, data) == value


def test_times_and_status_codes_are_kept_to_the_tick() -> None:
    moment = 133_000_000_000_000_010
    data = encoding.encode_object(DataType.DATETIME, moment)
    assert variant_from_binary(Buffer(data)).Value == to_datetime(moment)
    assert decode_object(DataType.DATETIME, data) == moment
    assert decode_object(DataType.STATUSCODE, encoding.encode_object(DataType.STATUSCODE, 0x80310000)) == 0x80310000


@given(
    st.one_of(st.none(), st.just(b"\x06\x05\x00\x00\x00")),
    st.sampled_from([0, 0x80310000]),
    st.one_of(st.none(), st.integers(1, 10**18)),
    st.one_of(st.none(), st.integers(1, 10**18)),
)
def test_data_values(variant: bytes | None, status: int, source: int | None, server: int | None) -> None:
    data = encoding.encode_data_value(variant, status, source, server)
    assert Cursor(data).data_value() == (variant, status or None, source, server)
    other = struct_from_binary(ua.DataValue, Buffer(data))
    assert other.StatusCode.value == status
    assert (other.SourceTimestamp is None) == (source is None)
    assert (other.ServerTimestamp is None) == (server is None)


_anything = st.recursive(
    st.sampled_from(
        [
            ua.Variant(3, ua.VariantType.Byte),
            ua.Variant("text", ua.VariantType.String),
            ua.Variant([1.5, math.inf], ua.VariantType.Double),
            ua.Variant([], ua.VariantType.Int64),
            ua.Variant(["a", None, ""], ua.VariantType.String),
            ua.Variant(ua.NodeId(UUID(int=5), 3), ua.VariantType.NodeId),
            ua.Variant(ua.ExpandedNodeId("x", 0, NamespaceUri="urn:a", ServerIndex=2), ua.VariantType.ExpandedNodeId),
            ua.Variant(ua.QualifiedName("q", 4), ua.VariantType.QualifiedName),
            ua.Variant(ua.LocalizedText("t", "en"), ua.VariantType.LocalizedText),
            ua.Variant(ua.Argument("a"), ua.VariantType.ExtensionObject),
            ua.Variant(ua.ExtensionObject(ua.NodeId(9, 9), b"abc"), ua.VariantType.ExtensionObject),
            ua.Variant([[1, 2], [3, 4]], ua.VariantType.UInt16),
            ua.Variant(ua.StatusCode(0x80310000), ua.VariantType.StatusCode),
            ua.Variant(
                ua.DiagnosticInfo(SymbolicId=3, AdditionalInfo="x", InnerStatusCode=ua.StatusCode(5)),
                ua.VariantType.DiagnosticInfo,
            ),
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda many: ua.Variant(many, ua.VariantType.Variant)),
        inner.map(lambda one: ua.Variant(ua.DataValue(one, ua.StatusCode(5)), ua.VariantType.DataValue)),
    ),
    max_leaves=6,
)


@given(_anything, st.binary(max_size=4))
def test_the_end_of_any_value_is_found_without_decoding_it(value: ua.Variant, after: bytes) -> None:
    data = variant_to_binary(value)
    assert skip_variant(data + after, 0) == len(data)
    for end in range(len(data)):
        with pytest.raises(DecodingError):
            skip_variant(data[:end], 0)


@given(st.binary(max_size=60))
def test_bytes_that_make_no_sense_are_a_decoding_error_and_nothing_else(data: bytes) -> None:
    for read in (Cursor.node_id, Cursor.variant, Cursor.data_value, Cursor.qualified_name, Cursor.localized_text):
        cursor = Cursor(data)
        try:
            read(cursor)
        except DecodingError:
            continue
        assert cursor.at <= len(data)


def test_values_in_each_other_without_end_are_refused() -> None:
    with pytest.raises(DecodingError, match="in each other"):
        skip_variant(b"\x98\x01\x00\x00\x00" * 500, 0)
    with pytest.raises(DecodingError, match="in each other"):
        skip_variant(b"\x19" + b"\x40" * 500, 0)


def test_a_length_beyond_the_end_costs_nothing() -> None:
    with pytest.raises(DecodingError):
        skip_variant(b"\x8c" + struct.pack("<i", 2**31 - 1), 0)
    with pytest.raises(DecodingError):
        Cursor(struct.pack("<i", 2**31 - 1)).count(1)
