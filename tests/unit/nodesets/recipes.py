"""A structure, and variables with values, as the XML of small NodeSet2 files."""

from __future__ import annotations

SUBTYPE = '<References><Reference ReferenceType="i=45" IsForward="false">{}</Reference></References>'


def recipe(supertype: str = "i=22") -> str:
    """Give a structure of two fields, with its XML encoding."""
    return (
        f'<UADataType NodeId="ns=1;i=1" BrowseName="1:Recipe">{SUBTYPE.format(supertype)}<Definition Name="1:Recipe">'
        '<Field Name="Water" DataType="Double"/><Field Name="Steps" DataType="Int32" ValueRank="1"/></Definition>'
        '</UADataType><UAObject NodeId="ns=1;i=2" BrowseName="Default XML"><References>'
        '<Reference ReferenceType="HasEncoding" IsForward="false">ns=1;i=1</Reference>'
        '<Reference ReferenceType="HasTypeDefinition">i=76</Reference></References></UAObject>'
    )


def body(encoding: str, water: str = "1.5") -> str:
    return (
        f"<u:ExtensionObject><u:TypeId><u:Identifier>{encoding}</u:Identifier></u:TypeId><u:Body>\n<Recipe>"
        f"<Water>{water}</Water><Steps><u:Int32>1</u:Int32><u:Int32>2</u:Int32></Steps></Recipe></u:Body>"
        "</u:ExtensionObject>"
    )


def variable(value: str, number: int = 9, tag: str = "UAVariable") -> str:
    return f'<{tag} NodeId="ns=1;i={number}" BrowseName="1:V"><Value>{value}</Value></{tag}>\n'
