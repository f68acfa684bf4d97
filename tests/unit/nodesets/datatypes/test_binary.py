"""The binary codec beside asyncua's, and against bytes that mean harm."""

# asyncua's annotations are partial, and its structures are typed Any.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import struct
import tracemalloc
from datetime import UTC, datetime
from uuid import UUID

import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_to_binary, variant_from_binary, variant_to_binary

from core.time import from_datetime
from nodesets.built_in_types import (
    NULL_NODE,
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.binary import (
    decode_data_value,
    decode_extension_object,
    decode_structure,
    decode_variant,
    encode_data_value,
    encode_extension_object,
    encode_structure,
    encode_value,
    encode_variant,
    read,
    reader_of,
    write,
    writer_of,
)
from nodesets.datatypes.problems import DataTypeError, DecodingError, EncodingError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import STANDARD_NAMESPACE, NodeName
from tests.unit.nodesets.datatypes.described import (
    ARGUMENT,
    BUILD_INFO,
    EU_INFORMATION,
    NAMESPACES,
    RANGE,
    SERVER_STATUS,
    STRUCTURE,
    UNION,
    URN,
    data_type,
    encodings,
    field,
    named,
    standard_types,
    std,
)

REGISTRY = TypeRegistry.of(
    [
        *standard_types(),
        data_type(named(1), "Tree", STRUCTURE, (field("Children", named(1), 1),)),
        *encodings(named(1), named(11)),
        data_type(named(2), "Nothing", STRUCTURE, ()),
        data_type(named(3), "Many", STRUCTURE, (field("All", named(2), 1),)),
        *encodings(named(3), named(31)),
        data_type(named(4), "Opaque", STRUCTURE, None),
        *encodings(named(4), named(41)),
        data_type(named(5), "Either", UNION, (field("A", 6), field("B", 12)), is_union=True),
        *encodings(named(5), named(51)),
        data_type(named(6), "Grid", STRUCTURE, (field("Cells", 6, 2), field("Points", named(2), 2))),
    ]
)
MOMENT = datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC)
TICKS = from_datetime(MOMENT)
GUID = UUID("09087e75-8e5e-499b-954f-f2a9603db28a")
NULL = Variant(BuiltInType.Null, None)


def encoded(value: Variant) -> bytes:
    return encode_variant(value, REGISTRY, NAMESPACES)


def decoded(data: bytes) -> Variant:
    return decode_variant(data, REGISTRY, NAMESPACES)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (NULL, ua.Variant(None, ua.VariantType.Null)),
        (Variant(BuiltInType.Boolean, value=True), ua.Variant(Value=True, VariantType=ua.VariantType.Boolean)),
        *[
            (Variant(BuiltInType(number), 100), ua.Variant(100, ua.VariantType(number)))
            for number in (2, 3, 4, 5, 6, 7, 8, 9)
        ],
        (Variant(BuiltInType.Float, 0.5), ua.Variant(0.5, ua.VariantType.Float)),
        (Variant(BuiltInType.Double, -0.1), ua.Variant(-0.1, ua.VariantType.Double)),
        (Variant(BuiltInType.String, "Größe"), ua.Variant("Größe", ua.VariantType.String)),
        (Variant(BuiltInType.String, None), ua.Variant(None, ua.VariantType.String)),
        (Variant(BuiltInType.DateTime, TICKS), ua.Variant(MOMENT.replace(tzinfo=None), ua.VariantType.DateTime)),
        (Variant(BuiltInType.Guid, GUID), ua.Variant(GUID, ua.VariantType.Guid)),
        (Variant(BuiltInType.ByteString, b"\0\1"), ua.Variant(b"\0\1", ua.VariantType.ByteString)),
        (Variant(BuiltInType.XmlElement, "<a/>"), ua.Variant(ua.XmlElement("<a/>"), ua.VariantType.XmlElement)),
        *[
            (Variant(BuiltInType.NodeId, ours), ua.Variant(theirs, ua.VariantType.NodeId))
            for ours, theirs in (
                (std(255), ua.TwoByteNodeId(255)),
                (std(256), ua.FourByteNodeId(256, 0)),
                (named(65535), ua.FourByteNodeId(65535, 1)),
                (named(65536), ua.NumericNodeId(65536, 1)),
                (NodeName(URN, "s", "a"), ua.StringNodeId("a", 1)),
                (NodeName(URN, "g", GUID), ua.GuidNodeId(GUID, 1)),
                (NodeName(URN, "b", b"\1"), ua.ByteStringNodeId(b"\1", 1)),
            )
        ],
        (
            Variant(BuiltInType.ExpandedNodeId, ExpandedNodeName(NodeName("urn:far", "s", "x"), 7)),
            ua.Variant(ua.ExpandedNodeId("x", 0, ua.NodeIdType.String, "urn:far", 7), ua.VariantType.ExpandedNodeId),
        ),
        (Variant(BuiltInType.StatusCode, 0x80010000), ua.Variant(ua.StatusCode(0x80010000))),
        (Variant(BuiltInType.QualifiedName, QualifiedName(URN, "n")), ua.Variant(ua.QualifiedName("n", 1))),
        (Variant(BuiltInType.LocalizedText, LocalizedText("de", "Wort")), ua.Variant(ua.LocalizedText("Wort", "de"))),
        (Variant(BuiltInType.LocalizedText, LocalizedText(None, "x")), ua.Variant(ua.LocalizedText("x"))),
        (
            Variant(BuiltInType.DataValue, DataValue(Variant(BuiltInType.Int32, 1), 0x80000000, TICKS, None, TICKS)),
            ua.Variant(
                ua.DataValue(
                    ua.Variant(1, ua.VariantType.Int32),
                    ua.StatusCode(0x80000000),
                    MOMENT.replace(tzinfo=None),
                    MOMENT.replace(tzinfo=None),
                ),
                ua.VariantType.DataValue,
            ),
        ),
        (Variant(BuiltInType.Int32, (1, 2)), ua.Variant([1, 2], ua.VariantType.Int32)),
        (Variant(BuiltInType.Int32, ()), ua.Variant([], ua.VariantType.Int32)),
        (Variant(BuiltInType.Boolean, (True, False)), ua.Variant([True, False], ua.VariantType.Boolean)),
        (Variant(BuiltInType.String, ("a", None)), ua.Variant(["a", None], ua.VariantType.String)),
        (
            Variant(BuiltInType.Double, (1.0, 2.0, 3.0, 4.0), (2, 2)),
            ua.Variant([[1.0, 2.0], [3.0, 4.0]], ua.VariantType.Double),
        ),
        (
            Variant(BuiltInType.Variant, (Variant(BuiltInType.Int32, 1), Variant(BuiltInType.String, "a"))),
            ua.Variant([ua.Variant(1, ua.VariantType.Int32), ua.Variant("a")], ua.VariantType.Variant),
        ),
    ],
    ids=str,
)
def test_a_variant_is_the_same_bytes_as_asyncua_writes(ours: Variant, theirs: ua.Variant) -> None:
    data = encoded(ours)
    assert data == variant_to_binary(theirs)
    assert decoded(data) == ours


def test_asyncua_reads_what_it_cannot_write_alike() -> None:
    info = DiagnosticInfo(1, 2, 3, 4, "more", 0x80000000)
    theirs = variant_from_binary(Buffer(encoded(Variant(BuiltInType.DiagnosticInfo, info)))).Value
    assert (theirs.SymbolicId, theirs.NamespaceURI, theirs.Locale, theirs.LocalizedText) == (1, 2, 3, 4)
    assert (theirs.AdditionalInfo, theirs.InnerStatusCode.value) == ("more", 0x80000000)


def _argument() -> tuple[Structure, object]:
    fields: dict[str, Value] = {
        "Name": "speed",
        "DataType": std(11),
        "ValueRank": -1,
        "ArrayDimensions": (3,),
        "Description": LocalizedText(None, "x"),
    }
    theirs = ua.Argument("speed", ua.NodeId(11), -1, [3], ua.LocalizedText("x"))
    return Structure(ARGUMENT, fields), theirs


def _status() -> tuple[Structure, object]:
    moment = MOMENT.replace(tzinfo=None)
    build: dict[str, Value] = dict.fromkeys(("ProductUri", "ManufacturerName", "ProductName", "SoftwareVersion"), "a")
    build |= {"BuildNumber": None, "BuildDate": TICKS}
    fields: dict[str, Value] = {
        "StartTime": TICKS,
        "CurrentTime": TICKS,
        "State": 1,
        "BuildInfo": Structure(BUILD_INFO, build),
        "SecondsTillShutdown": 9,
        "ShutdownReason": LocalizedText("en", "over"),
    }
    theirs = ua.ServerStatusDataType(
        moment,
        moment,
        ua.ServerState.Failed,
        ua.BuildInfo("a", "a", "a", "a", None, moment),
        9,
        ua.LocalizedText("over", "en"),
    )
    return Structure(SERVER_STATUS, fields), theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Structure(RANGE, {"Low": 1.0, "High": 2.0}), ua.Range(1.0, 2.0)),
        (
            Structure(
                EU_INFORMATION,
                {
                    "NamespaceUri": "urn:units",
                    "UnitId": -1,
                    "DisplayName": LocalizedText(None, "°C"),
                    "Description": LocalizedText(None, None),
                },
            ),
            ua.EUInformation("urn:units", -1, ua.LocalizedText("°C"), ua.LocalizedText(None)),
        ),
        _argument(),
        _status(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_standard_structure_is_the_same_bytes_as_asyncua_writes(ours: Structure, theirs: object) -> None:
    body = encode_structure(ours, REGISTRY, NAMESPACES)
    assert body == struct_to_binary(theirs)
    assert decode_structure(body, ours.type, REGISTRY, NAMESPACES) == ours
    data = encoded(Variant(BuiltInType.ExtensionObject, ours))
    assert data == variant_to_binary(ua.Variant(theirs, ua.VariantType.ExtensionObject))
    assert decoded(data).value == ours


def test_a_structure_without_default_binary_goes_by_its_own_node_id() -> None:
    data = encode_extension_object(Structure(named(2)), REGISTRY, NAMESPACES)
    assert data == b"\x01\x01\x02\x00" + b"\x01" + b"\0\0\0\0"
    assert decode_extension_object(data, REGISTRY, NAMESPACES) == Structure(named(2))


def test_what_the_registry_does_not_describe_stays_encoded() -> None:
    for one in (
        EncodedStructure(named(41), b"\1\2"),
        EncodedStructure(named(99), b""),
        EncodedStructure(named(99), "<a/>"),
        EncodedStructure(std(886), None),
        None,
    ):
        data = encode_extension_object(one, REGISTRY, NAMESPACES)
        assert decode_extension_object(data, REGISTRY, NAMESPACES) == one
    with pytest.raises(DataTypeError, match="no Definition"):
        decode_structure(b"", named(4), REGISTRY, NAMESPACES)


def test_null_arrays_and_empty_ones() -> None:
    assert decoded(encoded(Variant(BuiltInType.Int32, None))) == Variant(BuiltInType.Int32, None)
    # None is a String's null scalar, so the null array of Strings is read as the empty one.
    assert decoded(b"\x8c\xff\xff\xff\xff") == Variant(BuiltInType.String, ())


def test_matrices_in_fields() -> None:
    nothing = Structure(named(2))
    value = Structure(named(6), {"Cells": Matrix((2, 1), (1, 2)), "Points": Matrix((1, 2), (nothing, nothing))})
    data = encode_structure(value, REGISTRY, NAMESPACES)
    assert data == struct.pack("<5i", 2, 2, 1, 1, 2) + struct.pack("<3i", 2, 1, 2)
    assert decode_structure(data, named(6), REGISTRY, NAMESPACES) == value


def test_values_one_after_another_in_a_stream() -> None:
    writer = writer_of(REGISTRY, NAMESPACES)
    write(writer, BuiltInType.Int32, 5)
    write(writer, BuiltInType.String, "a")
    reader = reader_of(b"\xff" + bytes(writer.out), REGISTRY, NAMESPACES, 1)
    assert read(reader, BuiltInType.Int32) == 5
    assert read(reader, BuiltInType.String) == "a"
    reader.end()


def test_data_values_with_picoseconds() -> None:
    value = DataValue(NULL, None, 1, 2, 3, 4)
    assert decode_data_value(encode_data_value(value, REGISTRY, NAMESPACES), REGISTRY, NAMESPACES) == value


@pytest.mark.parametrize(
    ("built_in", "value", "problem"),
    [
        (BuiltInType.Boolean, 1, "no Boolean"),
        (BuiltInType.Byte, 256, "no Byte"),
        (BuiltInType.Int32, "5", "no Int32"),
        (BuiltInType.Float, 1e39, "no Float"),
        (BuiltInType.String, b"a", "no String"),
        (BuiltInType.String, "\ud800", "surrogate"),
        (BuiltInType.ByteString, "a", "no ByteString"),
        (BuiltInType.Guid, "a", "no Guid"),
        (BuiltInType.NodeId, "i=1", "no NodeId"),
        (BuiltInType.NodeId, NodeName("urn:else", "i", 1), "not in the table"),
        (BuiltInType.NodeId, NodeName(STANDARD_NAMESPACE, "s", 1), "no identifier of the kind s"),
        (BuiltInType.QualifiedName, "a", "no QualifiedName"),
        (BuiltInType.LocalizedText, "a", "no LocalizedText"),
        (BuiltInType.DataValue, NULL, "no DataValue"),
        (BuiltInType.Variant, 5, "no Variant"),
        (BuiltInType.Variant, Variant(BuiltInType.Variant, NULL), "a Variant as its value"),
        (BuiltInType.Variant, Variant(BuiltInType.Int32, (1, "a")), "an element of the array"),
        (BuiltInType.Variant, Variant(BuiltInType.Int32, (1, 2, 3), (2, 2)), "has 3 elements"),
        (BuiltInType.ExtensionObject, 5, "no ExtensionObject"),
        (BuiltInType.ExtensionObject, Structure(named(4)), "no Definition"),
        (BuiltInType.ExtensionObject, Structure(RANGE, {"Low": 1.0}), "High: the field has no value"),
        (BuiltInType.ExtensionObject, Structure(RANGE, {"Low": "a", "High": 1.0}), "Low: 'a' is no Double"),
        (BuiltInType.ExtensionObject, Structure(RANGE, {"Low": 1.0, "High": 1.0, "x": 1}), "no field x"),
        (BuiltInType.ExtensionObject, Structure(named(3), {"All": (Structure(RANGE),)}), "All: "),
        (BuiltInType.ExtensionObject, Structure(named(5), {"A": 1, "B": "b"}), "a union has the fields"),
    ],
)
def test_what_does_not_fit_is_refused(built_in: BuiltInType, value: Value, problem: str) -> None:
    with pytest.raises(EncodingError, match=problem):
        encode_value(built_in, value, REGISTRY, NAMESPACES)


def test_a_value_that_holds_itself_is_refused() -> None:
    tree = Structure(named(1), {})
    tree.fields["Children"] = (tree,)
    with pytest.raises(EncodingError, match="100 levels"):
        encode_structure(tree, REGISTRY, NAMESPACES)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "end within"),
        (b"\x06\x01\x02", "end within a number"),
        (b"\x06\x01\x00\x00\x00\x00", "1 bytes are left"),
        (b"\x3f\x00", "no built-in type"),
        (b"\x80", "an array of nothing"),
        (b"\x18\x00", "a Variant as its value"),
        (b"\x0c\xff\xff\xff\x7f", "bytes are expected"),
        (b"\x0c\x01\x00\x00\x00\xff", "not UTF-8"),
        (b"\x86\xff\xff\xff\x7f", "beyond the end"),
        (b"\x98\xff\xff\xff\x7f", "beyond the end"),
        (b"\x11\x06", "no form of a NodeId"),
        (b"\x11\x01\x09\x00\x00", "namespace index 9"),
        (b"\xc6\x01\0\0\0\x05\0\0\0\x02\0\0\0\x02\0\0\0\x02\0\0\0", "has 1 elements"),
        (b"\x16\x00\x00\x03", "no encoding of an ExtensionObject"),
        (b"\x16\x01\x00\x76\x03\x01\x00\x00\x00\x00", "end within"),
        (b"\x16\x01\x00\x76\x03\x01\x04\x00\x00\x00" + bytes(16), "has 4 bytes"),
        (b"\x16\x01\x00\x76\x03\x01\x12\x00\x00\x00" + bytes(18), "has 18 bytes"),
        (b"\x16\x01\x01\x33\x00\x01\x04\x00\x00\x00\x03\0\0\0", "the number 3 is set"),
    ],
)
def test_bytes_that_are_no_value(data: bytes, problem: str) -> None:
    with pytest.raises(DecodingError, match=problem):
        decoded(data)


def test_hostile_nesting_ends_with_an_error() -> None:
    for hostile in (
        b"\x98\x01\0\0\0" * 100_000,
        b"\x19" + b"\x40" * 100_000,
        b"\x17\x01" * 100_000,
        b"\x16\x01\x01\x0b\x00\x01\xff\xff\xff\x0f" + b"\x01\0\0\0" * 100_000,
    ):
        with pytest.raises(DecodingError):
            decoded(hostile)
    with pytest.raises(DecodingError, match="100 levels"):
        decode_structure(b"\x01\0\0\0" * 100_000, named(1), REGISTRY, NAMESPACES)


def test_hostile_lengths_take_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(DecodingError, match="more structures than bytes"):
            decode_structure(b"\xff\xff\xff\x7f", named(3), REGISTRY, NAMESPACES)
        with pytest.raises(DecodingError, match="more structures than bytes"):
            decode_structure(struct.pack("<i4i", -1, 2, 2**30, 2**30, 0), named(6), REGISTRY, NAMESPACES)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_matrix_of_too_many_dimensions_is_refused_at_once() -> None:
    many = struct.pack("<i", 100_000) + b"\xff\xff\xff\x7f" * 100_000
    with pytest.raises(DecodingError, match="up to 64"):
        decoded(b"\xc6\0\0\0\0" + many)
    with pytest.raises(DecodingError, match="up to 64"):
        decode_structure(many, named(6), REGISTRY, NAMESPACES)


def test_the_null_extension_object() -> None:
    assert encode_extension_object(None, REGISTRY, NAMESPACES) == b"\0\0\0"
    assert decode_extension_object(b"\0\0\1\1\0\0\0a", REGISTRY, NAMESPACES) == EncodedStructure(NULL_NODE, b"a")
