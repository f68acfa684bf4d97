from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tests.nodeset_reading import Tree, same

from .conftest import OWN, UA

Value = Callable[[str], Tree]
Kinds = Callable[[str], tuple[Tree, list[str]]]

SCALARS: list[tuple[str, str, Tree]] = [
    ("Boolean", "<uax:Boolean>true</uax:Boolean>", True),
    ("SByte", "<uax:SByte>-128</uax:SByte>", -128),
    ("Byte", "<uax:Byte>255</uax:Byte>", 255),
    ("Int16", "<uax:Int16>-5</uax:Int16>", -5),
    ("UInt16", "<uax:UInt16>65535</uax:UInt16>", 65535),
    ("Int32", "<uax:Int32> 7\n</uax:Int32>", 7),
    ("UInt32", "<uax:UInt32>0</uax:UInt32>", 0),
    ("Int64", "<uax:Int64>-9223372036854775808</uax:Int64>", -(2**63)),
    ("UInt64", "<uax:UInt64>18446744073709551615</uax:UInt64>", 2**64 - 1),
    ("Float", "<uax:Float>-INF</uax:Float>", -math.inf),
    ("Double", "<uax:Double>1.5</uax:Double>", 1.5),
    ("String", "<uax:String> a b </uax:String>", " a b "),
    ("String", "<uax:String/>", ""),
    ("String", '<uax:String xsi:nil="true"/>', None),
    ("DateTime", "<uax:DateTime>0001-01-01T00:00:00Z</uax:DateTime>", 0),
    (
        "Guid",
        "<uax:Guid><uax:String>09087E75-8E5E-499B-954F-F2A9603DB28A</uax:String></uax:Guid>",
        "09087e75-8e5e-499b-954f-f2a9603db28a",
    ),
    ("ByteString", "<uax:ByteString>AAE=</uax:ByteString>", b"\x00\x01"),
    ("ByteString", "<uax:ByteString/>", b""),
    (
        "XmlElement",
        '<uax:XmlElement><p:a xmlns:p="urn:p" y="2" x="1">t</p:a></uax:XmlElement>',
        '<a xmlns="urn:p" x="1" y="2">t</a>',
    ),
    ("NodeId", "<uax:NodeId><uax:Identifier>ns=2;i=5</uax:Identifier></uax:NodeId>", f"{OWN}i=5"),
    ("NodeId", "<uax:NodeId/>", f"{UA}i=0"),
    (
        "ExpandedNodeId",
        "<uax:ExpandedNodeId><uax:Identifier>svr=1;ns=1;s=x</uax:Identifier></uax:ExpandedNodeId>",
        "svr=urn:server;nsu=urn:other;s=x",
    ),
    ("StatusCode", "<uax:StatusCode><uax:Code>2147483648</uax:Code></uax:StatusCode>", 0x80000000),
    (
        "QualifiedName",
        "<uax:QualifiedName><uax:NamespaceIndex>2</uax:NamespaceIndex><uax:Name>n</uax:Name></uax:QualifiedName>",
        ("urn:own", "n"),
    ),
    ("QualifiedName", "<uax:QualifiedName/>", ("http://opcfoundation.org/UA/", None)),
    (
        "LocalizedText",
        "<uax:LocalizedText><uax:Locale>en</uax:Locale><uax:Text>t</uax:Text></uax:LocalizedText>",
        ("en", "t"),
    ),
    ("LocalizedText", "<uax:LocalizedText><uax:Locale/></uax:LocalizedText>", ("", None)),
    ("ExtensionObject", "<uax:ExtensionObject/>", None),
    (
        "Variant",
        "<uax:Variant><uax:Value><uax:Byte>1</uax:Byte></uax:Value></uax:Variant>",
        {"builtin": "Byte", "value": 1},
    ),
    (
        "DiagnosticInfo",
        """<uax:DiagnosticInfo><uax:SymbolicId>3</uax:SymbolicId><uax:InnerStatusCode><uax:Code>1</uax:Code>
           </uax:InnerStatusCode><uax:InnerDiagnosticInfo/></uax:DiagnosticInfo>""",
        {"SymbolicId": 3, "InnerStatusCode": 1, "InnerDiagnosticInfo": {}},
    ),
    (
        "DataValue",
        """<uax:DataValue><uax:Value><uax:Value><uax:Int16>4</uax:Int16></uax:Value></uax:Value>
           <uax:SourceTimestamp>1601-01-02T00:00:00Z</uax:SourceTimestamp></uax:DataValue>""",
        {
            "Value": {"builtin": "Int16", "value": 4},
            "StatusCode": 0,
            "SourceTimestamp": 864_000_000_000,
            "SourcePicoseconds": 0,
            "ServerTimestamp": 0,
            "ServerPicoseconds": 0,
        },
    ),
]


@pytest.mark.parametrize(("built_in", "xml", "expected"), SCALARS)
def test_scalars(value: Value, built_in: str, xml: str, expected: Tree) -> None:
    assert value(xml) == {"builtin": built_in, "value": expected}


@pytest.mark.parametrize(("built_in", "xml", "expected"), SCALARS)
def test_lists_of_them(value: Value, built_in: str, xml: str, expected: Tree) -> None:
    assert value(f"<uax:ListOf{built_in}>{xml}{xml}</uax:ListOf{built_in}>") == {
        "builtin": built_in,
        "value": [expected, expected],
    }


def test_not_a_number_is_itself_when_compared(value: Value) -> None:
    nan = value("<uax:Double>NaN</uax:Double>")
    assert same(nan, {"builtin": "Double", "value": math.nan})
    assert not same(nan, {"builtin": "Float", "value": math.nan})


def test_null_and_empty_are_the_same_when_compared() -> None:
    assert same([None, ("", "t"), b""], ["", (None, "t"), None])
    assert not same([None], [])
    assert not same([0], [None])
    assert not same([True], [1])


def test_empty_and_missing_content(value: Value) -> None:
    assert value("<uax:ListOfInt32/>") == {"builtin": "Int32", "value": []}
    assert value('<uax:ListOfInt32 xsi:nil="true"/>') == {"builtin": "Int32", "value": None}
    assert value("") == {"builtin": None, "value": None}


def test_a_matrix_is_flat_with_its_dimensions(value: Value) -> None:
    xml = """<uax:Matrix><uax:Dimensions><uax:Int32>2</uax:Int32><uax:Int32>1</uax:Int32></uax:Dimensions>
      <uax:Elements><uax:NodeId><uax:Identifier>ns=1;i=1</uax:Identifier></uax:NodeId><uax:NodeId/></uax:Elements>
      </uax:Matrix>"""
    assert value(xml) == {"builtin": "NodeId", "dimensions": [2, 1], "value": ["nsu=urn:other;i=1", f"{UA}i=0"]}


@pytest.mark.parametrize(
    "xml",
    [
        "<uax:Byte>256</uax:Byte>",
        "<uax:Byte/>",
        "<uax:Boolean>yes</uax:Boolean>",
        "<uax:Argument/>",
        "<uax:ListOfInt32><uax:Int16>1</uax:Int16></uax:ListOfInt32>",
        "<uax:NodeId><uax:Identifier>ns=7;i=1</uax:Identifier></uax:NodeId>",
        "<uax:Int32>1</uax:Int32><uax:Int32>2</uax:Int32>",
        "<uax:String><uax:b/></uax:String>",
        "<uax:Matrix><uax:Dimensions><uax:Int32>2</uax:Int32></uax:Dimensions><uax:Elements/></uax:Matrix>",
        "5",
    ],
)
def test_what_cannot_be_decoded_is_kept_as_xml_and_told(kinds: Kinds, xml: str) -> None:
    found, problems = kinds(xml)
    assert isinstance(found, dict)
    assert found["type"] is None
    assert str(found["xml"]).startswith("<Value ")
    assert problems == ["undecodable-value"]


def test_oddities_are_told_beside_the_value(kinds: Kinds) -> None:
    assert kinds("<Int32>1</Int32>") == ({"builtin": "Int32", "value": 1}, ["foreign-namespace"])
    found, problems = kinds("<uax:DateTime>1601-01-02T00:00:00</uax:DateTime>")
    assert (found, problems) == ({"builtin": "DateTime", "value": 864_000_000_000}, ["date-without-zone"])
