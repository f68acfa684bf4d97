from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.nodeset_reading import Tree

from .conftest import OWN, UA, body, data_type

Value = Callable[[str, str], Tree]
Kinds = Callable[[str, str], tuple[Tree, list[str]]]

POINT = data_type(
    10,
    "Point",
    "i=22",
    '<Definition Name="2:Point"><Field Name="X" DataType="i=11"/><Field Name="Name" DataType="i=12"/></Definition>',
)
POINT_3D = data_type(
    11,
    "Point3D",
    "ns=2;i=10",
    '<Definition Name="2:Point3D"><Field Name="3D" DataType="i=6" ValueRank="1"/></Definition>',
)


def extension(value: Tree) -> Tree:
    return {"builtin": "ExtensionObject", "value": value}


def structure(number: int, **fields: Tree) -> Tree:
    return {"type": f"{OWN}i={number}", "fields": fields}


def holder(definition: str, number: int = 30, parent: str = "i=22") -> str:
    return data_type(number, "Holder", parent, f'<Definition Name="2:Holder">{definition}</Definition>')


def test_inherited_fields_come_first_and_missing_ones_have_defaults(value: Value) -> None:
    found = value(body(11, "<Point3D><X>1</X><_3D><Int32>1</Int32><Int32>2</Int32></_3D></Point3D>"), POINT + POINT_3D)
    expected: Tree = {"type": f"{OWN}i=11", "fields": {"X": 1.0, "Name": None, "3D": [1, 2]}}
    assert found == extension(expected)
    assert isinstance(found, dict)
    assert isinstance(found["value"], dict)
    assert isinstance(found["value"]["fields"], dict)
    assert list(found["value"]["fields"]) == ["X", "Name", "3D"]


def test_the_type_id_may_be_the_data_type_itself(value: Value) -> None:
    xml = body(-990, "<Point><Name/></Point>")  # TypeId ns=2;i=10
    assert value(xml, POINT) == extension(structure(10, X=0.0, Name=""))


def test_an_encoding_of_another_name_is_told(kinds: Kinds) -> None:
    types = POINT.replace("Default XML", "Default Binary")
    assert kinds(body(10, "<Point/>"), types) == (
        extension(structure(10, X=0.0, Name=None)),
        ["type-id-of-another-encoding"],
    )


def test_every_default_of_a_missing_field(value: Value) -> None:
    scalars = "".join(f'<Field Name="F{number}" DataType="i={number}"/>' for number in range(1, 26))
    types = (
        POINT
        + data_type(20, "E", "i=29")
        + holder(
            scalars
            + '<Field Name="P" DataType="ns=2;i=10"/><Field Name="E" DataType="ns=2;i=20"/>'
            + '<Field Name="L" DataType="i=6" ValueRank="1"/><Field Name="M" DataType="i=6" ValueRank="2"/>'
            + '<Field Name="A" DataType="i=24"/><Field Name="Self" DataType="ns=2;i=30" ValueRank="1"/>'
        )
    )
    null_id = f"{UA}i=0"
    numbers = dict.fromkeys((f"F{number}" for number in range(2, 10)), 0)
    assert value(body(30, "<Holder/>"), types) == extension(
        structure(
            30,
            F1=False,
            **numbers,
            F10=0.0,
            F11=0.0,
            F12=None,
            F13=0,
            F14="00000000-0000-0000-0000-000000000000",
            F15=None,
            F16=None,
            F17=null_id,
            F18=null_id,
            F19=0,
            F20=("http://opcfoundation.org/UA/", None),
            F21=(None, None),
            F22=None,
            F23=None,
            F24=None,
            F25=None,
            P=structure(10, X=0.0, Name=None),
            E=0,
            L=None,
            M=None,
            A=None,
            Self=None,
        )
    )


def test_namespace_indexes_inside_of_structures_are_those_of_the_file(value: Value) -> None:
    types = holder(
        '<Field Name="N" DataType="i=17"/><Field Name="X" DataType="i=18"/><Field Name="Q" '
        'DataType="i=20" ValueRank="1"/><Field Name="V" DataType="i=24"/>'
    )
    xml = body(
        30,
        "<Holder><N><uax:Identifier>ns=1;i=1</uax:Identifier></N><X><uax:Identifier>nsu=urn:far;i=2</uax:Identifier></X>"
        "<Q><QualifiedName><NamespaceIndex>2</NamespaceIndex><Name>q</Name></QualifiedName></Q>"
        "<V><Value><uax:ListOfNodeId><uax:NodeId><uax:Identifier>ns=2;s=z</uax:Identifier></uax:NodeId></uax:ListOfNodeId>"
        "</Value></V></Holder>",
    )
    assert value(xml, types) == extension(
        structure(
            30,
            N="nsu=urn:other;i=1",
            X="nsu=urn:far;i=2",
            Q=[("urn:own", "q")],
            V={"builtin": "NodeId", "value": [f"{OWN}s=z"]},
        )
    )


def test_base64_byte_strings_and_matrices_inside_of_structures(value: Value) -> None:
    types = holder('<Field Name="B" DataType="i=15"/><Field Name="M" DataType="i=6" ValueRank="2"/>')
    matrix = (
        "<M><Dimensions><Int32>1</Int32><Int32>2</Int32></Dimensions>"
        "<Elements><Int32>3</Int32><Int32>4</Int32></Elements></M>"
    )
    assert value(body(30, f"<Holder><B>AAE=</B>{matrix}</Holder>"), types) == extension(
        structure(30, B=b"\x00\x01", M={"dimensions": [1, 2], "value": [3, 4]})
    )


def test_nested_structures_inline_in_arrays_and_as_extension_objects(value: Value) -> None:
    types = (
        POINT
        + POINT_3D
        + data_type(12, "Abstract", "i=22", abstract=True)
        + data_type(
            13, "Concrete", "ns=2;i=12", '<Definition Name="2:Concrete"><Field Name="C" DataType="i=1"/></Definition>'
        )
        + holder(
            '<Field Name="Inline" DataType="ns=2;i=10"/><Field Name="List" DataType="ns=2;i=10" ValueRank="1"/>'
            '<Field Name="Open" DataType="ns=2;i=10" AllowSubTypes="true" ValueRank="1"/>'
            '<Field Name="Abstract" DataType="ns=2;i=12"/><Field Name="Any" DataType="i=22"/>'
            '<Field Name="Number" DataType="i=6" AllowSubTypes="true"/>'
        )
    )
    concrete = body(13, "<Concrete><C>true</C></Concrete>")
    inside = concrete.removeprefix("<uax:ExtensionObject>").removesuffix("</uax:ExtensionObject>")
    xml = body(
        30,
        "<Holder><Inline><X>1</X></Inline><List><Point><X>2</X></Point><Point/></List>"
        f"<Open>{body(11, '<Point3D><X>3</X></Point3D>')}</Open><Abstract>{inside}</Abstract><Any>{inside}</Any>"
        "<Number><Value><uax:Int32>4</uax:Int32></Value></Number></Holder>",
    )
    assert value(xml, types) == extension(
        structure(
            30,
            Inline=structure(10, X=1.0, Name=None),
            List=[structure(10, X=2.0, Name=None), structure(10, X=0.0, Name=None)],
            Open=[{"type": f"{OWN}i=11", "fields": {"X": 3.0, "Name": None, "3D": None}}],
            Abstract=structure(13, C=True),
            Any=structure(13, C=True),
            Number={"builtin": "Int32", "value": 4},
        )
    )


def test_structures_written_the_other_way_are_read_and_told(kinds: Kinds) -> None:
    types = POINT + holder(
        '<Field Name="Inline" DataType="ns=2;i=10"/><Field Name="Open" DataType="ns=2;i=10" AllowSubTypes="true"/>'
    )
    wrapped = body(10, "<Point><X>1</X></Point>")
    inside = wrapped.removeprefix("<uax:ExtensionObject>").removesuffix("</uax:ExtensionObject>")
    assert kinds(body(30, f"<Holder><Inline>{inside}</Inline><Open><X>2</X></Open></Holder>"), types) == (
        extension(structure(30, Inline=structure(10, X=1.0, Name=None), Open=structure(10, X=2.0, Name=None))),
        ["extension-object-where-inline", "inline-where-extension-object"],
    )


OPTIONAL = holder(
    '<Field Name="X" DataType="i=6"/><Field Name="O1" DataType="i=6" IsOptional="true"/>'
    '<Field Name="Y" DataType="i=2"/><Field Name="O2" DataType="i=6" IsOptional="true"/>'
)


@pytest.mark.parametrize(
    ("content", "fields", "problems"),
    [
        ("<EncodingMask>0</EncodingMask><X>1</X>", {"X": 1, "Y": 0}, []),
        ("<EncodingMask>2</EncodingMask><X>1</X><Y>2</Y><O2>3</O2>", {"X": 1, "Y": 2, "O2": 3}, []),
        ("<EncodingMask>3</EncodingMask><O1>3</O1>", {"X": 0, "O1": 3, "Y": 0, "O2": 0}, []),
        ("<O1>3</O1>", {"X": 0, "O1": 3, "Y": 0}, ["no-encoding-mask"]),
        ("<EncodingMask>0</EncodingMask><O1>3</O1>", {"X": 0, "O1": 3, "Y": 0}, ["encoding-mask"]),
    ],
)
def test_optional_fields(kinds: Kinds, content: str, fields: dict[str, Tree], problems: list[str]) -> None:
    found = kinds(body(30, f"<Holder>{content}</Holder>"), OPTIONAL)
    assert found == (extension(structure(30, **fields)), problems)


def test_a_subtype_extends_the_encoding_mask(value: Value) -> None:
    types = OPTIONAL + data_type(
        31,
        "Sub",
        "ns=2;i=30",
        '<Definition Name="2:Sub"><Field Name="O3" DataType="i=6" IsOptional="true"/></Definition>',
    )
    found = value(body(31, "<Sub><EncodingMask>4</EncodingMask><O3>5</O3></Sub>"), types)
    assert found == extension(structure(31, X=0, Y=0, O3=5))


UNION = POINT + data_type(
    30,
    "Choice",
    "i=12756",
    '<Definition Name="2:Choice" IsUnion="true"><Field Name="A" DataType="i=6"/>'
    '<Field Name="B" DataType="ns=2;i=10" ValueRank="1"/></Definition>',
)


@pytest.mark.parametrize(
    ("content", "fields", "problems"),
    [
        ("<SwitchField>1</SwitchField><A>5</A>", {"A": 5}, []),
        (
            "<SwitchField>2</SwitchField><B><Point/></B>",
            {"B": [{"type": f"{OWN}i=10", "fields": {"X": 0.0, "Name": None}}]},
            [],
        ),
        ("<SwitchField>1</SwitchField>", {"A": 0}, []),
        ("<SwitchField>0</SwitchField>", {}, []),
        ("", {}, []),
        ("<A>5</A>", {"A": 5}, ["no-switch-field"]),
    ],
)
def test_unions(kinds: Kinds, content: str, fields: dict[str, Tree], problems: list[str]) -> None:
    found = kinds(body(30, f"<Choice>{content}</Choice>"), UNION)
    assert found == (extension(structure(30, **fields)), problems)


@pytest.mark.parametrize(
    "content",
    ["<SwitchField>3</SwitchField>", "<SwitchField>1</SwitchField><B/>", "<SwitchField>1</SwitchField><A>1</A><B/>"],
)
def test_a_union_that_contradicts_itself_is_kept_as_xml(kinds: Kinds, content: str) -> None:
    found, problems = kinds(body(30, f"<Choice>{content}</Choice>"), UNION)
    assert isinstance(found, dict)
    assert isinstance(found["value"], dict)
    assert found["value"]["type"] == f"{OWN}i=1030"
    assert "SwitchField" in str(found["value"]["xml"])
    assert problems == ["undecodable-body"]


ENUMERATION = data_type(
    20,
    "Mode",
    "i=29",
    '<Definition Name="2:Mode"><Field Name="Off" Value="0"/><Field Name="Very_On" Value="3"/></Definition>',
) + holder('<Field Name="M" DataType="ns=2;i=20"/><Field Name="L" DataType="ns=2;i=20" ValueRank="1"/>')


@pytest.mark.parametrize(
    ("text", "number", "problems"),
    [
        ("Very_On_3", 3, []),
        ("3", 3, []),
        ("Off", 0, []),
        ("Off_3", 3, ["enumeration-name"]),
    ],
)
def test_enumerations(kinds: Kinds, text: str, number: int, problems: list[str]) -> None:
    found = kinds(
        body(30, f"<Holder><M>{text}</M><L><Mode>Off_0</Mode><Mode>Very_On_3</Mode></L></Holder>"), ENUMERATION
    )
    assert found == (extension(structure(30, M=number, L=[0, 3])), problems)


def test_option_sets_as_structures_and_as_numbers(value: Value) -> None:
    bits = '<Definition Name="2:Bits" IsOptionSet="true"><Field Name="A" Value="0"/></Definition>'
    types = (
        data_type(20, "Bits", "i=12755", bits)
        + data_type(21, "WordBits", "i=5", bits)
        + holder('<Field Name="S" DataType="ns=2;i=20"/><Field Name="W" DataType="ns=2;i=21"/>')
    )
    xml = body(30, "<Holder><S><Value>Aw==</Value><ValidBits>Aw==</ValidBits></S><W>2</W></Holder>")
    assert value(xml, types) == extension(structure(30, S=structure(20, Value=b"\x03", ValidBits=b"\x03"), W=2))


def test_decimals(value: Value) -> None:
    xml = (
        "<uax:ExtensionObject><uax:TypeId><uax:Identifier>i=50</uax:Identifier></uax:TypeId>"
        "<uax:Body><uax:Scale>-2</uax:Scale><uax:Value>123456789012345678901234567890</uax:Value></uax:Body>"
        "</uax:ExtensionObject>"
    )
    decimal: Tree = {"type": f"{UA}i=50", "fields": {"Scale": -2, "Value": 123456789012345678901234567890}}
    assert value(xml, "") == extension(decimal)


def test_a_symbolic_name_is_the_name_of_the_element(value: Value) -> None:
    types = holder('<Field Name="a b" SymbolicName="Sym" DataType="i=6"/><Field Name="c d" DataType="i=6"/>')
    assert value(body(30, "<Holder><Sym>1</Sym><c_d>2</c_d></Holder>"), types) == extension(
        {"type": f"{OWN}i=30", "fields": {"a b": 1, "c d": 2}}
    )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("<Point><X>1</X><Colour/></Point>", "unknown-field"),
        ("<Point><X>1</X><X>1</X></Point>", "field-twice"),
        ("<Point><Name/><X>1</X></Point>", "field-order"),
        ("<Pint><X>1</X></Pint>", "body-name"),
        ("<Point><X>one</X></Point>", "undecodable-body"),
        ("<uax:ByteString>AAE=</uax:ByteString>", "undecodable-body"),
        ("", "undecodable-body"),
    ],
)
def test_what_the_definition_does_not_say_is_told(kinds: Kinds, content: str, kind: str) -> None:
    assert kinds(body(10, content), POINT)[1] == [kind]


def test_a_body_of_an_unknown_type_is_kept_as_xml_between_known_ones(kinds: Kinds) -> None:
    xml = f"<uax:ListOfExtensionObject>{body(99, '<Q><R>1</R></Q>')}{body(10, '<Point/>')}</uax:ListOfExtensionObject>"
    found, problems = kinds(xml, POINT)
    assert isinstance(found, dict)
    assert isinstance(found["value"], list)
    unknown, known = found["value"]
    assert isinstance(unknown, dict)
    assert unknown["type"] == f"{OWN}i=1099"
    assert "R>1<" in str(unknown["xml"])
    assert known == structure(10, X=0.0, Name=None)
    assert problems == ["undecodable-body"]
