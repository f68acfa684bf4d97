"""DataTypes made by hand, for the tests of this folder."""

from __future__ import annotations

from nodesets.built_in_types import QualifiedName
from nodesets.datatypes.namespaces import ListedNamespaces
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeDefinition, DataTypeField, DataTypeNode, Node, ObjectNode, Reference

URN = "urn:test:types"
OTHER = "urn:test:other"
NAMESPACES = ListedNamespaces((STANDARD_NAMESPACE, URN, OTHER))

std = NodeName.standard
HAS_SUBTYPE = std(45)
HAS_ENCODING = std(38)
STRUCTURE, UNION, ENUMERATION, OPTION_SET = std(22), std(12756), std(29), std(12755)
RANGE, EU_INFORMATION, ARGUMENT = std(884), std(887), std(296)
SERVER_STATE, BUILD_INFO, SERVER_STATUS = std(852), std(338), std(862)


def named(number: int) -> NodeName:
    return NodeName(URN, "i", number)


def field(name: str, data_type: NodeName | int, rank: int = -1, **more: object) -> DataTypeField:
    kind = std(data_type) if isinstance(data_type, int) else data_type
    made = DataTypeField(name=name, data_type=kind, value_rank=rank)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def names(**numbers: int) -> tuple[DataTypeField, ...]:
    return tuple(DataTypeField(name=name, value=number) for name, number in numbers.items())


def data_type(
    name: NodeName,
    browse_name: str,
    base: NodeName | None,
    fields: tuple[DataTypeField, ...] | None = (),
    *,
    is_union: bool = False,
    is_option_set: bool = False,
    is_abstract: bool = False,
) -> DataTypeNode:
    """Give a DataType; ``fields`` None for one without a Definition."""
    qualified = QualifiedName(name.namespace, browse_name)
    definition = None
    if fields is not None:
        definition = DataTypeDefinition(name=qualified, is_union=is_union, is_option_set=is_option_set, fields=fields)
    references = () if base is None else (Reference(HAS_SUBTYPE, base, forward=False),)
    return DataTypeNode(
        name=name, browse_name=qualified, references=references, definition=definition, is_abstract=is_abstract
    )


def encodings(of: NodeName, binary: NodeName, xml: NodeName | None = None) -> list[Node]:
    """Give encoding objects, one with the reference at the object and one without a way back."""
    found: list[Node] = []
    for name, text in ((binary, "Default Binary"), (xml, "Default XML")):
        if name is not None:
            back = (Reference(HAS_ENCODING, of, forward=False),)
            found.append(ObjectNode(name=name, browse_name=QualifiedName(STANDARD_NAMESPACE, text), references=back))
    return found


def standard_types() -> list[Node]:
    """Give the roots, and some structures of Part 5 with their encodings."""
    return [
        data_type(STRUCTURE, "Structure", std(24), None, is_abstract=True),
        data_type(UNION, "Union", STRUCTURE, None, is_abstract=True),
        data_type(ENUMERATION, "Enumeration", std(24), None, is_abstract=True),
        data_type(OPTION_SET, "OptionSet", STRUCTURE, (field("Value", 15), field("ValidBits", 15)), is_abstract=True),
        data_type(std(26), "Number", std(24), None, is_abstract=True),
        data_type(std(290), "Duration", std(11), None),
        data_type(std(294), "UtcTime", std(13), None),
        data_type(RANGE, "Range", STRUCTURE, (field("Low", 11), field("High", 11))),
        *encodings(RANGE, std(886), std(885)),
        data_type(
            EU_INFORMATION,
            "EUInformation",
            STRUCTURE,
            (field("NamespaceUri", 12), field("UnitId", 6), field("DisplayName", 21), field("Description", 21)),
        ),
        *encodings(EU_INFORMATION, std(889), std(888)),
        data_type(
            ARGUMENT,
            "Argument",
            STRUCTURE,
            (
                field("Name", 12),
                field("DataType", 17),
                field("ValueRank", 6),
                field("ArrayDimensions", 7, 1),
                field("Description", 21),
            ),
        ),
        *encodings(ARGUMENT, std(298), std(297)),
        data_type(SERVER_STATE, "ServerState", ENUMERATION, names(Running=0, Failed=1, NoConfiguration=2)),
        data_type(
            BUILD_INFO,
            "BuildInfo",
            STRUCTURE,
            (
                field("ProductUri", 12),
                field("ManufacturerName", 12),
                field("ProductName", 12),
                field("SoftwareVersion", 12),
                field("BuildNumber", 12),
                field("BuildDate", std(294)),
            ),
        ),
        *encodings(BUILD_INFO, std(340), std(339)),
        data_type(
            SERVER_STATUS,
            "ServerStatusDataType",
            STRUCTURE,
            (
                field("StartTime", std(294)),
                field("CurrentTime", std(294)),
                field("State", SERVER_STATE),
                field("BuildInfo", BUILD_INFO),
                field("SecondsTillShutdown", 7),
                field("ShutdownReason", 21),
            ),
        ),
        *encodings(SERVER_STATUS, std(864), std(863)),
    ]
